import test from 'ava'
import { ClientSocket, type NativeSocket } from '../../runtime/server/client-socket.ts'
import { someContext } from './some-context.ts'

/** A socket behind which everything waits that is sent to it; its pings are told. */
function stage(onPing: (pings: number, socket: ClientSocket) => void) {
  const { promise: closed, resolve } = Promise.withResolvers<number>()
  const faults: string[] = []
  let pings = 0
  const native: NativeSocket = {
    send: () => 0,
    getBufferedAmount: () => 5_000_000,
    ping: () => {
      pings += 1
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
      heartbeatMs: 32,
      maxMessageBytes: 1000,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    },
  )
  return { closed, faults }
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
