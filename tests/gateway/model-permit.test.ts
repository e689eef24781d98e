/** Models that clients name in what they send: only permitted ones go on, whichever field and door. */
import test from 'ava'
import { makeCall } from '../calls/caller.ts'
import { converse, type Talk } from './converse.ts'
import { type FakeSession, fakeUpstream, gatewayFor } from './start.ts'

const models = { AZURE_OPENAI_DEPLOYMENT_NAME: 'voice', TRANSCRIPTION_MODELS: 'scribe,whisper-eu' }
const everything = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

const ga = (model: unknown) => ({
  type: 'session.update',
  event_id: 'mine',
  session: { type: 'realtime', audio: { input: { transcription: { model } } } },
})
const preview = (model: unknown, type = 'session.update') => ({
  type,
  event_id: 'mine',
  session: { input_audio_transcription: { model } },
})
const ofSession = (model: unknown) => ({ type: 'session.update', event_id: 'mine', session: { model } })

const forbidden: [what: string, message: object | string, param: string | null][] = [
  ['GA', ga('secret-gpt'), 'session.audio.input.transcription.model'],
  ['GA, no name', ga(7), 'session.audio.input.transcription.model'],
  ['preview', preview('secret-gpt'), 'session.input_audio_transcription.model'],
  [
    'preview, transcription',
    preview('secret-gpt', 'transcription_session.update'),
    'session.input_audio_transcription.model',
  ],
  ["the session's", ofSession('secret-gpt'), 'session.model'],
  ['no name', ofSession(['voice']), 'session.model'],
  [
    'a type that stands twice',
    `{"type":"input_audio_buffer.append","audio":"AAAA","\\u0074ype":"session.update","session":{"model":"secret-gpt"}}`,
    'type',
  ],
  [
    'a model that stands twice',
    '{"type":"session.update","event_id":"mine","session":{"model":"voice","mod\\u0065l":"secret-gpt"}}',
    null,
  ],
]

const permitted = [ga('scribe'), preview('whisper-eu'), ofSession('voice'), ga(null)]

async function refuses(t: { like: (a: unknown, b: object, m?: string) => void }, talk: Talk) {
  for (const [what, message, param] of forbidden) {
    talk.send(message)
    const { error } = (await talk.until('error')).at(-1) as unknown as { error: object }
    t.like(error, { type: 'gateway_error', param }, what)
  }
}

for (const path of [
  '/realtime',
  '/v1/realtime',
  '/openai/v1/realtime',
  '/openai/realtime?api-version=2025-04-01-preview',
]) {
  test(`${path}: a forbidden model is answered by an error that names field and event, and not forwarded`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, ...models, ...everything })
    const talk = await converse(t, gateway.socketUrl + path)
    const session = await upstream.session()
    if (path === '/realtime') await session.next()
    await refuses(t, talk)
    for (const message of permitted) {
      talk.send(message)
      t.is(JSON.parse((await session.next()).text).event_id, (message as { event_id: string }).event_id)
    }
  })
}

test('the error says which models may be used, and whose message it refuses', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...models })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  talk.send(ga('secret-gpt'))
  const [{ error } = {}] = (await talk.until('error')).slice(-1) as unknown as {
    error: Record<string, string>
  }[]
  t.like(error, { code: 'model_not_configured', event_id: 'mine' })
  t.is(
    error?.message,
    'The model "secret-gpt" is not among the TRANSCRIPTION_MODELS of this gateway; use "scribe", "whisper-eu"',
  )
})

test('a binary frame is held to the same list', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...models })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  talk.send(Buffer.from(JSON.stringify(ofSession('secret-gpt'))))
  t.is((await talk.until('error')).at(-1)?.type, 'error')
})

test('a client may repeat the model that upstream has named for its session', async t => {
  const created = { type: 'session.created', session: { id: 's', model: 'gpt-realtime-2025-08-28' } }
  const upstream = await fakeUpstream(t, { greeting: created })
  const gateway = await gatewayFor(t, { ...upstream.env, ...models })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const session: FakeSession = await upstream.session()
  await talk.until('session.created')
  talk.send({ type: 'session.update', session: { type: 'realtime', model: 'gpt-realtime-2025-08-28' } })
  t.like(JSON.parse((await session.next()).text), { session: { model: 'gpt-realtime-2025-08-28' } })
})

test('messages that are only forwarded are not read: one that is no JSON goes on', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...models })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  const session = await upstream.session()
  const broken = '{"type":"response.create","response":{"model":"secret-gpt"'
  talk.send(broken)
  t.is((await session.next()).text, broken)
})

for (const [what, body] of [
  [
    'GA field',
    { session: { type: 'realtime', audio: { input: { transcription: { model: 'secret-gpt' } } } } },
  ],
  ['preview field', { session: { input_audio_transcription: { model: 'secret-gpt' } } }],
  ['top-level field', { input_audio_transcription: { model: 'secret-gpt' } }],
  ['top-level model', { model: 'secret-gpt' }],
  ['a model beside a transcription', { session: { type: 'transcription', model: 'secret-gpt' } }],
  [
    'transcription',
    { session: { type: 'transcription', audio: { input: { transcription: { model: 'secret-gpt' } } } } },
  ],
] as const) {
  test(`client_secrets refuses a forbidden model: ${what}`, async t => {
    const gateway = await gatewayFor(t, { TRANSCRIPTION_MODELS: 'gpt-transcribe' })
    const answer = await fetch(`${gateway.url}/v1/realtime/client_secrets`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    t.is(answer.status, 404)
    t.regex(await answer.text(), /secret-gpt/)
  })
}

test('an offer with a session refuses a forbidden model', async t => {
  const gateway = await gatewayFor(t, { TRANSCRIPTION_MODELS: 'gpt-transcribe' })
  const form = new FormData()
  form.set('sdp', 'v=0\r\n')
  form.set('session', JSON.stringify(ga('secret-gpt').session))
  const answer = await fetch(`${gateway.url}/v1/realtime/calls`, { method: 'POST', body: form })
  t.is(answer.status, 404)
})

test('a control connection refuses a forbidden model', async t => {
  const gateway = await gatewayFor(t, { TRANSCRIPTION_MODELS: 'gpt-transcribe' })
  const { sessionId } = await makeCall(t, gateway.url)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  await control.until('sideband_connected')
  control.send(ga('secret-gpt'))
  const refused = (await control.until('error')).at(-1)
  t.is(refused?.code, 'model_not_configured')
  control.send(ga('gpt-transcribe'))
  await control.until('openai_event', ({ event }) => (event as { type: string }).type === 'session.updated')
})
