/** Upstream refuses the gateway's own settings: the client is told why and the session ends, rather than go on by defaults. */
import test from 'ava'
import { opened as listening } from '../chat/spoken.ts'
import { firstAsked, nextEvent } from '../chat/upstream-events.ts'
import { converse, type Message } from './converse.ts'
import { fakeUpstream, gatewayFor } from './start.ts'

const marvin = { REALTIME_VOICE: 'marvin' }
const advice =
  'The Realtime API refused the settings of this gateway (invalid_value, session.audio.output.voice); whoever runs it must correct them'

test('a voice that upstream does not know ends /chat by name, in the log too', async t => {
  const gateway = await gatewayFor(t, marvin)
  const talk = await converse(t, `${gateway.socketUrl}/chat`)
  talk.send({ text: 'hello' })
  t.deepEqual((await talk.until('error')).at(-1), {
    type: 'error',
    code: 'settings_refused',
    message: advice,
  })
  t.deepEqual(await talk.closed, { code: 1014, reason: 'settings_refused' })
  const { level, fields } = await gateway.logged('upstream.failed')
  t.is(level, 'warn')
  t.like(fields, { code: 'settings_refused', reason: advice })
  t.is(typeof fields.connection, 'string')
})

test('a voice that upstream does not know ends /realtime by name, whatever the filter admits', async t => {
  const gateway = await gatewayFor(t, marvin)
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  talk.send('hello')
  const told = await talk.next()
  t.like(told, { type: 'error', retry: false })
  t.like(told.error, { type: 'gateway_error', code: 'settings_refused', message: advice })
  t.deepEqual(await talk.closed, { code: 1014, reason: 'settings_refused' })
  t.like((await gateway.logged('upstream.failed')).fields, { code: 'settings_refused' })
})

test('an SDK address has no settings of the gateway: what upstream refuses is the client’s own, and the session goes on', async t => {
  const gateway = await gatewayFor(t, marvin)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`)
  await talk.until('session.created')
  const session = { type: 'realtime', audio: { output: { voice: 'marvin' } } }
  talk.send({ type: 'session.update', event_id: 'mine', session })
  t.like((await talk.until('error')).at(-1)?.error, { code: 'invalid_value', event_id: 'mine' })
  talk.send({ type: 'input_audio_buffer.clear' })
  t.is((await talk.next()).type, 'input_audio_buffer.cleared')
})

const unfiltered = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
const error = {
  type: 'invalid_request_error',
  code: 'invalid_value',
  param: 'session.voice',
  message: 'secret',
}

/** What upstream says after the gateway's settings (`$ID`: their event id), and whether it refuses them. */
const rows: readonly [what: string, events: readonly object[], isRefusal: boolean][] = [
  ['an error that names them', [{ type: 'error', error: { ...error, event_id: '$ID' } }], true],
  ['an error that names nothing, first', [{ type: 'error', error: { ...error, event_id: null } }], true],
  ['an error without the field', [{ type: 'error', error }], true],
  ['an error without a code', [{ type: 'error', error: { message: 'no' } }], true],
  ['no error object at all', [{ type: 'error', error: null }], true],
  ['an error that names something else', [{ type: 'error', error: { ...error, event_id: 'other' } }], false],
  [
    'an error that names nothing, when they are confirmed',
    [
      { type: 'session.updated', session: {} },
      { type: 'error', error },
    ],
    false,
  ],
  [
    'an error that names them late',
    [
      { type: 'response.created', response: {} },
      { type: 'error', error: { ...error, event_id: '$ID' } },
    ],
    true,
  ],
  [
    'an error of something later, whose answer has begun',
    [
      { type: 'response.created', response: {} },
      { type: 'error', error: { code: 'server_error' } },
    ],
    false,
  ],
]

for (const [what, events, isRefusal] of rows) {
  test(`${isRefusal ? 'a refusal' : 'no refusal'} of the settings: ${what}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, ...unfiltered })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    const session = await upstream.session()
    const { event_id } = await nextEvent(session)
    for (const event of events) session.send(JSON.stringify(event).replace('$ID', String(event_id)))
    const told = (await talk.until('error')).at(-1) as Message & { error: { code?: string; message: string } }
    t.is(told.error?.code === 'settings_refused', isRefusal)
    if (!isRefusal) return session.socket.close(1000)
    t.notRegex(told.error.message, /secret/)
    t.deepEqual(await talk.closed, { code: 1014, reason: 'settings_refused' })
  })
}

test('settings that a new upstream session refuses end /chat too', async t => {
  const { upstream, talk, session } = await firstAsked(t)
  session.send({ type: 'session.updated', session: {} })
  session.send({ type: 'response.created', response: {} })
  session.socket.close(1001)
  const next = await upstream.session()
  const { event_id } = await nextEvent(next)
  next.send({ type: 'error', error: { ...error, event_id } })
  t.deepEqual(await talk.closed, { code: 1014, reason: 'settings_refused' })
})

for (const named of [true, false]) {
  test(`how a microphone is listened to, refused in the middle of /chat, ${named ? 'by' : 'without a'} name`, async t => {
    const { talk, session } = await firstAsked(t)
    session.send({ type: 'session.updated', session: {} })
    session.send({ type: 'response.created', response: {} })
    talk.send(listening)
    const { type, event_id } = await nextEvent(session)
    t.is(type, 'session.update')
    session.send({ type: 'response.output_text.delta', delta: 'meanwhile' })
    const refusal = { ...error, param: 'session.audio.input.turn_detection' }
    session.send({ type: 'error', error: { ...refusal, event_id: named ? event_id : null } })
    t.deepEqual(await talk.closed, { code: 1014, reason: 'settings_refused' })
  })
}
