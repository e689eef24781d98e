/** What each fault of the simulator does. */
import test from 'ava'
import { connect, Refused } from './conversation.ts'
import { respond, textOnly, update, userText } from './events.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
const starting = stage.simulator({ seed: 3, rate: 100, faults: true })

const dial = async (fault: string, path = '/openai/v1/realtime') =>
  connect(`${(await starting).url}${path}?model=my-deployment--fault-${fault}`)

async function answering(fault: string) {
  const client = await dial(fault)
  await client.next('session.created')
  client.send(update(textOnly), userText('count to 50'), respond())
  return client
}

for (const status of [401, 403, 404, 429, 500, 503]) {
  test(`fault ${status}: the upgrade is answered with it`, async t => {
    const refused = await t.throwsAsync(dial(String(status)), { instanceOf: Refused })
    t.is(refused?.status, status)
    t.is(refused?.headers['retry-after'], status === 429 || status === 503 ? '1' : undefined)
  })
}

test('fault refuse: the connection is cut', async t => {
  await t.throwsAsync(dial('refuse'), { message: /hang up|ECONNRESET/ })
})

test('fault slow-1: the upgrade is answered after a second', async t => {
  const before = performance.now()
  const { next, close } = await dial('slow-1')
  t.true(performance.now() - before > 900)
  await next('session.created')
  await close()
})

test('fault silence: nothing is ever said, and pings are answered', async t => {
  const { socket, seen, send, close } = await dial('silence')
  send(update(textOnly))
  await new Promise(resolve => {
    socket.once('pong', resolve)
    socket.ping()
  })
  t.deepEqual(seen, [])
  await close()
})

test('fault stall: an answer stops in the middle and the socket stays open', async t => {
  const { socket, until, seen, close } = await answering('stall')
  await until('response.output_text.delta')
  await until('response.output_text.delta')
  await new Promise(resolve => {
    socket.once('pong', resolve)
    socket.ping()
  })
  t.is(seen.filter(event => event.type === 'response.output_text.delta').length, 2)
  t.is(socket.readyState, socket.OPEN)
  await close()
})

test('fault drop: the socket is cut without a close frame in mid-answer', async t => {
  const { closed, seen } = await answering('drop')
  t.is((await closed()).code, 1006)
  t.is(seen.filter(event => event.type === 'response.output_text.delta').length, 2)
})

test('fault drop-open: the socket is cut right after session.created', async t => {
  const { closed, seen } = await dial('drop-open')
  t.is((await closed()).code, 1006)
  t.is(seen.length, 1)
})

test('fault close-1011: any code', async t => {
  const { closed } = await answering('close-1011')
  t.deepEqual(await closed(), { code: 1011, reason: 'fault' })
})

test('fault trickle: events come one by one', async t => {
  const { next, send, close } = await dial('trickle')
  await next('session.created')
  const before = performance.now()
  send(update(textOnly))
  await next('session.updated')
  t.true(performance.now() - before > 300)
  await close()
})

test('fault duplicate: each event comes twice', async t => {
  const { next, close } = await dial('duplicate')
  const first = await next('session.created')
  t.deepEqual(await next('session.created'), first)
  await close()
})

test('fault reorder: neighbouring deltas change places', async t => {
  const { until, close } = await answering('reorder')
  const events = await until('response.done')
  const text = events.filter(event => event.type.endsWith('text.delta')).map(event => event.delta)
  t.deepEqual(text.slice(0, 4), [' two,', 'one,', ' four,', ' three,'])
  await close()
})

test('fault huge: an event of 10 MB in mid-answer', async t => {
  const { reach, close } = await answering('huge')
  t.is((await reach('response.huge')).padding.length, 10 * 1024 * 1024)
  await reach('response.done')
  await close()
})

test('fault utf8: a text frame that is no text', async t => {
  const { socket, closed } = await answering('utf8')
  const problem = new Promise<{ code?: string }>(resolve => socket.once('error', resolve))
  t.is((await problem).code, 'WS_ERR_INVALID_UTF8')
  await closed()
})

test('fault json: a text frame that is no JSON', async t => {
  const client = await dial('json')
  await client.next('session.created')
  const texts: string[] = []
  client.socket.removeAllListeners('message')
  const bad = new Promise<void>(resolve => {
    client.socket.on('message', data => {
      texts.push(String(data))
      if (!String(data).endsWith('}')) resolve()
    })
  })
  client.send(update(textOnly), userText('count to 9'), respond())
  await bad
  t.true(texts.includes('{"type":"response.output_text.delta","delta":'))
  await client.close()
})

test('fault expire-1: the session ends with session_expired and 1001', async t => {
  const { reach, closed } = await dial('expire-1')
  const { error } = await reach('error')
  t.is(error.code, 'session_expired')
  t.is(error.event_id, null)
  t.deepEqual(await closed(), { code: 1001, reason: error.message })
})

test('fault no-close: the close of a client is answered by the end of the stream', async t => {
  const { socket, closed } = await dial('no-close')
  socket.close(1000)
  t.is((await closed()).code, 1006)
})

test('fault fail-server_error: the first response fails, the second does not', async t => {
  const { reach, send, close } = await answering('fail-server_error')
  const { response } = await reach('response.done')
  t.is(response.status, 'failed')
  t.deepEqual(response.status_details, {
    type: 'failed',
    error: { type: 'server_error', code: 'server_error' },
  })
  send(respond())
  t.is((await reach('response.done')).response.status, 'completed')
  await close()
})

test('a fault may be spent: -x2 strikes twice', async t => {
  await t.throwsAsync(dial('429-x2'), { instanceOf: Refused })
  await t.throwsAsync(dial('429-x2'), { instanceOf: Refused })
  const { next, close } = await dial('429-x2')
  t.is((await next('session.created')).session.model, 'my-deployment')
  await close()
})

test('a fault may be asked for by query, by header, and by order', async t => {
  const { url } = await stage.simulator({ faults: true, rate: 100 })
  const path = `${url}/v1/realtime?model=gpt-realtime`
  await t.throwsAsync(connect(`${path}&fault=503`), { instanceOf: Refused })
  const headers = { authorization: 'Bearer k', 'x-simulator-fault': '403' }
  await t.throwsAsync(connect(path, { headers }), { instanceOf: Refused })
  const order = (body: object) =>
    fetch(`${url}/simulator/fault`, { method: 'POST', body: JSON.stringify(body) })
  t.is((await order({ fault: '500', times: 1 })).status, 204)
  t.is((await order({ fault: 'nonsense' })).status, 400)
  t.is((await order({ fault: '500', times: 1 })).status, 204)
  await t.throwsAsync(connect(path), { instanceOf: Refused })
  const secrets = '/v1/realtime/client_secrets'
  const mint = () => fetch(url + secrets, { method: 'POST', headers: { authorization: 'Bearer k' } })
  await order({ fault: '429', times: 1, path: secrets })
  const { close: leave } = await connect(path)
  await leave()
  t.is((await mint()).status, 429)
  t.is((await mint()).status, 200)
  await order({ fault: 'silence', times: 1 })
  t.is((await mint()).status, 200)
  t.is((await fetch(`${url}/simulator/fault`, { method: 'DELETE' })).status, 204)
  const { close } = await connect(path)
  await close()
})

test('without leave nobody gets a fault', async t => {
  const { url } = await stage.simulator()
  const { next, close } = await connect(`${url}/openai/v1/realtime?model=d&fault=500`)
  await next('session.created')
  await close()
  const reply = await fetch(`${url}/simulator/fault`, { method: 'POST', body: '{"fault":"500"}' })
  t.is(reply.status, 404)
})
