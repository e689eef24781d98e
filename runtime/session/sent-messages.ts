/**
 * Matches upstream's answers to the messages that it was sent: each is confirmed by an event of its own, or
 * refused by an `error`. Upstream reads messages in their order; an `error` names its message by `event_id`
 * where the message had one.
 *
 * Confirming events are told by their type alone. Only an `error` is parsed; it is rare.
 */
import { ownEventIdPrefix, ownEventIds } from '../events/compose.ts'
import { gaMessageName, namesOf } from '../events/event-names.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'

/** What the sender of a message wants to know of its answer. */
export interface Receipt {
  /** The `event_id` that stands in the message. Absent in what a client wrote, which is not read for it. */
  readonly eventId?: string | undefined
  /** The message is the gateway's own and its confirmation is none of the client's business. */
  readonly isHidden?: boolean
  onConfirmed?(): void
  onRefused?(): void
}

/** Of a message of which nobody wants to know: one for all of them. */
export const noReceipt: Receipt = Object.freeze({})

interface SentMessage {
  readonly type: string
  readonly receipt: Receipt
}

/** What an event from upstream says of an earlier message. */
export interface Acknowledgement {
  readonly outcome: 'confirmed' | 'refused'
  /** Type of the message, in its GA name. */
  readonly type: string
  /** null where no such message is known to wait for an answer. */
  readonly receipt: Receipt | null
}

/** More messages than this are not waited for; the oldest is given up without an answer. */
const maxSentMessages = 256

/** Event → type of the message that it confirms. Source: the API's reference of server events. */
const confirmationsByGaName = new Map([
  ['session.updated', 'session.update'],
  ['response.created', 'response.create'],
  ['conversation.item.added', 'conversation.item.create'],
  ['conversation.item.deleted', 'conversation.item.delete'],
  ['conversation.item.truncated', 'conversation.item.truncate'],
  ['conversation.item.retrieved', 'conversation.item.retrieve'],
  ['input_audio_buffer.committed', 'input_audio_buffer.commit'],
  ['input_audio_buffer.cleared', 'input_audio_buffer.clear'],
])
const confirmed = new Set(confirmationsByGaName.values())
/** The same by every name that an event goes by: it is looked up for each event. */
const confirmations = new Map(
  [...confirmationsByGaName, ['transcription_session.updated', 'session.update'] as const].flatMap(
    ([event, type]) => namesOf(event).map(name => [name, type] as const),
  ),
)

/** Errors that concern one type of message, whatever was sent before it. */
const typesByCode = new Map([
  ['conversation_already_has_active_response', 'response.create'],
  ['insufficient_quota', 'response.create'],
  ['rate_limit_exceeded', 'response.create'],
  ['content_filter', 'response.create'],
  ['response_cancel_not_active', 'response.cancel'],
  ['cannot_update_voice', 'session.update'],
  ['input_audio_buffer_commit_empty', 'input_audio_buffer.commit'],
  ['session_expired', 'session'],
])

/** The first name of an error's `param` → the type of message that has such a field. */
const typesByParam = new Map([
  ['session', 'session.update'],
  ['response', 'response.create'],
  ['item', 'conversation.item.create'],
  ['previous_item_id', 'conversation.item.create'],
  ['audio_end_ms', 'conversation.item.truncate'],
  ['audio', 'input_audio_buffer.append'],
  ['response_id', 'response.cancel'],
  // Upstream does not know the type of a message: none of those above.
  ['type', 'unknown'],
])

const typesByOwnId = new Map(Object.entries(ownEventIds).map(([type, id]) => [id as string, type]))

export class SentMessages {
  readonly #isShared: boolean
  #waiting: SentMessage[] = []

  /**
   * @param isShared others write to the same upstream session: only an error that names a message is taken for
   *   its answer then
   */
  constructor(isShared = false) {
    this.#isShared = isShared
  }

  /** A message went to upstream. @param type its event type; messages that nothing confirms are not waited for */
  add(type: string | null, receipt: Receipt = noReceipt): void {
    if (type === null) return
    const name = gaMessageName(type)
    if (!confirmed.has(name)) return
    if (this.#isShared && receipt.eventId === undefined) return
    this.#waiting.push({ type: name, receipt })
    if (this.#waiting.length > maxSentMessages) this.#waiting.shift()
  }

  /** Takes in one event from upstream. @returns what it answers; null where that is nothing */
  answer(frame: Buffer, type: string | null): Acknowledgement | null {
    if (type === 'error') return this.#refuse(parseFields(frame) ?? {})
    const confirms = type === null ? undefined : confirmations.get(type)
    if (confirms === undefined) return null
    if (this.#isShared) return { outcome: 'confirmed', type: confirms, receipt: null }
    const receipt = this.#take(message => message.type === confirms)?.receipt ?? null
    receipt?.onConfirmed?.()
    return { outcome: 'confirmed', type: confirms, receipt }
  }

  /** Upstream is gone: nothing will be answered. */
  clear(): void {
    this.#waiting = []
  }

  #refuse({ error }: Fields): Acknowledgement | null {
    const fields = isFields(error) ? error : {}
    const named = typeof fields.event_id === 'string' ? fields.event_id : null
    const type = typeOf(fields)
    const message = this.#takeRefused(named, type)
    message?.receipt.onRefused?.()
    if (message !== undefined) return { outcome: 'refused', type: message.type, receipt: message.receipt }
    return type === null ? null : { outcome: 'refused', type, receipt: null }
  }

  /** By its name; else the oldest of the type that the error is about, or the oldest of all where it does not say. */
  #takeRefused(named: string | null, type: string | null): SentMessage | undefined {
    if (isOwn(named) || this.#isShared)
      return this.#take(({ receipt }) => named !== null && receipt.eventId === named)
    return this.#take(
      message =>
        (named === null || message.receipt.eventId === undefined) && (type === null || message.type === type),
    )
  }

  #take(fits: (message: SentMessage) => boolean): SentMessage | undefined {
    const place = this.#waiting.findIndex(fits)
    return place < 0 ? undefined : this.#waiting.splice(place, 1)[0]
  }
}

function isOwn(eventId: string | null): boolean {
  return eventId?.startsWith(ownEventIdPrefix) ?? false
}

/** Names the type of message that an error is about. @returns null where it does not say */
function typeOf({ code, param, event_id }: Fields): string | null {
  if (isOwn(textOr(event_id))) return typesByOwnId.get(textOr(event_id)) ?? null
  const byCode = typesByCode.get(textOr(code))
  const [field = ''] = textOr(param).split(/[.[]/, 1)
  return byCode ?? typesByParam.get(field) ?? null
}
