/** Calls that come by telephone: what the webhook makes of them, once, and what it makes of everything else. */
import type { Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { signWebhook } from '../../runtime/simulator/telephone/webhook.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor, type Stage } from '../gateway/start.ts'
import { patienceMs, until, untilReady } from '../gateway/within.ts'
import { rawSocket } from '../server/raw.ts'
import { redisServer } from '../store/redis-server.ts'
import { callUpstream } from './call-upstream.ts'
import { clerk, desk, receptionFor, secret, sessionsOf } from './telephone.ts'

type CallEvent = { type: string; [field: string]: unknown }

interface Posted {
  status: number
  body: { outcome?: string; detail?: string }
}

/** Posts a webhook as it is. */
async function post(url: string, body: string, headers: Record<string, string>): Promise<Posted> {
  const answer = await fetch(`${url}/webhooks/realtime`, { method: 'POST', body, headers })
  return { status: answer.status, body: (await answer.json()) as Posted['body'] }
}

/** As a vendor does: a webhook that is being acted on is delivered again. */
async function postUntilActedOn(...given: Parameters<typeof post>): Promise<Posted> {
  const answer = await post(...given)
  return answer.status === 409 ? postUntilActedOn(...given) : answer
}

/** A gateway that answers every call, whose upstream takes none for now. */
async function unavailable(t: Stage) {
  const upstream = await callUpstream(t)
  upstream.acceptStatus = 503
  const env = { ...upstream.env, OPENAI_WEBHOOK_SECRET: secret, CALLS_POLICY: 'accept' }
  return { upstream, gateway: await gatewayFor(t, env) }
}

const nowSec = () => Math.floor(Date.now() / 1000)
const incoming = (callId: string, more: object = {}) =>
  JSON.stringify({
    object: 'event',
    id: 'evt_1',
    type: 'realtime.call.incoming',
    created_at: nowSec(),
    data: { call_id: callId, sip_headers: [{ name: 'From', value: '<sip:+15550100@carrier.example>' }] },
    ...more,
  })

test('a call is answered with the fixed session, greeted, controlled, its keys heard, and hung up', async t => {
  const { gateway, ring } = await receptionFor(t, { CALLS_GREETING: 'Always begin with "Good day."' })
  const { call, delivered } = ring(gateway)
  const session = await call.accepted
  t.is(session.instructions, 'Always begin with "Reception."')
  t.deepEqual(await delivered, [[200]])
  const [listed] = await sessionsOf(gateway, desk)
  t.is(listed?.call_id, call.id)
  t.is(listed?.origin, 'telephone')
  t.deepEqual(await sessionsOf(gateway, clerk), [])

  const path = `${gateway.socketUrl}/sideband/control/${listed?.session_id}`
  t.like(await t.throwsAsync(converse(t, path, { headers: clerk })), { status: 404 })
  const control = await converse(t, path, { headers: desk })
  t.like((await control.until('sideband_connected')).at(-1), { call_id: call.id })
  const event = async (type: string, fits: (event: CallEvent) => boolean = () => true) =>
    (
      await control.until(
        'openai_event',
        ({ event }) => (event as CallEvent).type === type && fits(event as CallEvent),
      )
    ).at(-1)?.event as CallEvent

  call.press('7')
  t.is((await event('input_audio_buffer.dtmf_event_received')).event, '7')
  call.say(600)
  const said = await event('response.output_audio_transcript.done', ({ transcript }) =>
    String(transcript).startsWith('Reception'),
  )
  t.truthy(said)
  control.send({ type: 'update_instructions', instructions: 'Always begin with "Transferred."' })
  await event('session.updated')
  control.send({ type: 'send_message', text: 'hello' })
  await event('response.output_audio_transcript.done', ({ transcript }) =>
    String(transcript).startsWith('Transferred'),
  )
  control.send({ type: 'hang_up' })
  t.like((await control.until('call_ended')).at(-1), { reason: 'hung up' })
  t.deepEqual(await call.ended, { by: 'hung up' })
  await gateway.logged('sideband.call.ended', ({ call_id }) => call_id === call.id)
  t.false(JSON.stringify(gateway.lines).includes('15550100'), "a caller's number is in the log")
})

test('the greeting is the first thing that is said, without a control connection of a client', async t => {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    OPENAI_WEBHOOK_SECRET: secret,
    CALLS_POLICY: 'accept',
    CALLS_GREETING: 'Greet the caller',
  })
  const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_phone'))
  t.deepEqual((await post(gateway.url, body, headers)).body, { outcome: 'answered' })
  const joined = await upstream.joined()
  t.deepEqual(JSON.parse(await joined.next()), {
    type: 'response.create',
    response: { instructions: 'Greet the caller' },
  })
  t.true(upstream.asked.includes('/openai/v1/realtime/calls/rtc_phone/accept'))
})

