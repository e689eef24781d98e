import test from 'ava'
import OpenAI from 'openai'
import { connect } from './conversation.ts'
import { realtimeSession, transcriptionSession } from './ga-shapes.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
const starting = stage.simulator({ seed: 5, rate: 100 })

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const reply = await fetch((await starting).url + path, {
    method: 'POST',
    headers: {
      authorization: 'Bearer sk-main',
      'api-key': 'main',
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await reply.text()
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  const json: any = text.startsWith('{') ? JSON.parse(text) : null
  return { status: reply.status, headers: reply.headers, text, json }
}

for (const base of ['/v1/realtime', '/openai/v1/realtime']) {
  test(`${base}/client_secrets mints a key that opens sessions with its defaults`, async t => {
    const session = {
      type: 'realtime',
      model: 'gpt-realtime',
      instructions: 'Be kind.',
      output_modalities: ['text'],
    }
    const askedSec = Date.now() / 1000
    const { status, json } = await post(`${base}/client_secrets`, { session })
    t.is(status, 200)
    t.regex(json.value, /^ek_[0-9a-f]{32}$/)
    t.true(json.expires_at - askedSec > 590 && json.expires_at - Date.now() / 1000 <= 600)
    t.is(json.session.expires_at, 0)
    t.is(json.session.instructions, 'Be kind.')
    t.true(realtimeSession.safeParse(json.session).success)
    for (let uses = 0; uses < 2; uses++) {
      const url = `${(await starting).url}${base}?model=gpt-realtime`
      const client = await connect(url, { headers: { authorization: `Bearer ${json.value}` } })
      t.is((await client.next('session.created')).session.instructions, 'Be kind.')
      await client.close()
    }
  })
}

test('a transcription key opens a transcription session, also where Azure wants an ephemeral key', async t => {
  const session = { type: 'transcription', audio: { input: { transcription: { model: 'whisper' } } } }
  const { json } = await post('/openai/v1/realtime/client_secrets', { session })
  t.true(transcriptionSession.safeParse(json.session).success)
  const url = `${(await starting).url}/openai/v1/realtime?intent=transcription`
  const client = await connect(url, { headers: { authorization: `Bearer ${json.value}` } })
  t.is((await client.next('session.created')).session.audio.input.transcription.model, 'whisper')
  await client.close()
})

const refusals = [
  { what: 'a wrong field', body: { sesion: {} }, status: 400, code: 'unknown_parameter', param: 'sesion' },
  {
    what: 'a short life',
    body: { expires_after: { anchor: 'created_at', seconds: 5 } },
    status: 400,
    code: 'integer_below_min_value',
    param: 'expires_after.seconds',
  },
  {
    what: 'no session type',
    body: { session: {} },
    status: 400,
    code: 'missing_required_parameter',
    param: 'session.type',
  },
  {
    what: 'an unknown model',
    body: { session: { type: 'realtime', model: 'gpt-5' } },
    status: 400,
    code: 'invalid_model',
    param: null,
  },
  { what: 'no JSON', body: '{"session":', status: 400, code: 'invalid_json', param: null },
  {
    what: 'a bad key',
    body: {},
    headers: { authorization: 'Bearer bad' },
    status: 401,
    code: 'invalid_api_key',
    param: null,
  },
]

for (const { what, body, headers, status, code, param } of refusals) {
  test(`client_secrets refuses ${what}`, async t => {
    const reply = await post('/v1/realtime/client_secrets', body, headers === undefined ? {} : { ...headers })
    t.is(reply.status, status)
    t.is(reply.json.error.code, code)
    t.is(reply.json.error.param, param)
  })
}

test('an expired key is a wrong key', async t => {
  const { createSecrets } = await import('../../runtime/simulator/transport/secrets.ts')
  const { createIds } = await import('../../runtime/simulator/ids.ts')
  const { defaultConfig } = await import('../../runtime/simulator/session/defaults.ts')
  let now = 1_000_000
  const secrets = createSecrets(createIds(1), () => now)
  const { value } = secrets.mint(defaultConfig('gpt-realtime', 'realtime'), 60, 'ga')
  t.not(secrets.find(value), null)
  now += 61_000
  t.is(secrets.find(value), null)
  t.is(secrets.find('ek_other'), null)
})

test("the preview's key endpoints answer with the session and a key of one minute", async t => {
  const { status, json } = await post('/openai/realtimeapi/sessions?api-version=2025-04-01-preview', {
    model: 'my-deployment',
    voice: 'verse',
  })
  t.is(status, 200)
  t.is(json.voice, 'verse')
  t.is(json.model, 'my-deployment')
  t.true(json.client_secret.expires_at - Date.now() / 1000 <= 60)
  const more = await post('/openai/realtime/transcription_sessions?api-version=2025-04-01-preview', {
    input_audio_format: 'pcm16',
  })
  t.is(more.json.object, 'realtime.transcription_session')
  t.regex(more.json.client_secret.value, /^ek_/)
})

const offer = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'

test('Azure starts calls with an ephemeral key alone', async t => {
  const { status, json } = await post('/openai/v1/realtime/calls', offer, {
    'content-type': 'application/sdp',
  })
  t.is(status, 401)
  t.true(json.error.message.includes('ephemeral'))
})

test('a call needs an offer that can be answered', async t => {
  const { json } = await post('/v1/realtime/client_secrets', {})
  const headers = { 'content-type': 'application/sdp', authorization: `Bearer ${json.value}` }
  t.is((await post('/v1/realtime/calls', 'hello', headers)).status, 400)
  t.is((await post('/v1/realtime/calls', offer, { 'content-type': 'text/plain' })).status, 400)
  const audio = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n'
  for (const large of [
    `${offer}${audio}${'a=rtpmap:111 opus/48000/2\r\n'.repeat(2000)}`,
    offer + audio.repeat(9),
  ])
    t.is((await post('/v1/realtime/calls', large, headers)).json.error.code, 'invalid_offer')
})

test('calls are unknown until they are made', async t => {
  for (const action of ['hangup', 'accept', 'refer', 'reject']) {
    const { status, json } = await post(`/v1/realtime/calls/rtc_none/${action}`, '')
    t.is(status, 404)
    t.is(json.error.code, 'call_id_not_found')
  }
})

test('a browser may ask from anywhere, and read where the call is', async t => {
  const reply = await fetch(`${(await starting).url}/v1/realtime/calls`, { method: 'OPTIONS' })
  t.is(reply.status, 204)
  t.is(reply.headers.get('access-control-allow-origin'), '*')
  t.is(reply.headers.get('access-control-expose-headers'), 'Location, X-Request-Id')
})

test('other methods and other paths are not there', async t => {
  const { url } = await starting
  t.is((await fetch(`${url}/v1/realtime/client_secrets`)).status, 405)
  t.is((await fetch(`${url}/v1/realtime?model=gpt-realtime`)).status, 426)
  t.is((await fetch(`${url}/v1/assistants`)).status, 404)
  t.is((await fetch(`${url}/openai/models`)).status, 404)
})

test('the list of models says when each of them is shut down, and is for standing keys alone', async t => {
  const { url } = await starting
  const client = new OpenAI({ apiKey: 'sk-main', baseURL: `${url}/v1`, maxRetries: 0 })
  const listed = new Map<string, unknown>()
  for await (const { id, object, shutdown_date } of client.models.list()) {
    t.is(object, 'model')
    listed.set(id, shutdown_date)
  }
  t.is(listed.get('gpt-realtime'), '2027-01-20')
  t.is(listed.get('gpt-realtime-2025-08-28'), '2027-01-20')
  t.is(listed.get('gpt-realtime-2.1'), null)
  // Retired, and Azure's own name of a model.
  for (const name of ['gpt-4o-realtime-preview', 'whisper']) t.false(listed.has(name))
  const ask = (key: string, method = 'GET') =>
    fetch(`${url}/v1/models`, { method, headers: { authorization: `Bearer ${key}` } })
  const { json } = await post('/v1/realtime/client_secrets', {})
  for (const key of ['bad-key', json.value]) {
    const refused = await ask(key)
    t.is(refused.status, 401)
    t.is(((await refused.json()) as { error: { code: string } }).error.code, 'invalid_api_key')
  }
  t.is((await ask('sk-main', 'POST')).status, 405)
  t.is((await fetch(`${url}/openai/v1/models`, { headers: { 'api-key': 'k' } })).status, 404)
})
