import { readFile } from 'node:fs/promises'
import test from 'ava'
import type { Page } from 'playwright-core'
import type { Simulator } from '../../runtime/simulator/server.ts'
import { openStall, type Stall } from './chromium.ts'
import { connect } from './conversation.ts'
import { order, respond, update, userText } from './events.ts'
import { mintAzureKey } from './mint.ts'
import type { PageCall } from './page-call.ts'
import { createStage } from './stage.ts'

const caller = await readFile(new URL('caller.js', import.meta.url), 'utf8')
const stage = createStage(test)
let simulator: Simulator
let stall: Stall

test.before(async () => {
  simulator = await stage.simulator({ seed: 7, rate: 8 })
  stall = await openStall('Good morning to everybody out there')
})
test.after.always(() => stall?.close())

const standing = { 'api-key': 'standing', 'content-type': 'application/json' }
const manual = { audio: { input: { turn_detection: null } } }
const mintKey = (session: object = {}) => mintAzureKey(simulator.url, session)

async function callPage(): Promise<Page> {
  const page = await stall.page()
  await page.addScriptTag({ content: caller })
  return page
}

type Running = { running: PageCall }
const callsUrl = () => `${simulator.url}/openai/v1/realtime/calls`
const sidebandUrl = (callId: string) => `${simulator.url}/openai/v1/realtime?call_id=${callId}`

test.serial('a browser calls, sees events on its channel, and hears the answer', async t => {
  const page = await callPage()
  const result = await page.evaluate(
    async ([url, key, item]) => {
      const call = await globalThis.call(url, key)
      const { session } = await call.event('session.created')
      call.send(item)
      call.send({ type: 'response.create' })
      await call.event('output_audio_buffer.started')
      const loudness = await call.heard()
      await call.event('output_audio_buffer.stopped')
      const stats = await call.stats()
      call.peer.close()
      return {
        session,
        loudness,
        types: call.events.map(event => event.type),
        location: call.location,
        stats,
      }
    },
    [callsUrl(), await mintKey(manual), userText('tell me something')] as const,
  )
  t.is(result.session.object, 'realtime.session')
  t.true(result.loudness > 0.01)
  t.true(result.stats.totalAudioEnergy > 0)
  t.regex(result.location, /^\/v1\/realtime\/calls\/rtc_[0-9a-f]{32}$/)
  const { types } = result
  t.false(types.includes('response.output_audio.delta'))
  t.true(types.includes('response.output_audio.done'))
  t.true(types.indexOf('output_audio_buffer.started') > types.indexOf('response.content_part.added'))
  t.true(types.indexOf('output_audio_buffer.stopped') > types.indexOf('response.done'))
  t.log(`concealment events: ${result.stats.concealmentEvents}, level: ${result.loudness.toFixed(3)}`)
  await page.close()
})

test.serial(
  'the microphone is heard: the server finds the turn, and speech during an answer cuts it off',
  async t => {
    const page = await callPage()
    const types = await page.evaluate(
      async ([url, key]) => {
        const call = await globalThis.call(url, key)
        await call.event('session.created')
        await call.event('input_audio_buffer.speech_stopped')
        await call.event('output_audio_buffer.started')
        const before = call.events.length
        call.send({
          type: 'conversation.item.create',
          item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'count to 200' }] },
        })
        await call.event('response.done', before)
        call.send({ type: 'response.create' })
        await call.event('output_audio_buffer.cleared')
        await call.event('conversation.item.truncated')
        call.peer.close()
        return call.events.map(event => event.type)
      },
      [callsUrl(), await mintKey()] as const,
    )
    t.true(types.includes('input_audio_buffer.committed'))
    t.true(types.indexOf('output_audio_buffer.cleared') > types.indexOf('input_audio_buffer.speech_started'))
    await page.close()
  },
)

