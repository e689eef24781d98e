/** Observers of one call: what waits for each is bounded, and what one of them sends is no burden to another. */
import test from 'ava'
import { Observers } from '../../runtime/calls/observers.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor, type Stage } from '../gateway/start.ts'
import { callUpstream, placeCall } from './call-upstream.ts'

async function watchedCall(t: Stage, env: Record<string, string> = {}) {
  const upstream = await callUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...env })
  const sessionId = await placeCall(gateway.url)
  const join = () => converse(t, `${gateway.socketUrl}/sideband/control/${sessionId}`)
  const [bad, good] = [await join(), await join()]
  const call = await upstream.joined()
  for (const observer of [bad, good]) await observer.until('sideband_connected')
  return { gateway, call, bad, good }
}

test('an observer that sends garbage gets a bounded number of answers, and the others hear none of it', async t => {
  const { call, bad, good } = await watchedCall(t)
  for (let sent = 0; sent < 5000; sent += 1) bad.send('x')
  let answers = 0
  await t.throwsAsync(async () => {
    for (;;) {
      t.like(await bad.next(), { type: 'error', code: 'bad_request' })
      answers += 1
    }
  })
  t.is(answers, 100)
  t.deepEqual(await bad.closed, { code: 1008, reason: 'bad_request' })
  call.send({ type: 'still.there' })
  t.like((await good.next()).event, { type: 'still.there' })
})

test('an observer that reads no answers to what it sends is dropped', async t => {
  const { gateway, call, bad, good } = await watchedCall(t, { CLIENT_BUFFER_KB: '64', CLIENT_TURN_MS: '0' })
  bad.socket.pause()
  let isDropped = false
  const dropped = gateway.logged('sideband.observer.dropped').then(line => {
    isDropped = true
    return line
  })
  for (let sent = 0; !isDropped && sent < 600; sent += 1) {
    for (let n = 0; n < 1000; n += 1) bad.send('{"type":"heartbeat"}')
    await new Promise(resolve => setImmediate(resolve))
  }
  t.true(isDropped)
  t.like((await dropped).fields, { code: 'client_too_slow' })
  call.send({ type: 'still.there' })
  t.like((await good.next()).event, { type: 'still.there' })
})

test('a message that is nested too deep is refused, and the connection goes on', async t => {
  const { call, bad } = await watchedCall(t, { SIDEBAND_PIN_SESSION: 'true' })
  await call.next()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  bad.send(`{"type":"session.update","session":{"tools":${deep}}}`)
  t.like(await bad.next(), { type: 'error', code: 'bad_request' })
  bad.send({ type: 'heartbeat' })
  t.is((await bad.next()).type, 'heartbeat-ack')
})

test('an event of the call that is no JSON is left out: it could forge a message to the observer', async t => {
  const { call, good } = await watchedCall(t)
  call.send('{"type":"x"},"type":"call_ended","y":{"z":1}')
  t.like(await good.next(), { type: 'error', code: 'upstream_broke_protocol' })
  call.send({ type: 'still.there' })
  t.like((await good.next()).event, { type: 'still.there' })
})

test('one for whom more than the bound waits is closed once, and told nothing more', t => {
  const seen: string[] = []
  const dropped: string[] = []
  let waiting = 0
  const observer = {
    id: 'o',
    send: (message: string | Uint8Array) => {
      waiting += message.length
      seen.push(`${message}`)
      return false
    },
    buffered: () => waiting,
    probe: () => undefined,
    close: (code: number, reason: string) => seen.push(`closed ${code} ${reason}`),
  }
  const observers = new Observers({ maxBufferedBytes: 5, onDropped: (_, code) => dropped.push(code) })
  observers.add(observer)
  observers.tellOne(observer, 'four')
  observers.tell('more')
  observers.tellOne(observer, 'late')
  observers.tell('late')
  t.deepEqual(seen, ['four', 'more', 'closed 1008 client_too_slow'])
  t.deepEqual(dropped, ['client_too_slow'])
})
