/** WebRTC calls at the addresses that official SDKs use, with the gateway between them and the API. */
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { openPeer, type Peer, request } from './caller.ts'

const secret = 'the-secret-of-the-backend'
const guarded = { GATEWAY_AUTH: 'key', GATEWAY_API_KEYS: `backend:${secret}` }
const main = { Authorization: `Bearer ${secret}` }
const brief = { type: 'realtime' as const, instructions: 'Always begin with "Aye."' }

/** A gateway before a simulator that stands at one vendor's addresses. */
async function gatewayBefore(
  t: ExecutionContext,
  vendor: 'openai' | 'azure',
  env: Record<string, string> = {},
) {
  const simulator = await startSimulator({ seed: 3, rate: 100 })
  t.teardown(() => simulator.close())
  const upstream: Record<string, string> =
    vendor === 'azure'
      ? {
          AZURE_OPENAI_ENDPOINT: simulator.url,
          AZURE_OPENAI_API_KEY: 'k',
          AZURE_OPENAI_DEPLOYMENT: 'one,two',
        }
      : {
          OPENAI_BASE_URL: `${simulator.url}/v1`,
          OPENAI_API_KEY: 'sk-main',
          OPENAI_REALTIME_MODEL: 'gpt-realtime,gpt-realtime-2.1',
        }
  return gatewayFor(t, { ...upstream, ...guarded, ...env })
}

function clientOf({ url }: TestGateway, base = '/v1', apiKey = secret): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${url}${base}`, maxRetries: 0 })
}

async function answered(peer: Peer, text: string): Promise<string> {
  peer.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  })
  peer.send({ type: 'response.create' })
  const done = (await peer.until('response.output_audio_transcript.done')).at(-1)
  return String(done?.transcript)
}

const idIn = (reply: Response) => reply.headers.get('location')?.split('/').pop() ?? ''

for (const [vendor, base] of [
  ['openai', '/v1'],
  ['azure', '/openai/v1'],
] as const) {
  test(`${base}, before ${vendor}: openai's client mints a key, calls with it, joins the call and hangs it up`, async t => {
    const gateway = await gatewayBefore(t, vendor)
    const backend = clientOf(gateway, base)
    const { value, session, expires_at } = await backend.realtime.clientSecrets.create({
      expires_after: { anchor: 'created_at', seconds: 60 },
      session: brief,
    })
    t.regex(value, /^ek_/)
    t.like(session, { type: 'realtime', instructions: brief.instructions })
    t.true(expires_at <= Date.now() / 1000 + 61)

    const peer = await openPeer(t)
    const reply = await clientOf(gateway, base, value).realtime.calls.create({ sdp: peer.sdp })
    t.is(reply.status, 201)
    t.is(reply.headers.get('content-type'), 'application/sdp')
    const callId = idIn(reply)
    t.is(reply.headers.get('location'), `${base}/realtime/calls/${callId}`)
    await peer.connect(await reply.text())
    t.is(await answered(peer, 'hello'), 'Aye. You said: hello')

    const joined = await converse(t, `${gateway.socketUrl}${base}/realtime?call_id=${callId}`, {
      headers: main,
    })
    joined.send({
      type: 'session.update',
      session: { type: 'realtime', instructions: 'Always begin with "No."' },
    })
    await joined.until('session.updated')
    t.is(await answered(peer, 'hello again'), 'No. You said: hello again')
    await joined.until('response.done')

    await backend.realtime.calls.hangup(callId)
    await Promise.all([peer.closed, joined.closed])
    await t.throwsAsync(backend.realtime.calls.hangup(callId), { message: /404 The call is over/ })
  })
}

test("openai's client calls with a form: the gateway's credential, the session in the form", async t => {
  for (const vendor of ['openai', 'azure'] as const) {
    const gateway = await gatewayBefore(t, vendor)
    const peer = await openPeer(t)
    const reply = await clientOf(gateway).realtime.calls.create({ sdp: peer.sdp, session: brief })
    await peer.connect(await reply.text())
    t.is(await answered(peer, 'hello'), 'Aye. You said: hello')
  }
})

