/** Which message an event of upstream's confirms or refuses. */
import test from 'ava'
import { SentMessages } from '../../runtime/session/sent-messages.ts'

/** A message by its type, and the `event_id` that the gateway wrote into it. */
type Sent = readonly [name: string, type: string, eventId?: string]

const update: Sent = ['update', 'session.update']
const item: Sent = ['item', 'conversation.item.create']
const create: Sent = ['create', 'response.create']
const ownUpdate: Sent = ['own update', 'session.update', 'gateway_settings']
const ownCreate: Sent = ['own create', 'response.create', 'gateway_response']
const error = (fields: object) => ({
  type: 'error',
  error: { code: null, param: null, event_id: null, ...fields },
})

const rows: readonly [what: string, sent: readonly Sent[], event: object, answered: string | null][] = [
  [
    'an event confirms the oldest message of its type',
    [update, ownUpdate],
    { type: 'session.updated' },
    '+update',
  ],
  ['an event passes over messages of other types', [item, create], { type: 'response.created' }, '+create'],
  ['the preview’s name confirms, too', [item], { type: 'conversation.item.created' }, '+item'],
  [
    'a transcription session is set like any other',
    [['update', 'transcription_session.update']],
    { type: 'transcription_session.updated' },
    '+update',
  ],
  ['an event that confirms nothing', [item, create], { type: 'response.output_text.delta' }, null],
  ['an event whose message is not known', [], { type: 'session.updated' }, null],
  ['an error names its message', [create, ownCreate], error({ event_id: 'gateway_response' }), '-own create'],
  [
    'an error that names one of the gateway’s refuses no other',
    [create],
    error({ event_id: 'gateway_x' }),
    null,
  ],
  [
    'an error that names a client’s refuses none of the gateway’s',
    [ownCreate],
    error({ event_id: 'mine' }),
    null,
  ],
  [
    'an error that names a client’s, by order',
    [ownUpdate, update, create],
    error({ event_id: 'mine' }),
    '-update',
  ],
  ['an error without a name, by order', [update, create], error({}), '-update'],
  [
    'an error by its code',
    [update, create],
    error({ code: 'conversation_already_has_active_response' }),
    '-create',
  ],
  ['an error of money', [update, create], error({ code: 'insufficient_quota' }), '-create'],
  ['an error by its param', [update, create], error({ param: 'response.audio.output.voice' }), '-create'],
  ['an error of an item', [update, item], error({ param: 'item.content[0].type' }), '-item'],
  ['an error of the settings', [item, update], error({ param: 'session' }), '-update'],
  ['an error of audio that is not waited for', [create], error({ param: 'audio' }), null],
  ['an error of a type that is unknown', [create], error({ code: 'invalid_value', param: 'type' }), null],
  ['an error of a cancel', [create], error({ code: 'response_cancel_not_active' }), null],
  ['the end of the session', [create], error({ code: 'session_expired' }), null],
  ['an error that is none', [create], { type: 'error', error: 5 }, '-create'],
  ['an error where nothing waits', [], error({ param: 'session.voice' }), null],
]

function stage(sent: readonly Sent[]) {
  const answered: string[] = []
  const messages = new SentMessages()
  for (const [name, type, eventId] of sent) {
    const onConfirmed = () => void answered.push(`+${name}`)
    const onRefused = () => void answered.push(`-${name}`)
    messages.add(type, { eventId, onConfirmed, onRefused })
  }
  const hear = (event: object) =>
    messages.answer(Buffer.from(JSON.stringify(event)), (event as { type: string }).type)
  return { answered, messages, hear }
}

for (const [what, sent, event, expected] of rows) {
  test(what, t => {
    const { answered, hear } = stage(sent)
    const acknowledgement = hear(event)
    t.deepEqual(answered, expected === null ? [] : [expected])
    t.is(acknowledgement?.receipt === undefined || acknowledgement.receipt === null, expected === null)
  })
}

test('a message is answered once', t => {
  const { answered, hear } = stage([update])
  hear({ type: 'session.updated' })
  t.is(hear({ type: 'session.updated' })?.receipt, null)
  t.deepEqual(answered, ['+update'])
})

test('what is refused without being known says its type', t => {
  const { hear } = stage([])
  t.like(hear(error({ param: 'item.role' })), { outcome: 'refused', type: 'conversation.item.create' })
  t.like(hear(error({ event_id: 'gateway_item' })), { outcome: 'refused', type: 'conversation.item.create' })
})

