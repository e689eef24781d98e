/** A process whose collector is away: no session waits for it, what is kept for it is bounded, and what is lost is counted. */
import { createServer, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { converse } from '../../gateway/converse.ts'
import { freePort } from '../../gateway/free-port.ts'
import { fakeUpstream, gatewayFor, type Stage } from '../../gateway/start.ts'
import { patienceMs, within } from '../../gateway/within.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const responses = 10_000

/** As the exporter bounds what waits and is being sent. */
const maxQueuedSpans = 2048

/** A span takes about two kilobytes: those of one round would be twenty megabytes. */
const mostGrowthBytes = 5 * 1024 * 1024

/** Takes connections, and never answers. */
async function silentCollector(t: Stage): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined).resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return `http://127.0.0.1:${port}`
}

async function spansOf(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = [...text.matchAll(/^gateway_spans_total\{.*?outcome="(\w+)".*?\} (\d+)$/gm)]
  return Object.fromEntries(lines.map(([, outcome = '', count]) => [outcome, Number(count)]))
}

for (const [what, collector] of [
  ['never answers', silentCollector],
  ['refuses connections', async () => `http://127.0.0.1:${await freePort()}`],
] as const)
  test.serial(
    `a collector that ${what}: sessions go on, memory comes back, and lost spans are counted`,
    async t => {
      t.timeout(120_000)
      const upstream = await fakeUpstream(t)
      const gateway = await gatewayFor(t, {
        ...upstream.env,
        REALTIME_AUTO_CLOSE: 'false',
        REALTIME_ALLOWED_EVENT_TYPES: 'session.*,mark',
        OTEL_EXPORTER_OTLP_ENDPOINT: await collector(t),
      })
      const talk = await converse(t, `${gateway.socketUrl}/realtime`)
      const session = await upstream.session()
      let marks = 0
      /** Every response is a span, and the mark behind them says that all were seen. */
      const respond = async () => {
        for (let at = 0; at < responses; at += 1) {
          const id = `resp_${marks}_${at}`
          session.send({ type: 'response.created', response: { id } })
          session.send({ type: 'response.done', response: { id, status: 'completed' } })
        }
        marks += 1
        session.send({ type: 'mark', number: marks })
        await talk.until('mark', ({ number }) => number === marks)
      }
      const heapUsed = () => {
        collectGarbage()
        return process.memoryUsage().heapUsed
      }
      await respond()
      const before = heapUsed()
      for (let round = 0; round < 3; round += 1) await respond()
      const grown = heapUsed() - before
      t.true(grown < mostGrowthBytes, `${grown} bytes more`)
      const ended = 4 * responses
      const counted = await spansOf(gateway.url)
      t.is(counted.sent ?? 0, 0)
      t.true((counted.dropped ?? 0) > 0, JSON.stringify(counted))
      // The dial is one, too. All others wait.
      const waiting = ended + 1 - (counted.dropped ?? 0) - (counted.failed ?? 0)
      t.true(waiting >= 0 && waiting <= maxQueuedSpans, `${waiting} wait: ${JSON.stringify(counted)}`)
      talk.socket.close(1000)
      await within(gateway.close(), patienceMs, 'the gateway waits for the collector')
    },
  )