test("a bare offer with the gateway's credential becomes a call of the model that it names", async t => {
  const gateway = await gatewayBefore(t, 'openai')
  for (const [query, model] of [
    ['', 'gpt-realtime'],
    ['?model=gpt-realtime-2.1', 'gpt-realtime-2.1'],
  ] as const) {
    const peer = await openPeer(t)
    const headers = { ...main, 'Content-Type': 'application/sdp' }
    const init = { method: 'POST', headers, body: peer.sdp }
    const reply = await fetch(`${gateway.url}/v1/realtime/calls${query}`, init)
    t.is(reply.status, 201)
    await peer.connect(await reply.text())
    t.like((await peer.until('session.created')).at(-1)?.session, { model })
  }
})

test('without GATEWAY_AUTH an ephemeral key that was minted elsewhere is passed on', async t => {
  const simulator = await startSimulator({ seed: 3, rate: 100 })
  t.teardown(() => simulator.close())
  const env = { OPENAI_BASE_URL: `${simulator.url}/v1`, OPENAI_API_KEY: 'sk-main', GATEWAY_AUTH: 'none' }
  const gateway = await gatewayFor(t, env)
  const there = new OpenAI({ apiKey: 'sk-main', baseURL: `${simulator.url}/v1` })
  const { value } = await there.realtime.clientSecrets.create({ session: brief })
  const peer = await openPeer(t)
  const reply = await clientOf(gateway, '/v1', value).realtime.calls.create({ sdp: peer.sdp })
  await peer.connect(await reply.text())
  t.is(await answered(peer, 'hello'), 'Aye. You said: hello')
})

test('a call is a sideband session: it is listed, controlled, and hung up there', async t => {
  const gateway = await gatewayBefore(t, 'openai')
  const peer = await openPeer(t)
  const reply = await clientOf(gateway).realtime.calls.create({ sdp: peer.sdp, session: brief })
  await peer.connect(await reply.text())
  type List = { sessions: { session_id: string; call_id: string; webrtc_connected: boolean }[] }
  const { sessions } = (await request<List>(`${gateway.url}/sideband/sessions`, { headers: main })).body
  t.is(sessions.length, 1)
  t.like(sessions[0], { call_id: idIn(reply), webrtc_connected: true })
  const id = sessions[0]?.session_id
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${id}`, { headers: main })
  t.is((await control.next()).type, 'sideband_connected')
  await request(`${gateway.url}/sideband/session/${id}`, { method: 'DELETE', headers: main })
  await control.until('call_ended')
  await peer.closed
})

test('with SIDEBAND_PIN_SESSION a call keeps the instructions of its key, whatever its browser says', async t => {
  const gateway = await gatewayBefore(t, 'openai', { SIDEBAND_PIN_SESSION: 'true' })
  const { value } = await clientOf(gateway).realtime.clientSecrets.create({ session: brief })
  const peer = await openPeer(t)
  const reply = await clientOf(gateway, '/v1', value).realtime.calls.create({ sdp: peer.sdp })
  await peer.connect(await reply.text())
  await gateway.logged('sideband.control.connected')
  const session = { type: 'realtime', instructions: 'Always begin with "Arr."' }
  peer.send({ type: 'session.update', session })
  await gateway.logged('sideband.session.tampered')
  for (;;) {
    const updated = (await peer.until('session.updated')).at(-1)?.session as { instructions: string }
    if (updated.instructions === session.instructions) break
  }
  const putBack = (await peer.until('session.updated')).at(-1)?.session as { instructions: string }
  t.is(putBack.instructions, brief.instructions)

  const open = await gatewayBefore(t, 'openai', {
    SIDEBAND_PIN_SESSION: 'true',
    GATEWAY_AUTH: 'none',
    GATEWAY_API_KEYS: '',
  })
  const foreign = clientOf(open, '/v1', 'ek_minted_elsewhere').realtime.calls.create({ sdp: peer.sdp })
  await t.throwsAsync(foreign, { message: /401 This ephemeral key was not minted here/ })
})

test('over WebSocket a session that is opened with an ephemeral key is the one that the key has', async t => {
  const gateway = await gatewayBefore(t, 'openai', { OPENAI_REALTIME_MODEL: 'gpt-realtime,gpt-realtime-2.1' })
  const { value } = await clientOf(gateway).realtime.clientSecrets.create({
    session: { ...brief, model: 'gpt-realtime-2.1' },
  })
  const subprotocols = ['realtime', `openai-insecure-api-key.${value}`]
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, { subprotocols })
  t.like((await talk.next()).session, {
    instructions: brief.instructions,
    model: 'gpt-realtime-2.1',
  })
})
