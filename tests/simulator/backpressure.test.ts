import test from 'ava'
import { gaDialect } from '../../runtime/simulator/protocol/ga-dialect.ts'
import { defaultConfig } from '../../runtime/simulator/session/defaults.ts'
import { Session } from '../../runtime/simulator/session/session.ts'
import type { Wire } from '../../runtime/simulator/session/wire.ts'
import { createSpeechSynthesizer } from '../../runtime/simulator/voice/speaker.ts'
import { connect } from './conversation.ts'
import { append, respond, update, userText } from './events.ts'
import { createHandClock } from './hand-clock.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)

test('a client that does not read is given no more speech, and gets the rest when it reads again', t => {
  const clock = createHandClock()
  const options = { vendor: 'openai', rate: 1, seed: 1, lifetimeSec: 60, failure: null } as const
  const config = defaultConfig('gpt-realtime', 'realtime')
  const session = new Session({ ...options, config, clock, speaker: createSpeechSynthesizer(1) }, () => {})
  const types: string[] = []
  let unread = 0
  const wire: Wire = {
    kind: 'socket',
    dialect: gaDialect,
    send: text => types.push(JSON.parse(text).type),
    buffered: () => unread,
    close: () => {},
  }
  session.attach(wire)
  session.start()
  const deltas = () => types.filter(type => type === 'response.output_audio.delta').length
  for (const event of [userText('count to 20'), respond()]) session.receive(JSON.stringify(event), wire)
  clock.goTo(2000)
  const before = deltas()
  t.true(before > 4)
  unread = 2 * 1024 * 1024
  clock.goTo(60_000)
  t.is(deltas(), before)
  unread = 0
  clock.goTo(120_000)
  t.true(deltas() > before)
  t.true(types.includes('response.done'))
  session.end(1000, '')
})

test('at rate 1 speech comes at the pace of hearing', t => {
  const clock = createHandClock()
  const options = { vendor: 'openai', rate: 1, seed: 1, lifetimeSec: 60, failure: null } as const
  const config = defaultConfig('gpt-realtime', 'realtime')
  const session = new Session({ ...options, config, clock, speaker: createSpeechSynthesizer(1) }, () => {})
  let heardMs = 0
  const wire: Wire = {
    kind: 'socket',
    dialect: gaDialect,
    send: text => {
      const { type, delta } = JSON.parse(text)
      if (type === 'response.output_audio.delta') heardMs += Buffer.from(delta, 'base64').length / 48
    },
    buffered: () => 0,
    close: () => {},
  }
  session.attach(wire)
  for (const event of [userText('count to 40'), respond()]) session.receive(JSON.stringify(event), wire)
  for (const atMs of [2000, 4000, 6000]) {
    clock.goTo(atMs)
    t.true(heardMs > atMs - 100 && heardMs < atMs + 400, `${heardMs} ms heard at ${atMs} ms`)
  }
  session.end(1000, '')
})

test('the input buffer keeps ten minutes, more or less, and the newest', async t => {
  const { send, next, reach, close } = await stage.dial()
  await next('session.created')
  const input = { format: { type: 'audio/pcmu' }, turn_detection: null }
  send(update({ audio: { input } }))
  for (let minute = 1; minute <= 16; minute++) send(append(Buffer.alloc(60 * 8000, minute)))
  send({ type: 'input_audio_buffer.commit' })
  const { item_id } = await reach('input_audio_buffer.committed')
  send({ type: 'conversation.item.retrieve', item_id })
  const { item } = await reach('conversation.item.retrieved')
  const audio = Buffer.from(item.content[0].audio, 'base64')
  t.true(audio.length >= 10 * 60 * 8000 && audio.length <= 15 * 60 * 8000)
  t.is(audio.at(-1), 16)
  await close()
})

test('a session ends once', t => {
  const clock = createHandClock()
  const options = { vendor: 'openai', rate: 1, seed: 1, lifetimeSec: 60, failure: null } as const
  const config = defaultConfig('gpt-realtime', 'realtime')
  let ends = 0
  const session = new Session(
    { ...options, config, clock, speaker: createSpeechSynthesizer(1) },
    () => ends++,
  )
  const closes: number[] = []
  const wire: Wire = {
    kind: 'socket',
    dialect: gaDialect,
    send: () => {},
    buffered: () => 0,
    close: code => closes.push(code),
  }
  session.attach(wire)
  session.expire()
  session.end(1000, '')
  session.attach(wire)
  t.is(ends, 1)
  t.deepEqual(closes, [1001, 1001])
})

test('a client that floods and does not read is not read from, and is served when it reads', async t => {
  const { url } = await stage.simulator({ seed: 1, rate: 1000 })
  const { socket, send, next, reach, close } = await connect(`${url}/v1/realtime?model=gpt-realtime`)
  await next('session.created')
  const image = `data:image/png;base64,${'A'.repeat(1_000_000)}`
  const content = [{ type: 'input_image', image_url: image }]
  socket.pause()
  for (let count = 0; count < 20; count++) {
    send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } })
  }
  send({ type: 'input_audio_buffer.clear' })
  socket.resume()
  await reach('input_audio_buffer.cleared')
  await t.notThrowsAsync(close())
})
