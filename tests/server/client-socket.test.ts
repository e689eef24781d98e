import test from 'ava'
import { ClientSocket, type NativeSocket } from '../../runtime/server/client-socket.ts'
import { someContext } from './some-context.ts'

/** A socket behind which everything waits that is sent to it; its pings are told. */
function stage(onPing: (pings: number, socket: ClientSocket) => void, heartbeatMs = 32) {
  const { promise: closed, resolve } = Promise.withResolvers<number>()
  const faults: string[] = []
  const payloads: (string | undefined)[] = []
  let pings = 0
  const native: NativeSocket = {
    send: () => 0,
    getBufferedAmount: () => 5_000_000,
    ping: payload => {
      pings += 1
      payloads.push(payload)
      onPing(pings, socket)
      return 1
    },
    end: () => resolve(pings),
    close: () => resolve(pings),
  }
  const socket: ClientSocket = new ClientSocket(
    native,
    'c1',
    {
      handler: () => ({
        message: () => undefined,
        writable: () => undefined,
        announce: () => undefined,
        drain: () => undefined,
        fault: error => faults.push(error.code),
        closed: () => undefined,
      }),
      context: someContext(),
    },
    {
      heartbeatMs,
      maxMessageBytes: 1000,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    },
  )
  return { socket, closed, faults, payloads }
}

const pingsWhileReading = 12

test('a client that takes what is sent to it lives, though its pong waits behind the rest', async t => {
  const { closed, faults } = stage((pings, socket) => {
    if (pings <= pingsWhileReading) socket.drained()
  })
  // Heartbeats alone keep no process alive.
  const alive = setInterval(() => undefined, 1000)
  t.teardown(() => clearInterval(alive))
  const pings = await closed
  t.true(pings > pingsWhileReading, `it was given up after ${pings} pings, while it was reading`)
  t.deepEqual(faults, ['client_silent'], 'and is given up when it reads no more')
})

test('a probe is answered by the pong to it, once, and by no other ping or pong', t => {
  const { socket, payloads } = stage(() => undefined, 60_000)
  t.teardown(() => socket.closed(1000, ''))
  const pong = (payload: string) => socket.heard(new Uint8Array(Buffer.from(payload)).buffer)
  const answered: string[] = []
  socket.probe()
  socket.probe(() => answered.push('second'))
  socket.intervalOver()
  const [first = '', second = '', heartbeat] = payloads
  t.not(first, second)
  t.is(heartbeat, undefined)
  socket.heard(null)
  for (const other of ['', 'x', first, `${second} `]) pong(other)
  socket.receive(new Uint8Array(Buffer.from(second)).buffer, false)
  t.deepEqual(answered, [])
  pong(second)
  pong(second)
  t.deepEqual(answered, ['second'])
  socket.probe(() => answered.push('third'))
  socket.probe(() => answered.push('fourth'))
  for (const payload of payloads) pong(payload ?? '')
  t.deepEqual(answered, ['second', 'fourth'])
})
