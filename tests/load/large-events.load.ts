import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { Durations } from './durations.ts'
import { startReport } from './report.ts'
import { isStopped, type Place, placeOf, wholeOf } from './settings.ts'

const sockets = wholeOf('CONNECTIONS', 4)
const megabytes = [1, 4, 8]
const appendsEach = 3
const answerMs = 120_000

/** Talks to `/v1/realtime`, where every frame goes on as it is. */
async function dial(t: ExecutionContext, { socketUrl, headers }: Place) {
  const socket = new WebSocket(`${socketUrl}/v1/realtime`, { headers, perMessageDeflate: false })
  t.teardown(() => socket.terminate())
  let close = 'still open'
  socket.on('error', () => undefined)
  socket.on('close', (code, reason) => {
    close = `closed with ${code} ${reason}`
  })
  const until = (type: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${type}: ${close}`)), answerMs).unref()
      const hear = (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string; error?: { message: string } }
        if (event.type !== type && event.type !== 'error') return
        clearTimeout(timer)
        socket.off('message', hear)
        if (event.type === type) resolve()
        else reject(new Error(event.error?.message))
      }
      socket.on('message', hear)
    })
  await until('session.created')
  return { socket, until }
}

test('events of megabytes pass, from many sockets at once, and are all taken', async t => {
  const place = await placeOf(t)
  const report = startReport(t, 'large-events')
  const talks = await Promise.all(Array.from({ length: sockets }, () => dial(t, place)))
  const kinds: Record<string, Durations> = {}
  for (const size of megabytes) {
    if (isStopped()) break
    const taken = new Durations()
    kinds[`${size} MB`] = taken
    const append = `{"type":"input_audio_buffer.append","audio":"${'A'.repeat(size * 1_000_000)}"}`
    const speak = async ({ socket, until }: (typeof talks)[number]) => {
      for (let sent = 0; sent < appendsEach; sent += 1) {
        const cleared = until('input_audio_buffer.cleared')
        socket.send(append)
        socket.send('{"type":"input_audio_buffer.clear"}')
        await taken.of(() => cleared)
      }
    }
    await Promise.all(talks.map(speak))
    report.say(`${sockets} sockets sent ${appendsEach} events of ${size} MB`)
  }
  for (const { socket } of talks) socket.close(1000)
  report.finish({ sockets, appendsEach }, kinds)
  t.true(Object.keys(kinds).length > 0 || isStopped())
})
