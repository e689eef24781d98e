/** What a worker does with what its supervisor says, and when. */
import { EventEmitter } from 'node:events'
import test from 'ava'
import { readConfig } from '../../runtime/config/config.ts'
import type { Gateway } from '../../runtime/gateway/gateway.ts'
import type { Log } from '../../runtime/observability/log.ts'
import { type Channel, responseMs } from '../../runtime/workers/rpc-peer.ts'
import { startWorker } from '../../runtime/workers/worker.ts'

const quiet: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A supervisor's end that gives each answer late. */
function lateLine(values: Readonly<Record<string, unknown>>, lateMs: number): Channel & EventEmitter {
  const line = new EventEmitter()
  return Object.assign(line, {
    connected: true,
    send: (message: object) => {
      const { ask, what } = message as { ask: number; what: string }
      setTimeout(() => line.emit('message', { answer: ask, value: values[what] }), lateMs)
      return true
    },
  })
}

test('a worker starts though its supervisor, busy starting others, is late to answer', async t => {
  const gateway = { url: 'http://127.0.0.1:8080' } as Gateway
  const started = await startWorker({
    config: readConfig({}),
    log: quiet,
    line: lateLine({ assignment: { port: 8080, simulatorUrl: '' }, listening: null }, responseMs + 200),
    startGateway: async config => {
      t.is(config.port, 8080)
      return gateway
    },
    onDrain: () => t.fail('nobody said to drain'),
    onOrphaned: () => t.fail('the supervisor is there'),
  })
  t.is(started, gateway)
})
