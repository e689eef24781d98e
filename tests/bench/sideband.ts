/**
 * Memory and CPU of the sideband: 1,000 sessions with a call, 200 of them under control, each call
 * sending 5 events a second. Run: `node tests/bench/sideband.ts`.
 */
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { WebSocket, WebSocketServer } from 'ws'
import { lineOf, startChild } from '../gateway/child.ts'

const sessions = 1000
const controlled = 200
const eventsPerSecond = 5
const measuredSec = 20
const event = JSON.stringify({
  type: 'response.output_audio_transcript.delta',
  event_id: 'event_123456789012345678901',
  response_id: 'resp_123456789012345678901',
  item_id: 'item_123456789012345678901',
  output_index: 0,
  content_index: 0,
  delta: ' hello',
  obfuscation: 'abcdefgh',
})

const upstreamUrl = await startUpstream()
const gateway = await startGateway(upstreamUrl)
const idle = await measure(gateway)
const ids: string[] = []
for (let made = 0; made < sessions; made += 50) {
  ids.push(...(await Promise.all(Array.from({ length: 50 }, () => makeCall(gateway.url)))))
}
const withSessions = await measure(gateway)
let received = 0
await Promise.all(ids.slice(0, controlled).map(control))
const before = { ...(await measure(gateway)), received, at: performance.now() }
await new Promise(resolve => setTimeout(resolve, measuredSec * 1000))
const after = { ...(await measure(gateway)), received, at: performance.now() }
const seconds = (after.at - before.at) / 1000
const events = after.received - before.received
const row = {
  sessions,
  controlled,
  bytesPerSession: Math.round((withSessions.memory - idle.memory) / sessions),
  bytesPerControl: Math.round((after.memory - withSessions.memory) / controlled),
  eventsPerSecond: Math.round(events / seconds),
  cpuPercent: Math.round(((after.cpu - before.cpu) / seconds) * 1000) / 10,
  cpuMicrosPerEvent: Math.round(((after.cpu - before.cpu) * 1e6) / events),
}
console.table([row])
console.log(JSON.stringify(row))
gateway.stop()
process.exit(0)

async function startUpstream(): Promise<string> {
  let calls = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      calls += 1
      if (request.url?.endsWith('client_secrets'))
        response.end('{"value":"ek_minted","expires_at":2000000000}')
      else response.writeHead(201, { Location: `/v1/realtime/calls/rtc_${calls}` }).end('v=0\r\nanswer')
    })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket => {
    const timer = setInterval(() => socket.send(event), 1000 / eventsPerSecond)
    socket.on('close', () => clearInterval(timer))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

async function startGateway(upstream: string) {
  const main = fileURLToPath(new URL('../../runtime/main.ts', import.meta.url))
  const env = {
    PATH: process.env.PATH,
    PORT: '0',
    LOG_LEVEL: 'info',
    AZURE_OPENAI_ENDPOINT: upstream,
    AZURE_OPENAI_API_KEY: 'k',
  }
  const child = startChild(null, process.execPath, [main], { env })
  const readUrl = (line: string): string | undefined => {
    const { event, url } = JSON.parse(line)
    return event === 'server.listening' ? url : undefined
  }
  const url = await lineOf(child, readUrl, 'the gateway does not listen')
  return { url, stop: () => child.kill('SIGKILL') }
}

async function makeCall(url: string): Promise<string> {
  const { session_id } = (await (await fetch(`${url}/sideband/session`, { method: 'POST' })).json()) as {
    session_id: string
  }
  const body = JSON.stringify({ sdp: 'v=0\r\n', session_id })
  await (
    await fetch(`${url}/sideband/offer`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
  ).text()
  return session_id
}

function control(id: string): Promise<void> {
  return new Promise(resolve => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/sideband/control/${id}`)
    socket.on('message', () => {
      received += 1
      resolve()
    })
  })
}

async function measure({ url }: { url: string }): Promise<{ memory: number; cpu: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])
  return { memory: read('process_resident_memory_bytes'), cpu: read('process_cpu_seconds_total') }
}
