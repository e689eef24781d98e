/** Live translation through the gateway: sockets, keys, calls. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import OpenAI from 'openai'
import { OpenAIRealtimeTranslationWS } from 'openai/realtime/translations/ws'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { callUpstream } from '../calls/call-upstream.ts'
import { request } from '../calls/caller.ts'
import { tone } from '../simulator/events.ts'
import { converse } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const model = 'gpt-realtime-translate'
const append = (ms: number) => ({
  type: 'session.input_audio_buffer.append',
  audio: tone(ms).toString('base64'),
})

for (const path of ['/v1/realtime/translations', '/openai/v1/realtime/translations']) {
  for (const query of ['', `?model=${model}`]) {
    test(`${path}${query}: what is said is translated, to the last word`, async t => {
      const gateway = await gatewayFor(t)
      const talk = await converse(t, gateway.socketUrl + path + query)
      t.like((await talk.next()).session, { type: 'translation', model })
      const transcription = { model: 'gpt-live-transcribe' }
      talk.send({
        type: 'session.update',
        session: { audio: { input: { transcription }, output: { language: 'es' } } },
      })
      t.like((await talk.next()).session, { audio: { output: { language: 'es' } } })
      talk.send(append(500))
      talk.send({ type: 'session.close' })
      const events = await talk.until('session.closed')
      const sound = events.map(({ type, delta }) =>
        type === 'session.output_audio.delta' ? Buffer.from(String(delta), 'base64').length : 0,
      )
      t.is(
        sound.reduce((sum, bytes) => sum + bytes),
        500 * 48,
      )
      t.true(events.some(({ type }) => type === 'session.input_transcript.delta'))
      t.is((await talk.closed).code, 1000)
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
      t.regex(metrics, /^gateway_translation_seconds_total\S* (?!0$)\S+$/m)
    })
  }
}

test("openai's client translates, and awaits the end", async t => {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-translation-'))
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  const gateway = await gatewayFor(t, files)
  const client = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1` })
  const session = await OpenAIRealtimeTranslationWS.create(client, { model, options: { ca: cert } })
  t.teardown(() => session.close())
  const words: string[] = []
  session.on('error', fault => t.fail(fault.message))
  session.on('session.output_transcript.delta', ({ delta }) => words.push(delta))
  await new Promise(resolve => session.on('session.created', resolve))
  session.send(append(1000) as never)
  await session.finish({ timeoutMs: 10_000 })
  t.is(words.join(''), 'A translation into en would')
})

test('a key is minted for a session that translates, opens those, and nothing else', async t => {
  const gateway = await gatewayFor(t)
  const client = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  const { value, session } = await client.realtime.translations.clientSecrets.create({
    session: { model, audio: { output: { language: 'fr' } } },
  })
  t.like(session, { type: 'translation', model })
  const subprotocols = ['realtime', `openai-insecure-api-key.${value}`]
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime/translations`, { subprotocols })
  t.like((await talk.next()).session, { audio: { output: { language: 'fr' } } })
  const other = await client.realtime.clientSecrets.create({ session: { type: 'realtime' } })
  await t.throwsAsync(
    converse(t, `${gateway.socketUrl}/v1/realtime/translations`, {
      subprotocols: [`openai-insecure-api-key.${other.value}`],
    }),
    { message: /^403 .*minted for something else/ },
  )
})

test('a model that is not permitted is refused at every door', async t => {
  const gateway = await gatewayFor(t)
  const path = '/v1/realtime/translations'
  await t.throwsAsync(converse(t, `${gateway.socketUrl}${path}?model=secret-gpt`), {
    message: /^404 .*"secret-gpt\\" is not among the TRANSLATION_MODELS/,
  })
  for (const session of [
    { model: 'secret-gpt' },
    { audio: { input: { transcription: { model: 'secret-gpt' } } } },
  ]) {
    const options = { method: 'POST', body: { session } }
    t.is((await request(`${gateway.url}${path}/client_secrets`, options)).status, 404)
  }
  const talk = await converse(t, gateway.socketUrl + path)
  talk.send({
    type: 'session.update',
    session: { audio: { input: { transcription: { model: 'secret-gpt' } } } },
  })
  t.like((await talk.until('error')).at(-1), { error: { param: 'session.audio.input.transcription.model' } })
})

test('upstream is asked for the deployment at its own address of translations', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, TRANSLATION_MODELS: 'interpreter,other' })
  await converse(t, `${gateway.socketUrl}/v1/realtime/translations`)
  t.is((await upstream.session()).url, '/openai/v1/realtime/translations?model=interpreter')
  const preview = await gatewayFor(t, { ...upstream.env, AZURE_OPENAI_API_VERSION: '2025-04-01-preview' })
  await t.throwsAsync(converse(t, `${preview.socketUrl}/v1/realtime/translations`), { message: /^404 / })
})

test('an offer is passed on with a key that is minted for it, or with the one that was shown', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  const offer = { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: 'v=0\r\n' }
  const path = '/v1/realtime/translations/calls'
  const answer = await fetch(gateway.url + path, offer)
  t.is(answer.status, 201)
  t.is(answer.headers.get('location'), `${path}/rtc_abc`)
  const base = '/openai/v1/realtime/translations'
  t.deepEqual(upstream.asked, [`${base}/client_secrets`, `${base}/calls`])
  const headers = { ...offer.headers, Authorization: 'Bearer ek_minted' }
  t.is((await fetch(gateway.url + path, { ...offer, headers })).status, 201)
  t.deepEqual(upstream.asked.slice(2), [`${base}/calls`])
})

test('where tokens are limited a call that nobody can hear is refused', async t => {
  const gateway = await gatewayFor(t, { LIMIT_TOKENS_PER_DAY_PER_ADDRESS: '100' })
  const headers = { 'Content-Type': 'application/sdp' }
  const answer = await fetch(`${gateway.url}/v1/realtime/translations/calls`, {
    method: 'POST',
    headers,
    body: 'v=0\r\n',
  })
  t.is(answer.status, 403)
})
