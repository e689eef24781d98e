/** Transcription sessions at the SDK addresses: sockets, keys and calls, in both dialects. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { openPeer } from '../calls/caller.ts'
import { append, tone } from '../simulator/events.ts'
import { converse, type Talk } from './converse.ts'
import { fakeUpstream, gatewayFor, mailbox, type Stage } from './start.ts'

const model = 'gpt-live-transcribe'
const completed = 'conversation.item.input_audio_transcription.completed'
const byHand = (named = model) => ({
  type: 'transcription' as const,
  audio: { input: { transcription: { model: named }, turn_detection: null } },
})
const commit = { type: 'input_audio_buffer.commit' } as const

async function transcribe(t: ExecutionContext, talk: Talk): Promise<void> {
  talk.send(append(tone(700)))
  talk.send(commit)
  const events = await talk.until(completed)
  const done = events.at(-1)
  t.is(done?.transcript, '(simulated: a voice spoke for 0.7 seconds)')
  t.false(events.some(({ type }) => type.startsWith('response.')))
}

for (const [path, subprotocols] of [
  ['/v1/realtime?intent=transcription', []],
  [`/v1/realtime?intent=transcription&model=${model}`, []],
  ['/v1/realtime?intent=transcription&model=gpt-realtime-2.1', ['realtime']],
  ['/openai/v1/realtime?intent=transcription', []],
  [`/openai/v1/realtime?intent=transcription&deployment=${model}`, []],
] as const) {
  test(`${path}: what is said is written down, and nothing answers`, async t => {
    const gateway = await gatewayFor(t)
    const talk = await converse(t, gateway.socketUrl + path, { subprotocols: [...subprotocols] })
    const [created] = await talk.until('session.created')
    t.like(created?.session, { type: 'transcription', object: 'realtime.transcription_session' })
    talk.send({ type: 'session.update', session: byHand() })
    t.like((await talk.until('session.updated')).at(-1)?.session, { type: 'transcription' })
    await transcribe(t, talk)
    talk.send({ type: 'response.create' })
    await talk.until('error')
  })
}

test('a session whose update does not name its type is a transcription all the same', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  const { type: _, ...untyped } = byHand()
  talk.send({ type: 'session.update', session: untyped })
  await talk.until('session.updated')
  await transcribe(t, talk)
})

test('a client of the preview speaks its own names before GA', async t => {
  const gateway = await gatewayFor(t)
  const path = '/openai/realtime?api-version=2025-04-01-preview&intent=transcription&deployment=gpt-realtime'
  const talk = await converse(t, gateway.socketUrl + path)
  const [created] = await talk.until('transcription_session.created')
  t.like(created?.session, { input_audio_format: 'pcm16' })
  talk.send({
    type: 'transcription_session.update',
    session: { input_audio_transcription: { model }, turn_detection: null },
  })
  const updated = (await talk.until('transcription_session.updated')).at(-1)
  t.like(updated?.session, { input_audio_transcription: { model }, turn_detection: null })
  await transcribe(t, talk)
})

/** Upstream at Azure's addresses: any name is a deployment there. */
async function beforeAzure(t: Stage, env: Record<string, string> = {}) {
  const simulator = await startSimulator({ rate: 100 })
  t.teardown(() => simulator.close())
  return gatewayFor(t, {
    AZURE_OPENAI_ENDPOINT: simulator.url,
    AZURE_OPENAI_API_KEY: 'k',
    AZURE_OPENAI_DEPLOYMENT_NAME: 'voice',
    TRANSCRIPTION_MODELS: model,
    ...env,
  })
}

test('Azure takes ephemeral keys alone for a transcription: one is minted for the session', async t => {
  const gateway = await beforeAzure(t)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  await talk.until('session.created')
  talk.send({ type: 'session.update', session: byHand() })
  await talk.until('session.updated')
  await transcribe(t, talk)
})

test('a GA client before the preview is understood', async t => {
  const gateway = await beforeAzure(t, { AZURE_OPENAI_API_VERSION: '2025-04-01-preview' })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  t.like((await talk.until('session.created')).at(-1)?.session, { type: 'transcription' })
  talk.send({ type: 'session.update', session: byHand() })
  t.like((await talk.until('session.updated')).at(-1)?.session, { type: 'transcription' })
  await transcribe(t, talk)
})

