/** How a simulator ends: whatever its clients do, or do not. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { startSimulator } from '../../runtime/simulator/server.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer sk-any\r\n\r\n`

/** Opens a connection that does not end when the simulator ends its side. */
async function open(t: Stage, url: string): Promise<Socket> {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

const clients: readonly [what: string, hold: (socket: Socket) => unknown][] = [
  ['has not asked for anything', () => undefined],
  ['sends half of a request', socket => socket.write('GET / HTTP/1.1\r\nHost:')],
  [
    'does not send the body that it announced',
    socket => socket.write('POST /v1/realtime/calls HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nv=0'),
  ],
  [
    'does not end a connection whose upgrade was refused',
    async socket => {
      socket.write(upgrade('/nowhere'))
      await once(socket, 'data')
    },
  ],
  [
    'waits for an upgrade that a fault delays',
    socket => socket.write(upgrade('/v1/realtime?model=gpt-realtime--fault-slow-600')),
  ],
  [
    'does not answer the close of its session',
    async socket => {
      socket.write(upgrade('/v1/realtime?model=gpt-realtime'))
      await once(socket, 'data')
    },
  ],
]

for (const [what, hold] of clients)
  test(`a simulator ends beside a client that ${what}`, async t => {
    const simulator = await startSimulator({ faults: true })
    const socket = await open(t, simulator.url)
    socket.resume()
    await hold(socket)
    // It has been taken, and what was sent on it has been read.
    await fetch(simulator.url)
    const gone = once(socket, 'close')
    await within(simulator.close(), patienceMs, 'the simulator does not end')
    socket.end()
    await within(gone, patienceMs, 'the connection is not ended')
    await t.notThrowsAsync(within(simulator.close(), patienceMs, 'a second close does not end'))
  })
