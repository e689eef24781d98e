/** Telephone calls at the simulator, with the official client as the server that decides on them. */
import { createServer } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import OpenAI from 'openai'
import { type Simulator, startSimulator } from '../../runtime/simulator/server.ts'
import { converse } from '../gateway/converse.ts'
import { mailbox } from '../gateway/start.ts'

const secret = `whsec_${Buffer.from('the signing secret of this test').toString('base64')}`

interface Delivery {
  headers: Record<string, string>
  body: string
}

/** A server that webhooks go to. @param status of the answer to each delivery, counted from 1 */
async function webhookServer(t: ExecutionContext, status: (delivery: number) => number = () => 200) {
  const deliveries = mailbox<Delivery>('no webhook is delivered')
  let count = 0
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('')
    count += 1
    response.writeHead(status(count)).end()
    deliveries.put({ headers: request.headers as Record<string, string>, body })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  return { webhook: { url: `http://127.0.0.1:${port}/`, secret }, next: deliveries.take }
}

async function simulatorFor(t: ExecutionContext): Promise<Simulator> {
  const simulator = await startSimulator({ rate: 200, seed: 5 })
  t.teardown(() => simulator.close())
  return simulator
}

const clientOf = ({ url }: Simulator, base = '/v1') =>
  new OpenAI({ apiKey: 'sk-test', baseURL: `${url}${base}`, webhookSecret: secret, maxRetries: 0 })

for (const [vendor, base] of [
  ['openai', '/v1'],
  ['azure', '/openai/v1'],
] as const) {
  test(`${vendor}: openai's client unwraps the webhook, accepts the call, joins it and hangs it up`, async t => {
    const simulator = await simulatorFor(t)
    const server = await webhookServer(t)
    const client = clientOf(simulator, base)
    const { call, delivered } = simulator.ring({ webhook: server.webhook, vendor })
    const { body, headers } = await server.next()
    const event = await client.webhooks.unwrap(body, headers)
    if (event.type !== 'realtime.call.incoming') return t.fail(event.type)
    t.is(event.data.call_id, call.id)
    t.deepEqual(
      event.data.sip_headers.map(({ name }) => name),
      ['From', 'To', 'Call-ID'],
    )
    t.deepEqual(await delivered, [[200]])

    const socketUrl = `${simulator.url.replace(/^http/, 'ws')}${base}/realtime?call_id=${call.id}`
    const authorization = { headers: { Authorization: 'Bearer sk-test' } }
    t.like(await t.throwsAsync(converse(t, socketUrl, authorization)), { status: 404 })
    const session = {
      type: 'realtime',
      model: 'gpt-realtime',
      instructions: 'Always begin with "Ahoy"',
    } as const
    await client.realtime.calls.accept(call.id, session)
    t.is((await call.accepted).instructions, session.instructions)
    await t.throwsAsync(client.realtime.calls.accept(call.id, session), { message: /^409/ })
    await t.throwsAsync(client.realtime.calls.reject(call.id), { message: /^409/ })

    const join = async (): ReturnType<typeof converse> =>
      converse(t, socketUrl, authorization).catch(() => join())
    const sideband = await join()
    call.press('5')
    const pressed = (await sideband.until('input_audio_buffer.dtmf_event_received')).at(-1)
    t.like(pressed, { event: '5', event_id: undefined })
    t.is(typeof pressed?.received_at, 'number')
    call.say(800)
    const heard = await sideband.until('output_audio_buffer.stopped')
    t.true(heard.some(({ type }) => type === 'input_audio_buffer.speech_started'))
    t.false(heard.some(({ type }) => type === 'response.output_audio.delta'))
    const spoken = heard.find(({ type }) => type === 'response.output_audio_transcript.done')
    t.regex(String(spoken?.transcript), /^Ahoy/)

    await client.realtime.calls.hangup(call.id)
    t.deepEqual(await call.ended, { by: 'hung up' })
    t.is((await sideband.closed).code, 1000)
    await t.throwsAsync(client.realtime.calls.hangup(call.id), { message: /^404/ })
  })
}

test('a call is rejected with a SIP status, 603 unless told otherwise', async t => {
  const simulator = await simulatorFor(t)
  const client = clientOf(simulator)
  const [first, second] = [simulator.ring().call, simulator.ring().call]
  await client.realtime.calls.reject(first.id)
  t.deepEqual(await first.ended, { by: 'rejected', status: 603 })
  await client.realtime.calls.reject(second.id, { status_code: 486 })
  t.deepEqual(await second.ended, { by: 'rejected', status: 486 })
  await t.throwsAsync(client.realtime.calls.accept(second.id, { type: 'realtime' }), { message: /^404/ })
})

test('a call that was accepted is referred', async t => {
  const simulator = await simulatorFor(t)
  const client = clientOf(simulator)
  const { call } = simulator.ring()
  const target_uri = 'tel:+15550123'
  await t.throwsAsync(client.realtime.calls.refer(call.id, { target_uri }), { message: /^400/ })
  await client.realtime.calls.accept(call.id, { type: 'realtime' })
  await client.realtime.calls.refer(call.id, { target_uri })
  t.deepEqual(await call.ended, { by: 'referred', target: target_uri })
})

test('a call ends when its caller hangs up, and when nobody decides on it', async t => {
  const simulator = await simulatorFor(t)
  const client = clientOf(simulator)
  const { call } = simulator.ring()
  await client.realtime.calls.accept(call.id, { type: 'realtime' })
  call.leave()
  t.deepEqual(await call.ended, { by: 'caller' })
  t.deepEqual(await simulator.ring({ hangUpAfterMs: 10 }).call.ended, { by: 'caller' })
  t.deepEqual(await simulator.ring({ ringMs: 10 }).call.ended, { by: 'no answer' })
})

test('a session that a telephone call does not take is refused, and the call rings on', async t => {
  const simulator = await simulatorFor(t)
  const client = clientOf(simulator)
  const { call } = simulator.ring()
  const turn_detection = { type: 'server_vad', threshold: 0.5 } as const
  for (const [session, message] of [
    [{ type: 'realtime', audio: { input: { turn_detection } } }, /^400 .*turn_detection.threshold/],
    [{ type: 'transcription' }, /^400 .*transcription/],
    [{}, /^400 .*'type'/],
    [{ type: 'realtime', voice: 'alloy' }, /^400 .*voice/],
    [{ type: 'realtime', model: 'gpt-99' }, /^400 .*gpt-99/],
  ] as const)
    await t.throwsAsync(client.realtime.calls.accept(call.id, session as never), { message })
  t.is(call.phase, 'ringing')
})

test('a webhook is delivered twice if asked, and again while it is refused', async t => {
  const simulator = await simulatorFor(t)
  const server = await webhookServer(t, delivery => (delivery === 1 ? 503 : 200))
  const { delivered } = simulator.ring({ webhook: server.webhook, deliveries: 2 })
  const statuses = await delivered
  t.deepEqual(statuses.map(each => each.join()).sort(), ['200', '503,200'])
  const ids = [await server.next(), await server.next(), await server.next()].map(
    ({ headers }) => headers['webhook-id'],
  )
  t.is(new Set(ids).size, 1)
})
