/** What a client may not say to a session: forbidden models, and what would replace settings that are pinned. */
import { asBuffer } from '../core/bytes.ts'
import { GatewayError } from '../core/errors.ts'
import { closeBrace, quote } from '../events/ascii.ts'
import { gaMessageName } from '../events/event-names.ts'
import { type Fields, isFields, parseExactly, textOr } from '../events/fields.ts'
import { findValue, isRepeated, isSame } from '../events/member.ts'
import { hasRepeatedMember } from '../events/repeated-member.ts'
import { textField } from '../events/type.ts'
import { concernsPolicy, findKept, leaveOut, type SessionPolicy } from '../session/session-policy.ts'
import { findForbiddenModel, type ModelPermit, type Purpose } from './model-permit.ts'
import { answeredInText, audioRefusal, concernsAudio, findAudio, isAudioMessage } from './text-only.ts'

export interface MessageRules {
  readonly permit: ModelPermit
  readonly purpose: Purpose
  /** What is neither shown nor replaced. */
  readonly policy: SessionPolicy
  /** No audio in, and no answer in audio (default false). */
  readonly textOnly?: boolean
}

/** A message that does not go on, and what its client is told. */
export interface MessageRefusal {
  readonly error: GatewayError
  /** The field at fault, as the client wrote it; null where it is the message. */
  readonly param: string | null
  /** Of the message; null where it has none. */
  readonly eventId: string | null
}

/** What becomes of a message. */
export type CheckedMessage =
  | { readonly kind: 'passed' }
  | ({ readonly kind: 'refused' } & MessageRefusal)
  /** It goes on without what its policy keeps, or with text in place of audio. `data`: JSON text */
  | { readonly kind: 'cut'; readonly data: Buffer }
  /** Nothing is left of it; its client is told nothing. */
  | { readonly kind: 'left_out' }

const passed: CheckedMessage = { kind: 'passed' }

/** Whether a message of a type may name a model. */
function namesModel(type: string): boolean {
  return gaMessageName(type) === 'session.update'
}

/** One for each session: it knows the model that upstream has named. */
export class MessageCheck {
  readonly #rules: MessageRules
  #shownModel: string | null = null

  constructor(rules: MessageRules) {
    this.#rules = rules
  }

  /** Upstream's session has begun. @param frame of `session.created` */
  noteCreated(frame: Buffer): void {
    this.#shownModel = textField(frame.subarray(findValue(frame, 'session')), 'model')
  }

  /**
   * Reads a message as little as it can: only those that may name a model or change what is pinned are parsed.
   * @param type as it was read from the message
   */
  judge(data: Uint8Array, type: string | null): CheckedMessage {
    const { policy, textOnly = false } = this.#rules
    if (isPlainAppend(data)) return textOnly ? noAudio(null, null) : passed
    const bytes = asBuffer(data)
    if (isRepeated(bytes, 'type'))
      return refuse('"type" stands in the message more than once; send it once', 'type', null)
    if (type === null) return passed
    if (textOnly && isAudioMessage(type)) return noAudio(null, null)
    if (!(namesModel(type) || concernsPolicy(policy, type) || (textOnly && concernsAudio(type))))
      return passed
    const event = parseExactly(bytes)
    if (event === null)
      return refuse(`The ${type} cannot be read: it is not JSON, or nested deeper than 64 levels`, null, null)
    const eventId = textOr(event.event_id) || null
    if (hasRepeatedMember(bytes))
      return refuse(`The ${type} has an object with two members of one name; send each once`, null, eventId)
    const judged = this.#judgeModel(type, event, eventId) ?? this.#judgePinned(type, event, eventId)
    return textOnly && judged.kind === 'passed' ? judgeAudio(type, event, eventId) : judged
  }

  #judgeModel(type: string, { session }: Fields, eventId: string | null): CheckedMessage | null {
    const { permit, purpose } = this.#rules
    if (!namesModel(type) || !isFields(session)) return null
    const forbidden = findForbiddenModel(permit, session, purpose, this.#shownModel)
    return forbidden === null ? null : { kind: 'refused', ...forbidden, eventId }
  }

  #judgePinned(type: string, event: Fields, eventId: string | null): CheckedMessage {
    const { policy } = this.#rules
    const [first, ...others] = concernsPolicy(policy, type) ? findKept(policy, type, event) : []
    if (first === undefined) return passed
    if (policy.onChange === 'leave_out') {
      const rest = leaveOut(type, event, [first, ...others])
      return rest === null ? { kind: 'left_out' } : { kind: 'cut', data: Buffer.from(JSON.stringify(rest)) }
    }
    const { param } = first
    const message =
      param === 'item.role'
        ? '"item.role" may be "user" or "assistant" here: this gateway alone speaks as the system'
        : `"${param}" is set by this gateway and cannot be replaced; leave it out`
    return { kind: 'refused', error: new GatewayError('forbidden', message), param, eventId }
  }
}

function judgeAudio(type: string, event: Fields, eventId: string | null): CheckedMessage {
  const param = findAudio(type, event)
  if (param !== null) return noAudio(param, eventId)
  const written = answeredInText(type, event)
  return written === null ? passed : { kind: 'cut', data: Buffer.from(JSON.stringify(written)) }
}

function noAudio(param: string | null, eventId: string | null): CheckedMessage {
  return { kind: 'refused', error: audioRefusal(), param, eventId }
}

/** How a message of sound begins that has nothing else: by far the most messages of a conversation. */
const appendStart = '{"type":"input_audio_buffer.append","audio":"'

/**
 * Whether a message is sound and nothing else: the first quote behind the sound's own ends it, and the message. It costs
 * less than half of looking for a second `type`.
 */
function isPlainAppend(data: Uint8Array): boolean {
  const last = data.length - 1
  return (
    data[last] === closeBrace &&
    isSame(data, 0, appendStart.length, appendStart) &&
    Buffer.prototype.indexOf.call(data, quote, appendStart.length) === last - 1
  )
}

function refuse(message: string, param: string | null, eventId: string | null): CheckedMessage {
  return { kind: 'refused', error: new GatewayError('bad_request', message), param, eventId }
}