for (const [env, url] of [
  [{}, '/openai/realtime?api-version=2025-04-01-preview&intent=transcription'],
  [
    { AZURE_OPENAI_DEPLOYMENT_NAME: 'one,two' },
    '/openai/realtime?api-version=2025-04-01-preview&intent=transcription',
  ],
] as const) {
  test(`no model stands in the address upstream ${JSON.stringify(env)}`, async t => {
    const greeting = { type: 'transcription_session.created', session: {} }
    const upstream = await fakeUpstream(t, { greeting })
    const gateway = await gatewayFor(t, {
      ...upstream.env,
      AZURE_OPENAI_API_VERSION: '2025-04-01-preview',
      ...env,
    })
    await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription&model=${model}`)
    t.is((await upstream.session()).url, url)
  })
}

test('a model that ends within a year is refused by an error, and not forwarded', async t => {
  const gateway = await gatewayFor(t)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?intent=transcription`)
  for (const message of [
    { type: 'session.update', session: byHand('whisper-1') },
    { type: 'transcription_session.update', session: { input_audio_transcription: { model: 'whisper-1' } } },
  ]) {
    talk.send(message)
    const { error } = (await talk.until('error')).at(-1) as unknown as { error: Record<string, string> }
    t.like(error, { type: 'gateway_error', code: 'model_not_configured' })
    t.regex(error.message ?? '', /"whisper-1" is not among .* use "gpt-live-transcribe", "gpt-transcribe", /)
  }
  talk.send({ type: 'session.update', session: byHand() })
  t.like((await talk.until('session.updated')).at(-1)?.session, {
    audio: { input: { transcription: { model } } },
  })
})

/** A gateway that speaks TLS: the official client dials `wss:` only. */
async function secureGateway(t: Stage) {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-transcription-'))
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  return { ...(await gatewayFor(t, files)), cert }
}

function listen(t: Stage, baseURL: string, apiKey: string, ca: string) {
  const client = new OpenAI({ apiKey, baseURL })
  const realtime = new OpenAIRealtimeWS({ intent: 'transcription', options: { ca } }, client)
  t.teardown(() => realtime.close())
  const events = mailbox<RealtimeServerEvent>('the transcription session says nothing')
  realtime.on('event', event => events.put(event))
  realtime.on('error', fault => events.put({ type: 'error', event_id: '', error: fault.error } as never))
  const until = async <T extends RealtimeServerEvent['type']>(type: T) => {
    for (;;) {
      const event = await events.take()
      if (event.type === type) return event as Extract<RealtimeServerEvent, { type: T }>
      if (event.type === 'error') throw new Error(JSON.stringify(event.error))
    }
  }
  return { realtime, until }
}

for (const base of ['/v1', '/openai/v1']) {
  test(`${base}: openai's client listens with {intent:'transcription'}, by its key and by an ephemeral one`, async t => {
    const gateway = await secureGateway(t)
    const plain = await gatewayFor(t)
    const client = new OpenAI({ apiKey: 'k', baseURL: plain.url + base, maxRetries: 0 })
    const secret = await client.realtime.clientSecrets.create({ session: byHand() })
    t.like(secret.session, { type: 'transcription', audio: { input: { transcription: { model } } } })
    const { realtime, until } = listen(t, gateway.url + base, 'sk-1', gateway.cert)
    await until('session.created')
    realtime.send({ type: 'session.update', session: byHand() })
    await until('session.updated')
    realtime.send(append(tone(700)) as never)
    realtime.send(commit)
    t.is((await until(completed)).transcript, '(simulated: a voice spoke for 0.7 seconds)')
  })

  test(`${base}: an ephemeral key of a transcription opens one, named or not`, async t => {
    const gateway = await gatewayFor(t)
    const client = new OpenAI({ apiKey: 'k', baseURL: gateway.url + base, maxRetries: 0 })
    const { value } = await client.realtime.clientSecrets.create({ session: byHand() })
    for (const query of ['', '?intent=transcription']) {
      const subprotocols = ['realtime', `openai-insecure-api-key.${value}`]
      const talk = await converse(t, `${gateway.socketUrl}${base}/realtime${query}`, { subprotocols })
      const [created] = await talk.until('session.created')
      t.like(created?.session, { type: 'transcription', audio: { input: { transcription: { model } } } })
      await transcribe(t, talk)
    }
  })

  test(`${base}: a call of a transcription is made and listed, and a pinned gateway leaves it as it is`, async t => {
    const gateway = await gatewayFor(t, { SIDEBAND_PIN_SESSION: 'true' })
    const client = new OpenAI({ apiKey: 'k', baseURL: gateway.url + base, maxRetries: 0 })
    const peer = await openPeer(t)
    const reply = await client.realtime.calls.create({ sdp: peer.sdp, session: byHand() as never })
    await peer.connect(await reply.text())
    t.like((await peer.until('session.created')).at(-1)?.session, { type: 'transcription' })
    peer.send({
      type: 'session.update',
      session: { type: 'transcription', audio: { input: { noise_reduction: { type: 'near_field' } } } },
    })
    const events = await peer.until('session.updated')
    t.false(events.some(({ type }) => type === 'error'))
  })
}