test('a webhook that is delivered twice at once, again, or under another id answers the call once', async t => {
  const redis = await redisServer(t)
  const upstream = await callUpstream(t)
  const env = {
    ...upstream.env,
    OPENAI_WEBHOOK_SECRET: secret,
    CALLS_POLICY: 'accept',
    REDIS_URL: redis.url,
  }
  const gateways = [await gatewayFor(t, env), await gatewayFor(t, env)]
  for (const { url } of gateways) await untilReady(url)
  const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_twice'))
  const doubled = await Promise.all(
    [...gateways, ...gateways, ...gateways].map(({ url }) => post(url, body, headers)),
  )
  // `pending` where answering took longer than the vendor is let wait.
  const acted = doubled.filter(({ body }) => ['answered', 'pending'].includes(String(body.outcome)))
  t.is(acted.length, 1)
  for (const { status, body } of doubled) t.true(status === 409 || body.outcome !== undefined, `${status}`)
  // As long as the webhook is fresh, anybody who has seen it can send it again.
  for (const { url } of gateways)
    t.deepEqual((await postUntilActedOn(url, body, headers)).body, { outcome: 'duplicate' })
  // The vendors sign a later delivery anew; another webhook may tell of the same call.
  for (const id of ['wh_1', 'wh_2']) {
    const later = signWebhook(secret, id, nowSec() + 5, body)
    for (const { url } of gateways)
      t.deepEqual((await post(url, body, later.headers)).body, { outcome: 'duplicate' })
  }
  t.is(upstream.asked.filter(path => path.endsWith('/accept')).length, 1)
  t.is((await sessionsOf(gateways[0] as { url: string }, {})).length, 0)
})

