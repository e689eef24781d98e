import { Worker } from 'node:worker_threads'
import test from 'ava'
import { connect } from '../../runtime/upstream/connect.ts'
import { realtimeUrl, simulatorTarget } from '../../runtime/upstream/target.ts'

/** An upstream of a thread of its own. Flags: it has accepted; it may greet; it has greeted. */
const upstream = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { WebSocketServer } = require('ws')
  const flags = new Int32Array(workerData)
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('listening', () => parentPort.postMessage(server.address().port))
  server.on('connection', socket => {
    Atomics.store(flags, 0, 1)
    Atomics.wait(flags, 1, 0)
    socket.send('{"type":"session.created"}', () => {
      Atomics.store(flags, 2, 1)
      Atomics.notify(flags, 2)
    })
  })
`
const timeoutMs = 3000
/** Timers count in whole milliseconds. */
const roundingMs = 2

test('a session that was there in time exists, however long this process itself was held up', async t => {
  const shared = new SharedArrayBuffer(12)
  const flags = new Int32Array(shared)
  const thread = new Worker(upstream, { eval: true, workerData: shared })
  t.teardown(() => thread.terminate())
  const port = await new Promise<number>(resolve => thread.once('message', resolve))
  const target = simulatorTarget(`http://127.0.0.1:${port}`, ['one'])
  const came = await new Promise(resolve => {
    connect(
      {
        ...{ url: realtimeUrl(target, 'one'), headers: {}, label: 'upstream', timeoutMs },
        ...{ maxMessageBytes: 1024, heartbeatMs: 60_000 },
      },
      {
        listener: { event: () => undefined, closed: () => undefined, fault: fault => t.fail(String(fault)) },
        opened: connection => resolve(connection.deployment ?? 'opened'),
        failed: error => resolve(error.code),
      },
    )
    const dueAt = performance.now() + timeoutMs + roundingMs
    // Held up from before the greeting is sent until after the deadline; timers come next, then what arrived.
    const holdUp = () => {
      if (Atomics.load(flags, 0) === 0) return setImmediate(holdUp)
      Atomics.store(flags, 1, 1)
      Atomics.notify(flags, 1)
      Atomics.wait(flags, 2, 0)
      while (performance.now() < dueAt);
    }
    holdUp()
  })
  t.is(came, 'opened')
})
