/** Call control at the SDK addresses, with openai's client: who may decide on calls that the gateway did not make. */
import test from 'ava'
import OpenAI from 'openai'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor } from '../gateway/start.ts'
import { openPeer, request } from './caller.ts'
import { clerk, desk, receptionFor, sessionsOf } from './telephone.ts'

const clientOf = ({ url }: { url: string }, headers: { 'api-key': string }, base = '/v1') =>
  new OpenAI({ apiKey: headers['api-key'], baseURL: `${url}${base}`, maxRetries: 0 })

/** Calls are announced to a server of somebody else's: the gateway is not told. */
const unannounced = { OPENAI_WEBHOOK_SECRET: '', CALLS_POLICY: '' }
const brief = { type: 'realtime' as const, instructions: 'Always begin with "Ahoy"' }

for (const vendor of ['openai', 'azure'] as const) {
  const base = vendor === 'openai' ? '/v1' : '/openai/v1'

  test(`${base}, before ${vendor}: a controller accepts a call, which is a sideband session of its own`, async t => {
    const simulator = await startSimulator({ rate: 200, seed: 2 })
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
            OPENAI_API_KEY: 'sk',
            OPENAI_REALTIME_MODEL: 'gpt-realtime',
          }
    const gateway = await gatewayFor(t, {
      ...upstream,
      GATEWAY_AUTH: 'key',
      GATEWAY_API_KEYS: `desk:${desk['api-key']},clerk:${clerk['api-key']}`,
      CALLS_CONTROL: 'key:desk',
    })
    const { call } = simulator.ring({ vendor })
    const { calls } = clientOf(gateway, desk, base).realtime
    await calls.accept(call.id, brief)
    const session = await call.accepted
    t.is(session.instructions, brief.instructions)
    t.is(session.model, vendor === 'azure' ? 'one' : 'gpt-realtime')
    t.is((await sessionsOf(gateway, desk))[0]?.call_id, call.id)
    await t.throwsAsync(calls.accept(call.id, brief), { message: /^409/ })
    await t.throwsAsync(calls.reject(call.id), { message: /^409/ })

    const joined = await converse(t, `${gateway.socketUrl}${base}/realtime?call_id=${call.id}`, {
      headers: desk,
    })
    joined.send({ type: 'response.create' })
    const spoken = (await joined.until('response.output_audio_transcript.done')).at(-1)
    t.regex(String(spoken?.transcript), /^Ahoy/)
    await calls.refer(call.id, { target_uri: 'tel:+15550123' })
    t.deepEqual(await call.ended, { by: 'referred', target: 'tel:+15550123' })
    t.is((await sessionsOf(gateway, desk))[0]?.ended_reason, 'referred')
    await t.throwsAsync(calls.hangup(call.id), { message: /^404/ })
  })
}

test('a controller rejects, hangs up and refers calls that the gateway has never heard of', async t => {
  const { gateway, simulator } = await receptionFor(t, unannounced)
  const { calls } = clientOf(gateway, desk).realtime
  const [rejected, declined, hungUp, referred] = Array.from({ length: 4 }, () => simulator.ring().call) as [
    ReturnType<typeof simulator.ring>['call'],
    ReturnType<typeof simulator.ring>['call'],
    ReturnType<typeof simulator.ring>['call'],
    ReturnType<typeof simulator.ring>['call'],
  ]
  await calls.reject(rejected.id, { status_code: 486 })
  t.deepEqual(await rejected.ended, { by: 'rejected', status: 486 })
  await calls.reject(declined.id)
  t.deepEqual(await declined.ended, { by: 'rejected', status: 603 })
  // They were accepted at upstream itself.
  const elsewhere = new OpenAI({ apiKey: 'sk', baseURL: `${simulator.url}/v1` }).realtime.calls
  for (const { id } of [hungUp, referred]) await elsewhere.accept(id, brief)
  await calls.hangup(hungUp.id)
  t.deepEqual(await hungUp.ended, { by: 'hung up' })
  await calls.refer(referred.id, { target_uri: 'sip:desk@example.com' })
  t.deepEqual(await referred.ended, { by: 'referred', target: 'sip:desk@example.com' })
  await t.throwsAsync(calls.hangup(referred.id), { message: /^404 The call is over/ })
})

