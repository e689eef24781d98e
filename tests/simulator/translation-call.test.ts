/** Live translation over WebRTC, called from a real Chromium: speech on the tracks, events on the data channel. */
import { readFile } from 'node:fs/promises'
import test from 'ava'
import { openPeer } from '../calls/caller.ts'
import { openStall, type Stall } from './chromium.ts'
import { connect } from './conversation.ts'
import { mintAzureKey } from './mint.ts'
import type {} from './page-call.ts'
import { createStage } from './stage.ts'

const caller = await readFile(new URL('caller.js', import.meta.url), 'utf8')
const stage = createStage(test)
const starting = stage.simulator({ seed: 11, rate: 8 })
let stall: Stall

test.before(async () => {
  stall = await openStall('Good morning to everybody out there')
})
test.after.always(() => stall?.close())

const model = 'gpt-realtime-translate'
const bases = { openai: '/v1/realtime', azure: '/openai/v1/realtime' } as const

async function mintKey(base: string, session: object = {}): Promise<string> {
  const reply = await fetch(`${(await starting).url}${base}/translations/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer standing', 'content-type': 'application/json' },
    body: JSON.stringify({ session: { model, ...session } }),
  })
  const { value } = (await reply.json()) as { value: string }
  return value
}

async function offer(base: string, key: string, sdp: string, query = '', type = 'application/sdp') {
  const headers = { authorization: `Bearer ${key}`, 'content-type': type }
  const url = `${(await starting).url}${base}/translations/calls${query}`
  const reply = await fetch(url, { method: 'POST', headers, body: sdp })
  return { status: reply.status, location: reply.headers.get('location') ?? '', text: await reply.text() }
}

for (const [vendor, base] of Object.entries(bases)) {
  test.serial(
    `${vendor}: a browser hears what it says, and reads the words until it closes the session`,
    async t => {
      const key = await mintKey(base, {
        audio: { input: { transcription: { model: 'gpt-realtime-whisper' } }, output: { language: 'es' } },
      })
      const page = await stall.page()
      await page.addScriptTag({ content: caller })
      const result = await page.evaluate(
        async ([url, value]) => {
          const call = await globalThis.call(url, value)
          const { session } = await call.event('session.created')
          call.send({ type: 'session.update', session: { audio: { output: { language: 'fr' } } } })
          const updated = await call.event('session.updated')
          const loudness = await call.heard()
          await call.event('session.input_transcript.delta')
          await call.event('session.output_transcript.delta')
          call.send({ type: 'session.close' })
          await call.event('session.closed')
          const stats = await call.stats()
          await call.closed()
          return {
            session,
            updated,
            loudness,
            stats,
            types: call.events.map(({ type }) => type),
            location: call.location,
          }
        },
        [`${(await starting).url}${base}/translations/calls`, key] as const,
      )
      t.like(result.session, { type: 'translation', model, audio: { output: { language: 'es' } } })
      t.like(result.updated, { session: { audio: { output: { language: 'fr' } } } })
      t.true(result.loudness > 0.01)
      t.true(result.stats.totalAudioEnergy > 0)
      t.false(result.types.includes('session.output_audio.delta'))
      t.is(result.types.at(-1), 'session.closed')
      t.regex(result.location, /^\/v1\/realtime\/translations\/calls\/rtc_\w+$/)
      await page.close()
    },
  )
}

test('a call is joined at the address of translations alone, and ended by a hang-up', async t => {
  const { url } = await starting
  const peer = await openPeer(t)
  const { text, location } = await offer(bases.openai, await mintKey(bases.openai), peer.sdp)
  await peer.connect(text)
  await peer.until('session.created')
  const callId = location.split('/').at(-1)
  const joined = await connect(`${url}/v1/realtime/translations?call_id=${callId}`)
  joined.send({ type: 'session.update', session: { audio: { output: { language: 'ja' } } } })
  t.like((await peer.until('session.updated')).at(-1), { session: { audio: { output: { language: 'ja' } } } })
  t.is((await joined.next()).type, 'session.updated')
  await t.throwsAsync(connect(`${url}/v1/realtime?call_id=${callId}`), { message: /404/ })
  const hangup = { method: 'POST', headers: { authorization: 'Bearer standing' } }
  t.is((await fetch(`${url}/v1/realtime/calls/${callId}/hangup`, hangup)).status, 200)
  t.is((await joined.closed()).code, 1000)
  t.is((await peer.until('session.closed')).at(-1)?.type, 'session.closed')
  t.is((await fetch(`${url}/v1/realtime/calls/${callId}/hangup`, hangup)).status, 404)
  await t.throwsAsync(connect(`${url}/v1/realtime/translations?call_id=${callId}`), { message: /404/ })
})

test('a browser that leaves ends the call', async t => {
  const peer = await openPeer(t)
  const { text, location } = await offer(bases.openai, await mintKey(bases.openai), peer.sdp)
  await peer.connect(text)
  const callId = location.split('/').at(-1)
  const joined = await connect(`${(await starting).url}/v1/realtime/translations?call_id=${callId}`)
  await peer.leave()
  t.is((await joined.closed()).code, 1000)
})

test('a call needs an offer, and an ephemeral key that was minted for translation', async t => {
  for (const base of Object.values(bases)) {
    const key = await mintKey(base)
    t.is((await offer(base, 'standing', 'v=0')).status, 401)
    const { status, text } = await offer(base, key, 'v=0')
    t.is(status, 400)
    t.regex(text, /invalid_offer/)
    t.regex((await offer(base, key, '{}', '', 'application/json')).text, /unsupported_content_type/)
    t.is((await offer(base, key, 'v=0', `?model=${model}`)).status, 400)
  }
  const { url } = await starting
  const conversation = await mintAzureKey(url)
  t.regex(
    (await offer(bases.azure, conversation, 'v=0')).text,
    /"gpt-realtime\\" is not supported in translation mode/,
  )
  const headers = {
    authorization: `Bearer ${await mintKey(bases.openai)}`,
    'content-type': 'application/sdp',
  }
  const wrong = await fetch(`${url}/v1/realtime/calls`, { method: 'POST', headers, body: 'v=0' })
  t.is(wrong.status, 400)
  t.regex(await wrong.text(), /"gpt-realtime-translate\\" is not supported in realtime mode/)
})
