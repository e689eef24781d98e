/** The whole way in a real Chromium with a (fake) microphone, one step a test, in order. */
import { readFile } from 'node:fs/promises'
import test from 'ava'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../browser/_chromium.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { type GatewayProcess, gatewayProcess } from '../gateway/process.ts'
import type { Stage } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'
import { request } from './caller.ts'

type CallEvent = { type: string; [field: string]: unknown }

const ends: (() => unknown)[] = []
const stage: Stage = { teardown: run => ends.push(run) }

let browser: Browser
let page: Page
let gateway: GatewayProcess
let sessionId: string
let control: Talk

test.before(async () => {
  gateway = await gatewayProcess(stage, { SIMULATOR_RATE: '4' })
  browser = await launchChromium([
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
  ])
  page = await browser.newPage()
  await page.goto(gateway.url)
  // Evaluated, not added as a script: the page's policy allows only its own.
  await page.evaluate(await readFile(new URL('page.js', import.meta.url), 'utf8'))
})

test.after.always(async () => {
  await browser?.close()
  for (const end of ends.reverse()) await end()
})

async function callEvent(type: string): Promise<CallEvent> {
  const messages = await control.until('openai_event', ({ event }) => (event as CallEvent).type === type)
  return messages.at(-1)?.event as CallEvent
}

test.serial('create: the page makes a session', async t => {
  sessionId = await page.evaluate(async () => {
    const answer = await fetch('/sideband/session', { method: 'POST' })
    return ((await answer.json()) as { session_id: string }).session_id
  })
  t.regex(sessionId, /^sideband_[0-9a-f]{16}$/)
})

test.serial('connect: its offer, with the microphone, becomes a call whose data channel opens', async t => {
  const callId = await page.evaluate(`startCall(${JSON.stringify(sessionId)})`)
  t.regex(String(callId), /^rtc_/)
})

test.serial('control: the gateway joins the same call', async t => {
  control = await converse(stage, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  t.like(await control.next(), { type: 'sideband_connected', session_id: sessionId })
})

test.serial(
  'speak: what is said into the microphone is heard, transcribed and answered, and control sees it',
  async t => {
    control = await converse(stage, `${gateway.socketUrl}/sideband/control/${sessionId}`)
    await control.until('sideband_connected')
    control.send({
      type: 'session.update',
      session: { type: 'realtime', audio: { input: { transcription: { model: 'whisper-1' } } } },
    })
    await callEvent('session.updated')
    await page.evaluate('call.microphone.enabled = true')
    await callEvent('input_audio_buffer.speech_started')
    await page.evaluate('call.microphone.enabled = false')
    const transcribed = await callEvent('conversation.item.input_audio_transcription.completed')
    t.is(typeof transcribed.transcript, 'string')
    const answered = await callEvent('response.output_audio_transcript.done')
    t.true(String(answered.transcript).length > 0)
    await callEvent('output_audio_buffer.stopped')
    await t.notThrowsAsync(page.evaluate('heard()'), 'the browser received sound')
  },
)

test.serial('update instructions: the answer changes', async t => {
  control = await converse(stage, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'update_instructions', instructions: 'Always begin with "Ahoy"' })
  await callEvent('session.updated')
  control.send({ type: 'send_message', text: 'hello' })
  t.regex(String((await callEvent('response.output_audio_transcript.done')).transcript), /^Ahoy/)
  await callEvent('output_audio_buffer.stopped')
})

test.serial("send a server message: the browser's own channel carries the answer", async t => {
  control = await converse(stage, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  await control.until('sideband_connected')
  control.send({ type: 'send_message', text: 'from the server' })
  await callEvent('response.done')
  await page.evaluate("answeredWith('from the server')")
  // Counts are written from time to time.
  const sent = async () => {
    const { body } = await request(`${gateway.url}/sideband/session/${sessionId}`)
    return Number(body.events_to_openai)
  }
  await until(async () => (await sent()) >= 6, 'the call does not send six times')
  t.is(await sent(), 6)
})

test.serial("hang up from the server: the browser's peer connection ends", async t => {
  control = await converse(stage, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  await control.until('sideband_connected')
  const ended = page.evaluate('ended()')
  t.is((await request(`${gateway.url}/sideband/session/${sessionId}`, { method: 'DELETE' })).status, 200)
  await control.until('call_ended')
  await ended
  t.like((await request(`${gateway.url}/sideband/session/${sessionId}`)).body, {
    webrtc_connected: false,
    ended_reason: 'hung up',
  })
})
