import { EventEmitter } from 'node:events'
import test from 'ava'
import type { WebSocket } from 'ws'
import { Player } from '../../runtime/simulator/replay/player.ts'
import { readRecording } from '../../runtime/simulator/replay/recording.ts'
import { connect } from './conversation.ts'
import { createHandClock } from './hand-clock.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)

const lines = [
  { at_ms: 0, from: 'upstream', event: { type: 'session.created', n: 1 } },
  { at_ms: 100, from: 'client', event: { type: 'response.create' } },
  { at_ms: 150, from: 'upstream', event: { type: 'response.created', n: 2 } },
  { at_ms: 400, from: 'upstream', event: { type: 'response.done', n: 3 } },
]
const text = lines.map(line => JSON.stringify(line)).join('\n')

test('a recording is played, and waits for the client where the client spoke', async t => {
  const { url } = await stage.simulator({ replay: readRecording(text, true) })
  const { next, send, seen, socket, close } = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  t.is((await next('session.created')).n, 1)
  await new Promise(resolve => {
    socket.once('pong', resolve)
    socket.ping()
  })
  t.is(seen.length, 1)
  send({ type: 'input_audio_buffer.clear' }, { type: 'response.create' })
  t.is((await next('response.created')).n, 2)
  t.is((await next('response.done')).n, 3)
  await close()
})

test('a client that is ahead of the recording is not waited for', async t => {
  const { url } = await stage.simulator({ replay: readRecording(text, true) })
  const { until, send, close } = await connect(`${url}/openai/v1/realtime?model=d`)
  send({ type: 'response.create' })
  await until('response.done')
  await t.notThrowsAsync(close())
})

test('with its timing a recording keeps its pauses', async t => {
  const { url } = await stage.simulator({ replay: readRecording(text, false) })
  const { next, send, close } = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  await next('session.created')
  // From the words that both pauses follow: an event may be read late, but none is sent early.
  const before = performance.now()
  send({ type: 'response.create' })
  await next('response.created')
  await next('response.done')
  t.true(performance.now() - before > 290)
  await close()
})

test('each pause of a recording is as long as it was, counted from the words of the client', t => {
  const clock = createHandClock()
  const said: [number, number][] = []
  const socket = Object.assign(new EventEmitter(), {
    ...{ OPEN: 1, readyState: 1, bufferedAmount: 0 },
    send: (event: string) => said.push([JSON.parse(event).n, clock.now()]),
  })
  new Player(readRecording(text, false), socket as unknown as WebSocket, clock)
  clock.goTo(1000)
  socket.emit('message', '{"type":"response.create"}')
  clock.goTo(2000)
  t.deepEqual(said, [
    [1, 0],
    [2, 1050],
    [3, 1300],
  ])
})

test('a bad recording is refused with the number of the line', t => {
  t.throws(() => readRecording('\n{"at_ms":0}', true), { message: /^line 2 / })
  t.throws(() => readRecording('nonsense', true), { message: /^line 1 / })
  const odd = JSON.stringify({ at_ms: 'soon', from: 'upstream', event: { type: 'x' } })
  t.throws(() => readRecording(odd, true), { message: /at_ms/ })
})