test('nothing is answered after upstream is gone', t => {
  const { answered, messages, hear } = stage([update])
  messages.clear()
  hear({ type: 'session.updated' })
  t.deepEqual(answered, [])
})

test('of messages that upstream never answers a bounded number is waited for, the latest', t => {
  const flood = Array.from({ length: 10_000 }, (_, number): Sent => [`${number}`, 'session.update'])
  const { answered, hear } = stage(flood)
  for (const _ of flood) hear({ type: 'session.updated' })
  t.is(answered.length, 256)
  t.is(answered.at(-1), '+9999')
})

test('where others write to the same session, only an error that names a message answers it', t => {
  const refused: string[] = []
  const messages = new SentMessages(true)
  const sent = (name: string, eventId?: string) =>
    messages.add('session.update', { ...(eventId && { eventId }), onRefused: () => void refused.push(name) })
  const hear = (event: { type: string }) => messages.answer(Buffer.from(JSON.stringify(event)), event.type)
  sent('nameless')
  sent('named', 'e1')
  t.deepEqual(hear({ type: 'session.updated' }), {
    outcome: 'confirmed',
    type: 'session.update',
    receipt: null,
  })
  t.like(hear(error({ param: 'session.tools' })), {
    outcome: 'refused',
    type: 'session.update',
    receipt: null,
  })
  t.is(hear(error({ event_id: 'e2' })), null)
  t.deepEqual(refused, [])
  for (const _ of ['first', 'again']) hear(error({ event_id: 'e1' }))
  t.deepEqual(refused, ['named'])
})
/** Event → the message that it confirms. */
const confirmations: readonly (readonly [event: string, type: string])[] = [
  ['session.updated', 'session.update'],
  ['transcription_session.updated', 'session.update'],
  ['response.created', 'response.create'],
  ['conversation.item.added', 'conversation.item.create'],
  ['conversation.item.created', 'conversation.item.create'],
  ['conversation.item.deleted', 'conversation.item.delete'],
  ['conversation.item.truncated', 'conversation.item.truncate'],
  ['conversation.item.retrieved', 'conversation.item.retrieve'],
  ['input_audio_buffer.committed', 'input_audio_buffer.commit'],
  ['input_audio_buffer.cleared', 'input_audio_buffer.clear'],
]

/** All that are waited for, so that an error by order would take the first. */
const everything = [...new Set(confirmations.map(([, type]) => type))].map((type): Sent => [type, type])

for (const [event, type] of confirmations) {
  test(`${event} confirms ${type}`, t => {
    const { answered, hear } = stage(everything)
    t.like(hear({ type: event }), { outcome: 'confirmed', type })
    t.deepEqual(answered, [`+${type}`])
  })
}

/** What an error says → the type of message that it refuses, whatever was sent before. */
const refusals: readonly (readonly [fields: object, type: string])[] = [
  [{ code: 'conversation_already_has_active_response' }, 'response.create'],
  [{ code: 'insufficient_quota' }, 'response.create'],
  [{ code: 'rate_limit_exceeded' }, 'response.create'],
  [{ code: 'content_filter' }, 'response.create'],
  [{ code: 'response_cancel_not_active' }, 'response.cancel'],
  [{ code: 'cannot_update_voice' }, 'session.update'],
  [{ code: 'input_audio_buffer_commit_empty' }, 'input_audio_buffer.commit'],
  [{ code: 'session_expired' }, 'session'],
  [{ param: 'session.voice' }, 'session.update'],
  [{ param: 'response.tools[0]' }, 'response.create'],
  [{ param: 'item' }, 'conversation.item.create'],
  [{ param: 'previous_item_id' }, 'conversation.item.create'],
  [{ param: 'audio_end_ms' }, 'conversation.item.truncate'],
  [{ param: 'audio' }, 'input_audio_buffer.append'],
  [{ param: 'response_id' }, 'response.cancel'],
  [{ param: 'type' }, 'unknown'],
]

for (const [fields, type] of refusals) {
  test(`${JSON.stringify(fields)} refuses ${type}`, t => {
    const { answered, hear } = stage(everything)
    const isWaitedFor = everything.some(([, other]) => other === type)
    t.like(hear(error(fields)), { outcome: 'refused', type })
    t.deepEqual(answered, isWaitedFor ? [`-${type}`] : [])
  })
}