test.serial(
  'a filtered browser sees words alone, the sideband everything but the sound; a hangup ends both',
  async t => {
    const page = await callPage()
    const callId = await page.evaluate(
      async ([url, key, item]) => {
        const call = await globalThis.call(url, key)
        Object.assign(globalThis, { running: call })
        // What is said before the channel is open at both ends is not heard on it.
        await call.opened()
        call.send(item)
        await call.event('conversation.item.added')
        return call.callId
      },
      [`${callsUrl()}?webrtcfilter=on`, await mintKey(manual), userText('first words')] as const,
    )
    const { send, next, until, closed } = await connect(sidebandUrl(callId))
    send(update({ instructions: 'Always begin with "Aye."' }))
    let event = await next()
    while (event.type !== 'session.updated') event = await next()
    send(userText('hello'), respond())
    const events = await until('output_audio_buffer.stopped')
    t.false(events.some(({ type }) => type === 'response.output_audio.delta'))
    t.true(events.some(({ type }) => type === 'output_audio_buffer.started'))
    t.deepEqual(order(events).slice(-1), ['output_audio_buffer.stopped'])
    const seen = await page.evaluate(async () => {
      const call = (globalThis as unknown as Running).running
      const { transcript } = await call.event('response.output_audio_transcript.done')
      return { transcript, types: call.events.map(({ type }) => type) }
    })
    t.is(seen.transcript, 'Aye. You said: hello')
    t.false(seen.types.includes('session.created'))
    t.false(seen.types.includes('response.done'))
    const url = `${callsUrl()}/${callId}/hangup`
    t.is((await fetch(url, { method: 'POST', headers: standing })).status, 200)
    await closed()
    t.true(await page.evaluate(() => (globalThis as unknown as Running).running.closed()))
    t.is((await fetch(url, { method: 'POST', headers: standing })).status, 404)
    const refused = await t.throwsAsync(connect(sidebandUrl(callId)))
    t.true(refused?.message.includes('404'))
    await page.close()
  },
)

test.serial('a browser that leaves ends the call, and the sideband is told', async t => {
  const page = await callPage()
  const callId = await page.evaluate(
    async ([url, key]) => {
      const call = await globalThis.call(url, key)
      await call.event('session.created')
      return call.callId
    },
    [callsUrl(), await mintKey(manual)] as const,
  )
  const sideband = await connect(sidebandUrl(callId))
  await page.close()
  t.is((await sideband.closed()).code, 1000)
})

test.serial("OpenAI's door takes a form with the main key, and a channel of any name", async t => {
  const page = await callPage()
  const session = { type: 'realtime', model: 'gpt-realtime-2.1', instructions: 'Be kind.' }
  const { status, location, created } = await page.evaluate(
    ([url, wanted]) => globalThis.callByForm(url, 'sk-main', wanted),
    [`${simulator.url}/v1/realtime/calls`, session] as const,
  )
  t.is(status, 201)
  t.regex(location, /^\/v1\/realtime\/calls\/rtc_u0_[A-Za-z0-9]{21}$/)
  t.is(created.session.instructions, 'Be kind.')
  t.is(created.session.model, 'gpt-realtime-2.1')
  await page.close()
})

test.serial("the preview's call speaks the preview dialect on its channel", async t => {
  const page = await callPage()
  const minted = await fetch(`${simulator.url}/openai/realtimeapi/sessions?api-version=2025-04-01-preview`, {
    method: 'POST',
    headers: standing,
    body: JSON.stringify({ model: 'my-deployment', voice: 'verse', turn_detection: null }),
  })
  const { client_secret } = (await minted.json()) as { client_secret: { value: string } }
  const types = await page.evaluate(
    async ([url, key, item]) => {
      const call = await globalThis.call(url, key)
      await call.event('session.created')
      call.send(item)
      call.send({ type: 'response.create' })
      await call.event('output_audio_buffer.stopped')
      call.peer.close()
      return call.events.map(event => event.type)
    },
    [`${simulator.url}/v1/realtimertc?model=my-deployment`, client_secret.value, userText('hi')] as const,
  )
  t.true(types.includes('response.audio_transcript.delta'))
  t.true(types.includes('conversation.item.created'))
  t.false(types.includes('response.audio.delta'))
  await page.close()
})