test('a webhook that is replayed when its time is over, forged or unsigned does nothing, whatever it says', async t => {
  const { gateway, simulator } = await receptionFor(t)
  const { call } = simulator.ring()
  const body = incoming(call.id)
  const attempts: [headers: Record<string, string>, body: string][] = [
    [{}, body],
    [{ ...desk }, body],
    [signWebhook(secret, 'wh_1', nowSec() - 301, body).headers, body],
    [signWebhook(secret, 'wh_1', nowSec() + 400, body).headers, body],
    [signWebhook('whsec_dGhlIHdyb25nIHNlY3JldCBvZiBhIGZvcmdlcg==', 'wh_1', nowSec(), body).headers, body],
    [signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_other')).headers, body],
    [signWebhook(secret, 'wh_1', nowSec(), '').headers, 'not JSON'],
  ]
  for (const [headers, text] of attempts) {
    const { status, body } = await post(gateway.url, text, headers)
    t.is(status, 401)
    t.is(body.detail, 'The webhook is not signed as it must be')
  }
  t.is(gateway.lines.filter(({ event }) => event === 'webhook.refused').length, attempts.length)
  t.is(call.phase, 'ringing')
  t.deepEqual(await sessionsOf(gateway, desk), [])
})

test('a signed webhook that is malformed or of another event does nothing', async t => {
  const { gateway, simulator } = await receptionFor(t)
  const { call } = simulator.ring()
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`
  const texts: [text: string, status: number, outcome?: string][] = [
    ['', 400],
    ['{', 400],
    ['[]', 400],
    [`{"type":"realtime.call.incoming","data":${deep}}`, 400],
    ['{"type":"realtime.call.incoming"}', 400],
    ['{"type":"realtime.call.incoming","data":{"call_id":"../../hangup"}}', 400],
    ['{"type":"realtime.call.incoming","data":{"call_id":7}}', 400],
    [incoming(call.id, { type: 'live.transport.incoming' }), 200, 'ignored'],
    [incoming(call.id, { type: 'batch.completed' }), 200, 'ignored'],
    [incoming('rtc_that_rings_no_more'), 200, 'gone'],
    [`"${'x'.repeat(65 * 1024)}"`, 413],
  ]
  for (const [index, [text, status, outcome]] of texts.entries()) {
    const { headers } = signWebhook(secret, `wh_${index}`, nowSec(), text)
    const answer = await post(gateway.url, text, headers)
    t.is(answer.status, status, text.slice(0, 80))
    t.is(answer.body.outcome, outcome, text.slice(0, 80))
  }
  t.is(call.phase, 'ringing')
})

for (const [policy, status] of [
  ['reject', 603],
  ['reject:486', 486],
] as const) {
  test(`with CALLS_POLICY=${policy} a call is rejected with ${status}`, async t => {
    const { gateway, ring } = await receptionFor(t, { CALLS_POLICY: policy })
    const { call, delivered } = ring(gateway, { deliveries: 2 })
    t.deepEqual(await call.ended, { by: 'rejected', status })
    await delivered
    t.deepEqual(await sessionsOf(gateway, desk), [])
  })
}

test('without OPENAI_WEBHOOK_SECRET there is no webhook', async t => {
  const gateway = await gatewayFor(t)
  const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_1'))
  t.is((await post(gateway.url, body, headers)).status, 404)
})

test('a caller who hangs up early leaves nothing behind: before, while and after the call is answered', async t => {
  const { gateway, ring } = await receptionFor(t)
  for (const hangUpAfterMs of [0, 5, 20, 60, 200]) {
    const { call, delivered } = ring(gateway, { hangUpAfterMs })
    t.deepEqual(await call.ended, { by: 'caller' })
    t.is((await delivered).flat().at(-1), 200)
  }
  const openSessions = async () =>
    (await sessionsOf(gateway, desk)).filter(({ ended_reason }) => ended_reason === null)
  const deadline = performance.now() + patienceMs
  while ((await openSessions()).length > 0 && performance.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 20))
  t.deepEqual(await openSessions(), [])
})

test("telephone calls spend tokens of their own account: when the day's are spent the call is hung up, and the next one is told that the line is busy", async t => {
  const { gateway, ring } = await receptionFor(t, { LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: '10' })
  const { call } = ring(gateway)
  await call.accepted
  await gateway.logged('sideband.control.connected')
  call.say(500)
  t.deepEqual(await call.ended, { by: 'hung up' })
  const ended = await gateway.logged('sideband.call.ended')
  t.is(ended.fields.reason, 'the budget of the day is spent')
  const [listed] = await sessionsOf(gateway, desk)
  t.true((listed?.usage.output_tokens ?? 0) > 0)
  const { call: next } = ring(gateway)
  t.deepEqual(await next.ended, { by: 'rejected', status: 486 })
  // Callers of the gateway have their own.
  const talk = await converse(t, `${gateway.socketUrl}/chat`, { headers: clerk })
  t.is(talk.socket.readyState, talk.socket.OPEN)
})

test('an upstream that fails for a moment is asked again, and the call answered', async t => {
  const { upstream, gateway } = await unavailable(t)
  const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_patient'))
  const posted = post(gateway.url, body, headers)
  const tries = () => upstream.asked.filter(path => path.endsWith('/accept')).length
  await until(() => tries() >= 2, 'it is not tried twice')
  upstream.acceptStatus = 200
  await upstream.joined()
  t.true(['answered', 'pending'].includes(String((await posted).body.outcome)))
  // What was answered behind the webhook's back is remembered all the same.
  await gateway.logged('sideband.call.incoming', ({ outcome }) => outcome === 'answered')
  const answered = tries()
  t.deepEqual((await postUntilActedOn(gateway.url, body, headers)).body, { outcome: 'duplicate' })
  t.is(tries(), answered)
})

test('a webhook that is delivered again while its call is being answered is refused for now, and not as done', async t => {
  const { upstream, gateway } = await unavailable(t)
  const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_slow'))
  t.deepEqual(await post(gateway.url, body, headers), { status: 200, body: { outcome: 'pending' } })
  t.is((await post(gateway.url, body, headers)).status, 409)
  upstream.acceptStatus = 200
  await upstream.joined()
  await gateway.logged('sideband.call.incoming', ({ outcome }) => outcome === 'answered')
})

test('an upstream that refuses for good is told to the vendor, who delivers again; the caller is not left ringing', async t => {
  const { gateway, ring } = await receptionFor(t, { REALTIME_VOICE: 'no-such-voice' })
  const { call, delivered } = ring(gateway)
  t.deepEqual(await call.ended, { by: 'rejected', status: 503 })
  // On a machine that is held up the webhook is answered first, with 200, and the refusal comes behind it.
  t.true([502, 200].includes(Number((await delivered).flat()[0])))
  const { fields } = await gateway.logged('sideband.call.incoming')
  t.is(fields.outcome, 'failed')
})

test('a replica that drains takes no call: the vendor is told to deliver it again', async t => {
  const { gateway, ring } = await receptionFor(t, { DRAIN_LAME_DUCK_MS: '3000' })
  const drained = gateway.drain()
  const { call, delivered } = ring(gateway, { ringMs: 300 })
  t.deepEqual(await call.ended, { by: 'no answer' })
  t.true((await delivered).flat().every(status => status === 503 || status === 0))
  await drained
})

/** So many webhooks may arrive at once. */
const maxArriving = 64

const forged = `v1,${Buffer.alloc(32).toString('base64')}`

/** Begins a webhook whose body does not end. */
async function half(t: ExecutionContext, port: number, headers: Record<string, string>): Promise<Socket> {
  const socket = await rawSocket(t, port)
  const lines = Object.entries({ host: 'localhost', 'content-length': '1000', ...headers })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  await new Promise(resolve => socket.write(`POST /webhooks/realtime HTTP/1.1\r\n${head}\r\n{`, resolve))
  return socket
}

for (const [what, go] of [
  ['that broke off', (socket: Socket) => void socket.destroy()],
  ['whose bodies do not come', () => undefined],
] as const)
  test(`webhooks ${what}, from whomever, keep none out`, async t => {
    const { gateway } = await receptionFor(t, { CALLS_POLICY: 'reject' })
    const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_late', { type: 'other' }))
    for (let at = 0; at < 2 * maxArriving; at += 1) {
      const socket = await half(t, gateway.port, { ...headers, 'webhook-signature': forged })
      const received = new RegExp(`^gateway_webhooks_received_total\\{[^}]*\\} ${at + 1}$`, 'm')
      while (!received.test(await (await fetch(`${gateway.url}/metrics`, { headers: desk })).text()));
      go(socket)
    }
    const answered = await post(gateway.url, body, headers)
    t.deepEqual(answered, { status: 200, body: { outcome: 'ignored' } })
  })

test('webhooks are counted: all that arrive, and those that are refused by why', async t => {
  const { gateway } = await receptionFor(t, { CALLS_POLICY: 'reject' })
  const { headers, body } = signWebhook(secret, 'wh_1', nowSec(), incoming('rtc_counted', { type: 'other' }))
  const { 'webhook-id': _, ...withoutId } = headers
  const at = (time: number) => signWebhook(secret, 'wh_1', time, body).headers
  const posts: [headers: Record<string, string>, body: string, status: number][] = [
    [headers, body, 200],
    [withoutId, body, 401],
    [{ ...headers, 'webhook-timestamp': 'now' }, body, 401],
    [at(nowSec() - 1000), body, 401],
    [at(nowSec() + 1000), body, 401],
    [{ ...headers, 'webhook-signature': 'v2,AAAA' }, body, 401],
    [headers, `${body} `, 401],
    [headers, 'x'.repeat(100_000), 413],
  ]
  for (const [given, sent, status] of posts) t.is((await post(gateway.url, sent, given)).status, status)
  const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: desk })).text()
  t.regex(metrics, /^gateway_webhooks_received_total\{[^}]*\} 8$/m)
  const refused = [...metrics.matchAll(/^gateway_webhooks_refused_total\{reason="(\w+)"[^}]*\} (\d+)$/gm)]
  t.deepEqual(Object.fromEntries(refused.map(([, reason, count]) => [reason, Number(count)])), {
    missing_header: 1,
    malformed_header: 1,
    too_old: 1,
    too_new: 1,
    no_signature: 1,
    wrong_signature: 1,
    message_too_big: 1,
  })
})
