import { Worker } from 'node:worker_threads'
import test from 'ava'
import { realtimeUrl, simulatorTarget } from '../../runtime/target.ts'
import { connect } from '../../runtime/upstream/connect.ts'

/** An upstream of a thread of its own: it accepts, says when it did, and greets when it is let. */
const upstream = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { WebSocketServer } = require('ws')
  const flags = new Int32Array(workerData)
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('listening', () => parentPort.postMessage(server.address().port))
  server.on('connection', (socket, request) => {
    Atomics.wait(flags, 0, 0)
    socket.send('{"type":"session.created"}', () => {
      Atomics.store(flags, 1, 1)
      Atomics.notify(flags, 1)
    })
  })
`
const timeoutMs = 1000

test('a session that was there in time exists, however long this process itself was held up', async t => {
  const shared = new SharedArrayBuffer(8)
  const flags = new Int32Array(shared)
  const thread = new Worker(upstream, { eval: true, workerData: shared })
  t.teardown(() => thread.terminate())
  const port = await new Promise<number>(resolve => thread.once('message', resolve))
  const target = simulatorTarget(`http://127.0.0.1:${port}`, ['one'])
  const before = performance.now()
  const came = await new Promise(resolve => {
    connect(
      {
        ...{ url: realtimeUrl(target, 'one'), headers: {}, label: 'upstream', timeoutMs },
        ...{ maxMessageBytes: 1024, heartbeatMs: 60_000, onFault: fault => t.fail(String(fault)) },
      },
      {
        listener: { event: () => undefined, closed: () => undefined },
        opened: connection => resolve(connection.deployment ?? 'opened'),
        failed: error => resolve(error.code),
      },
    )
    // Held up from before the greeting is sent until after the deadline; timers come next, then what arrived.
    const holdUp = () => {
      if (performance.now() - before < timeoutMs / 2) return setImmediate(holdUp)
      Atomics.store(flags, 0, 1)
      Atomics.notify(flags, 0)
      Atomics.wait(flags, 1, 0)
      while (performance.now() - before < timeoutMs * 1.5);
    }
    holdUp()
  })
  t.is(came, 'opened')
})
