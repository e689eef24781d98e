/**
 * Pace and memory of the simulator: 2,000 sessions in one process, each speaking at the pace of audioInput.
 * The clients are another process, so that what they cost is not the simulator's.
 * Run: `node tests/bench/simulator.ts [SESSIONS]`; it takes about half a minute.
 */
import { loadavg } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { WebSocket } from 'ws'
import { eventType, fieldBytes } from '../../runtime/events/type.ts'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { forkChild } from '../gateway/child.ts'

const defaultSessions = 2000
const openedAtOnce = 50
const settleMs = 2000
const measuredMs = 12_000
/** 24 kHz, 16 bit, in base64. */
const base64CharsPerMs = 64
const bytesPerMiB = 1024 * 1024
const nanosecondsPerMs = 1e6

interface Lateness {
  deltas: number
  medianMs: number
  p99Ms: number
  maxMs: number
  /** Audio received by the time that went by; 1 is the pace of audioInput. */
  pace: number
}

type Report = { opened: true } | { lateness: Lateness }

const [role, ...args] = process.argv.slice(2)
if (role === 'clients') await runClients(args[0] ?? '', Number(args[1]))
else await runSimulator(Number(role ?? defaultSessions))

async function runSimulator(sessions: number): Promise<void> {
  const simulator = await startSimulator({ rate: 1, seed: 1 })
  await rest(settleMs)
  const idle = process.memoryUsage.rss()
  const clients = forkChild(null, import.meta.filename, ['clients', simulator.url, String(sessions)])
  const reports: Report[] = []
  let wake = () => {}
  clients.on('message', (report: Report) => {
    reports.push(report)
    wake()
  })
  const reported = async (): Promise<Report> => {
    while (reports.length === 0) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    return reports.shift() as Report
  }
  await reported()
  await rest(settleMs)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpu = process.cpuUsage()
  clients.send('measure')
  await rest(measuredMs)
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  const used = process.memoryUsage.rss() - idle
  clients.send('stop')
  const report = await reported()
  const row = {
    sessions,
    ...('lateness' in report && report.lateness),
    kibibytesPerSession: Math.round(used / sessions / 1024),
    rssMiB: Math.round(process.memoryUsage.rss() / bytesPerMiB),
    loopDelayMedianMs: round(delay.percentile(50) / nanosecondsPerMs),
    loopDelayP99Ms: round(delay.percentile(99) / nanosecondsPerMs),
    loopDelayMaxMs: round(delay.max / nanosecondsPerMs),
    cpuPercent: Math.round((user + system) / (measuredMs * 10)),
    loadAverage: round(loadavg()[0] ?? 0),
  }
  console.table([row])
  console.log(JSON.stringify(row))
  process.exit(0)
}

/** Opens all sessions, asks each for a long answer, and measures between `measure` and `stop`. */
async function runClients(url: string, sessions: number): Promise<void> {
  const streams: Stream[] = []
  for (let opened = 0; opened < sessions; opened += openedAtOnce) {
    const batch = Array.from({ length: Math.min(openedAtOnce, sessions - opened) }, () => openStream(url))
    streams.push(...(await Promise.all(batch)))
  }
  process.send?.({ opened: true })
  process.on('message', word => {
    if (word === 'measure') return forEach(streams, stream => stream.measure())
    process.send?.({ lateness: summarise(streams.map(stream => stream.arrivals)) })
    process.disconnect()
    process.exit(0)
  })
}

function forEach<T>(list: readonly T[], run: (element: T) => void): void {
  for (const element of list) run(element)
}

interface Stream {
  /** For each delta: when it came, less the audio that came before it (ms); all the same when none is late. */
  arrivals: number[]
  measure(): void
}

async function openStream(url: string): Promise<Stream> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime`, {
    headers: { authorization: 'Bearer sk-bench' },
    perMessageDeflate: false,
  })
  let heardMs = 0
  let measuring = false
  const stream: Stream = {
    arrivals: [],
    measure: () => {
      measuring = true
    },
  }
  const content = [{ type: 'input_text', text: 'count to 500' }]
  socket.on('open', () => {
    socket.send(
      JSON.stringify({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } }),
    )
    socket.send('{"type":"response.create"}')
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the simulator closed a session')))
    socket.on('message', (frame: Buffer) => {
      if (eventType(frame) !== 'response.output_audio.delta') return
      if (measuring) stream.arrivals.push(performance.now() - heardMs)
      heardMs += (fieldBytes(frame, 'delta')?.length ?? 0) / base64CharsPerMs
      resolve(stream)
    })
  })
}

/** The delta of a stream that came soonest, for its place in the audio, counts as on time. */
function summarise(all: readonly number[][]): Lateness {
  const late: number[] = []
  let drift = 0
  for (const arrivals of all) {
    const onTime = Math.min(...arrivals)
    for (const arrival of arrivals) late.push(arrival - onTime)
    drift += (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)
  }
  late.sort((a, b) => a - b)
  const at = (share: number) => round(late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0)
  return {
    deltas: late.length,
    medianMs: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    pace: round(1 - drift / all.length / measuredMs),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
