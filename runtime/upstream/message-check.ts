/** What a client may not say to a session: forbidden models, and what would replace settings that are pinned. */
import { asBuffer } from '../core/bytes.ts'
import { GatewayError } from '../core/errors.ts'
import { closeBrace, quote } from '../events/ascii.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'
import { findValue, isRepeated, isSame } from '../events/member.ts'
import { hasRepeatedMember } from '../events/repeated-member.ts'
import { textField } from '../events/type.ts'
import { findForbiddenModel, type ModelPermit, type Purpose } from './model-permit.ts'

export interface MessageRules {
  readonly permit: ModelPermit
  readonly purpose: Purpose
  /** The gateway's own instructions and prompt template are neither shown nor replaced. */
  readonly pinned: boolean
}

/** A message that does not go on, and what its client is told. */
export interface RefusedMessage {
  readonly error: GatewayError
  /** The field at fault, as the client wrote it; null where it is the message. */
  readonly param: string | null
  /** Of the message; null where it has none. */
  readonly eventId: string | null
}

/** The messages that are read, and where each has settings of a session or of an answer. */
const settingsOf = new Map([
  ['session.update', 'session'],
  ['transcription_session.update', 'session'],
  ['response.create', 'response'],
] as const)

type CheckedType = typeof settingsOf extends Map<infer Type, unknown> ? Type : never

/** What the gateway gives a session, and pins. */
const pinnedFields = ['instructions', 'prompt'] as const

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
   * @returns why the message does not go on; null where it does
   */
  refusal(data: Uint8Array, type: string | null): RefusedMessage | null {
    if (isPlainAppend(data)) return null
    const bytes = asBuffer(data)
    if (isRepeated(bytes, 'type'))
      return refuse('"type" stands in the message more than once; send it once', 'type', null)
    if (!isChecked(type) || (type === 'response.create' && !this.#rules.pinned)) return null
    const event = parseFields(bytes)
    if (event === null)
      return refuse(`The ${type} cannot be read: it is not JSON, or nested deeper than 64 levels`, null, null)
    const eventId = textOr(event.event_id) || null
    if (hasRepeatedMember(bytes))
      return refuse(`The ${type} has an object with two members of one name; send each once`, null, eventId)
    const owner = settingsOf.get(type) ?? ''
    const settings = event[owner]
    return isFields(settings) ? this.#refusalOf(settings, owner, eventId) : null
  }

  #refusalOf(settings: Fields, owner: string, eventId: string | null): RefusedMessage | null {
    const { permit, purpose, pinned } = this.#rules
    if (owner === 'session') {
      const forbidden = findForbiddenModel(permit, settings, purpose, this.#shownModel)
      if (forbidden !== null) return { ...forbidden, eventId }
    }
    const replaced = pinned ? pinnedFields.find(name => name in settings) : undefined
    if (replaced === undefined) return null
    const param = `${owner}.${replaced}`
    const message = `"${param}" is set by this gateway and cannot be replaced; leave it out`
    return { error: new GatewayError('forbidden', message), param, eventId }
  }
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

function isChecked(type: string | null): type is CheckedType {
  return type !== null && settingsOf.has(type as CheckedType)
}

function refuse(message: string, param: string | null, eventId: string | null): RefusedMessage {
  return { error: new GatewayError('bad_request', message), param, eventId }
}
