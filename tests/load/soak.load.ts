import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { lineOf, startChild } from '../gateway/child.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { riseOf, type Sample } from './memory.ts'
import { startReport } from './report.ts'
import { isStopped, restUntil, wholeOf } from './settings.ts'

const sessions = wholeOf('CONNECTIONS', 500)
const durationSec = wholeOf('DURATION_SEC', 600)

/**
 * How much the line through the second half's samples may rise, in all. Resident memory moves by the young
 * generation and by when V8 gives pages back. 500 sessions pass some 6,000 events a second: in the second
 * half of ten minutes a leak of 20 bytes an event is beyond this, in that of half an hour one of 7.
 */
const allowedRiseBytes = 32 * 1024 * 1024

const samplesOfRun = 60
/** In the second half of so many, a line through them means something. */
const fewestSamples = 20
const spokenPieceMs = 200
/** 24 kHz, 16 bit, in base64. */
const append = `{"type":"input_audio_buffer.append","audio":"${'A'.repeat(64 * spokenPieceMs)}"}`
const piecesInOneTurn = 10
const update =
  '{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}}'
const question = JSON.stringify({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'count to 20' }] },
})
const openedAtOnce = 25

// Half an hour is `DURATION_SEC=1800 npm run test:load -- soak`. The gateway is always this test's own.
test('sessions that speak and listen all the time leave resident memory flat', async t => {
  const upstream = await simulatorProcess(t)
  const { url, socketUrl } = await gatewayProcess(t, {
    AZURE_OPENAI_ENDPOINT: upstream,
    AZURE_OPENAI_API_KEY: 'none',
    AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime',
  })
  const report = startReport(t, 'soak')
  const calls: Call[] = []
  for (let first = 0; first < sessions; first += openedAtOnce)
    calls.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(openedAtOnce, sessions - first) }, () => openCall(t, socketUrl)),
      )),
    )
  const samples: Sample[] = []
  const events = () => calls.reduce((sum, call) => sum + call.events, 0)
  const startedAt = performance.now()
  const end = startedAt + durationSec * 1000
  while (performance.now() < end && !isStopped()) {
    await restUntil(Math.min(end, performance.now() + (durationSec * 1000) / samplesOfRun))
    const bytes = await residentBytes(url)
    samples.push({ seconds: (performance.now() - startedAt) / 1000, bytes })
    report.say(`${Math.round(bytes / 1024 / 1024)} MiB, ${events()} events`)
  }
  const lost = calls.filter(({ ended }) => ended).length
  const answers = calls.reduce((sum, call) => sum + call.answers, 0)
  for (const call of calls) call.leave()
  const riseBytes = Math.round(riseOf(samples.slice(Math.floor(samples.length / 2))))
  report.finish({ sessions, events: events(), answers, lost, riseBytes, samples }, {})
  t.is(lost, 0, 'sessions were lost')
  t.false(isStopped(), 'interrupted: memory was not judged')
  t.true(samples.length >= fewestSamples, `${samples.length} samples say nothing: set DURATION_SEC higher`)
  t.true(answers > 0, 'nobody was answered')
  t.true(riseBytes < allowedRiseBytes, `memory rose by ${riseBytes} bytes in the second half`)
})

interface Call {
  /** Both ways. */
  events: number
  answers: number
  ended: boolean
  leave(): void
}

/** One session: speaks in pieces at the pace of speech, and asks again when it has been answered. */
async function openCall(t: ExecutionContext, socketUrl: string): Promise<Call> {
  const socket = new WebSocket(`${socketUrl}/v1/realtime`, { perMessageDeflate: false })
  let pieces = 0
  const speak = () => {
    pieces += 1
    socket.send(pieces % piecesInOneTurn === 0 ? '{"type":"input_audio_buffer.clear"}' : append)
    call.events += 1
  }
  let timer: NodeJS.Timeout | undefined
  const call: Call = { events: 0, answers: 0, ended: false, leave: () => socket.terminate() }
  const ask = () => {
    socket.send(question)
    socket.send('{"type":"response.create"}')
    call.events += 2
  }
  t.teardown(() => socket.terminate())
  socket.on('close', () => {
    clearInterval(timer)
    call.ended = true
  })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', (frame: Buffer) => {
      call.events += 1
      const start = frame.toString('latin1', 0, 40)
      if (start.startsWith('{"type":"session.created"')) {
        socket.send(update)
        timer = setInterval(speak, spokenPieceMs)
        ask()
        resolve(call)
      }
      if (!start.startsWith('{"type":"response.done"')) return
      call.answers += 1
      ask()
    })
  })
}

/** Upstream's memory is not the gateway's: it has a process of its own. @returns where it listens */
async function simulatorProcess(t: ExecutionContext): Promise<string> {
  const main = fileURLToPath(new URL('../../runtime/simulator/main.ts', import.meta.url))
  const child = startChild(t, process.execPath, [main, '--port', '0', '--rate', '1'])
  return lineOf(child, line => /listening at (\S+)/.exec(line)?.[1], 'the simulator does not listen')
}

async function residentBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes\{[^}]*\} (\S+)$/m.exec(text)?.[1])
}
