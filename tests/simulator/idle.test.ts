/** `idle_timeout_ms`, by a clock that goes when told. */
import test from 'ava'
import { gaDialect } from '../../runtime/simulator/protocol/ga-dialect.ts'
import { defaultConfig } from '../../runtime/simulator/session/defaults.ts'
import { Session } from '../../runtime/simulator/session/session.ts'
import type { Wire } from '../../runtime/simulator/session/wire.ts'
import { createSpeechSynthesizer } from '../../runtime/simulator/voice/speaker.ts'
import { byHand, respond, textOnly, update, userText } from './events.ts'
import { createHandClock } from './hand-clock.ts'

const waits = {
  ...textOnly,
  audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } } },
}

/** A session that has answered once and waits; counts how often it asks by itself in the minute after `events`. */
function timeoutsAfter(events: readonly object[]): number {
  const clock = createHandClock()
  const options = { vendor: 'openai', rate: 1, seed: 1, lifetimeSec: 600, failure: null } as const
  const config = defaultConfig('gpt-realtime', 'realtime')
  const session = new Session({ ...options, config, clock, speaker: createSpeechSynthesizer(1) }, () => {})
  const types: string[] = []
  const wire: Wire = {
    kind: 'socket',
    dialect: gaDialect,
    send: text => types.push(JSON.parse(text).type),
    buffered: () => 0,
    close: () => {},
  }
  session.attach(wire)
  const send = (events: readonly object[]) => {
    for (const event of events) session.receive(JSON.stringify(event), wire)
  }
  send([update(waits), userText('hi'), respond()])
  clock.goTo(3000)
  send(events)
  clock.goTo(9000)
  session.end(1000, '')
  return types.filter(type => type === 'input_audio_buffer.timeout_triggered').length
}

test('a user who says nothing is asked', t => {
  t.is(timeoutsAfter([]), 1)
})

test('nobody is asked once turn detection, or its timeout, is off', t => {
  t.is(timeoutsAfter([byHand()]), 0)
  const without = { type: 'server_vad', idle_timeout_ms: null }
  t.is(timeoutsAfter([update({ audio: { input: { turn_detection: without } } })]), 0)
})

test('a response beside the conversation does not end the wait', t => {
  t.is(timeoutsAfter([respond({ conversation: 'none' })]), 1)
})