test('nobody else controls a call that the gateway did not make, or one that came by the webhook', async t => {
  const { gateway, simulator, ring } = await receptionFor(t)
  const { calls } = clientOf(gateway, clerk).realtime
  const unknown = simulator.ring().call
  const { call: known } = ring(gateway)
  await known.accepted
  await gateway.logged('sideband.control.connected')
  for (const { id } of [unknown, known]) {
    const refused = { message: /^404 There is no such call of yours here/ }
    await t.throwsAsync(calls.accept(id, brief), refused)
    await t.throwsAsync(calls.reject(id), refused)
    await t.throwsAsync(calls.refer(id, { target_uri: 'tel:+1' }), refused)
    await t.throwsAsync(calls.hangup(id), refused)
    const joining = converse(t, `${gateway.socketUrl}/v1/realtime?call_id=${id}`, { headers: clerk })
    t.like(await t.throwsAsync(joining), { status: 404 })
  }
  t.is(unknown.phase, 'ringing')
  t.is(known.phase, 'active')
  // The controller has both.
  const controller = clientOf(gateway, desk).realtime.calls
  await controller.reject(unknown.id)
  await controller.hangup(known.id)
  t.deepEqual(await known.ended, { by: 'hung up' })
})

test("a controller has no say in another caller's call", async t => {
  const { gateway } = await receptionFor(t, unannounced)
  const peer = await openPeer(t)
  const reply = await clientOf(gateway, clerk).realtime.calls.create({
    sdp: peer.sdp,
    session: { type: 'realtime' },
  })
  const callId = reply.headers.get('location')?.split('/').pop() ?? ''
  const { calls } = clientOf(gateway, desk).realtime
  await t.throwsAsync(calls.hangup(callId), { message: /^404/ })
  await t.throwsAsync(calls.refer(callId, { target_uri: 'tel:+1' }), { message: /^404/ })
  await t.notThrowsAsync(clientOf(gateway, clerk).realtime.calls.hangup(callId))
})

test('what cannot be asked of a call is refused by name, and upstream is not asked', async t => {
  const { gateway, simulator } = await receptionFor(t, unannounced)
  const { call } = simulator.ring()
  const attempts: [action: string, body: unknown, status: number, detail: RegExp][] = [
    ['accept', {}, 400, /"type": must be "realtime"/],
    ['accept', { type: 'transcription' }, 400, /"type": must be "realtime"/],
    ['accept', { type: 'realtime', model: 'gpt-99' }, 404, /"gpt-99" is not configured/],
    ['accept', { type: 'realtime', model: 'x' }, 404, /"x" is not configured/],
    ['accept', { type: 'realtime', model: '' }, 400, /"model"/],
    ['accept', { type: 'realtime', model: 'x'.repeat(128) }, 404, /is not configured/],
    ['accept', { type: 'realtime', model: 'x'.repeat(129) }, 400, /"model"/],
    ['accept', '{', 400, /not JSON/],
    ['reject', { status_code: 200 }, 400, /"status_code": must be a SIP status from 300 to 699/],
    ['reject', { status_code: 700 }, 400, /"status_code"/],
    ['reject', { status_code: '486' }, 400, /"status_code"/],
    ['refer', {}, 400, /"target_uri"/],
    ['refer', { target_uri: 'https://example.com' }, 400, /"target_uri": must be a tel: or sip: address/],
    ['refer', { target_uri: 'tel:+1\r\nX: y' }, 400, /"target_uri"/],
    ['pickup', {}, 404, /nothing at/],
  ]
  for (const [action, body, status, detail] of attempts) {
    const url = `${gateway.url}/v1/realtime/calls/${call.id}/${action}`
    const answer = await request<{ detail: string }>(url, { method: 'POST', body, headers: desk })
    t.is(answer.status, status, `${action} ${JSON.stringify(body)}`)
    t.regex(answer.body.detail, detail)
  }
  t.is(call.phase, 'ringing')
  for (const id of ['..', 'rtc_%2e%2e', `rtc_${'x'.repeat(200)}`])
    t.is(
      (
        await fetch(`${gateway.url}/v1/realtime/calls/${encodeURIComponent(id)}/hangup`, {
          method: 'POST',
          headers: desk,
        })
      ).status,
      404,
    )
})
