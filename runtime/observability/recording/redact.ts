/**
 * What of an event may be written down: types, ids, enumerations, numbers. Any other text is replaced by
 * its length, so that a field nobody thought of is left out rather than kept.
 *
 * | in place of | stands |
 * |---|---|
 * | audio | `{"redacted":"audio","bytes":N}` (decoded) |
 * | words, instructions, any other text | `{"redacted":"text","chars":N}` |
 * | arguments of a function call | `{"redacted":"json","chars":N}` |
 * | objects whose very names may be somebody's own, and lists of numbers, which can spell words | `{"redacted":"fields"}` |
 */
import { asBuffer } from '../../core/bytes.ts'
import { parseJson } from '../../core/json.ts'
import { eventType, fieldBytes } from '../../events/type.ts'

export type RedactedEvent = { type: string; [field: string]: unknown }

/** Events with audio in a field of their own, in both dialects. */
const audioFields: ReadonlyMap<string, string> = new Map([
  ['input_audio_buffer.append', 'audio'],
  ['response.output_audio.delta', 'delta'],
  ['response.audio.delta', 'delta'],
])

/** Fields that hold ids and enumerations. */
const plainFields = new Set(
  `type object event_id id item_id response_id previous_item_id call_id conversation_id session_id
  approval_request_id status role code param reason model voice name phase language conversation
  output_modalities modalities include tool_choice truncation eagerness effort tracing detail server_label
  max_output_tokens max_response_output_tokens input_audio_format output_audio_format`.split(/\s+/),
)

/** Fields that hold what was said. */
const wordFields = new Set(['text', 'transcript', 'delta', 'arguments', 'output', 'refusal'])

/** Fields whose members have names of somebody's own making. */
const foreignFields = new Set([
  'metadata',
  'parameters',
  'input_schema',
  'annotations',
  'variables',
  'headers',
])

/** The API's own event names; a secret in their place has other characters. */
const eventName = /^[a-z][a-z0-9_.]{0,63}$/
const plainText = /^[\w.:/-]{0,128}$/
const memberName = /^[A-Za-z]\w{0,63}$/
const maxDepth = 12

/** Larger events, without their audio, are not read (bytes): that would hold up everybody else. */
const maxReadBytes = 256 * 1024

/**
 * Redacts one frame, of either side.
 * @param keepsWords leaves texts and transcripts of the conversation in; audio and instructions never
 * @returns an event; its type is '' for a frame that is none. Never throws.
 */
export function redact(frame: string | Uint8Array, isBinary: boolean, keepsWords: boolean): RedactedEvent {
  const bytes = typeof frame === 'string' ? Buffer.from(frame) : asBuffer(frame)
  const type = isBinary ? null : eventType(bytes)
  if (type === null || !eventName.test(type)) return unread('', bytes.length)
  const audioField = audioFields.get(type)
  const audio = audioField === undefined ? null : fieldBytes(bytes, audioField)
  const rest = audio === null ? bytes : without(bytes, audio)
  if (rest.length > maxReadBytes) return unread(type, bytes.length)
  const event = parse(rest)
  if (event === null) return unread('', bytes.length)
  const kept = { ...redactFields(event, audioField, keepsWords, 0), type }
  if (audio === null || audioField === undefined) return kept
  return { ...kept, [audioField]: audioOf(audio.toString('latin1')) }
}

function redactFields(
  fields: object,
  audioField: string | undefined,
  keepsWords: boolean,
  depth: number,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (!memberName.test(name)) continue
    // What the system says are instructions under another name.
    const keeps = keepsWords && !('role' in fields && fields.role === 'system')
    kept[name] = redactValue(name, value, audioField, keeps, depth)
  }
  return kept
}

function redactValue(
  name: string,
  value: unknown,
  audioField: string | undefined,
  keepsWords: boolean,
  depth: number,
): unknown {
  if (typeof value === 'string') {
    const isAudio = name === 'audio' || (depth === 0 && name === audioField)
    return isAudio ? audioOf(value) : redactText(name, value, keepsWords)
  }
  if (typeof value !== 'object' || value === null) return value
  if (foreignFields.has(name) || depth >= maxDepth) return { redacted: 'fields' }
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(element => typeof element === 'number')) return { redacted: 'fields' }
    return value.map(element => redactValue(name, element, audioField, keepsWords, depth + 1))
  }
  return redactFields(value, audioField, keepsWords, depth + 1)
}

function redactText(name: string, text: string, keepsWords: boolean): unknown {
  if (plainFields.has(name) && plainText.test(text)) return text
  if (keepsWords && wordFields.has(name)) return text
  return { redacted: name === 'arguments' ? 'json' : 'text', chars: text.length }
}

function audioOf(base64: string): object {
  return { redacted: 'audio', bytes: Buffer.byteLength(base64, 'base64') }
}

function unread(type: string, bytes: number): RedactedEvent {
  return { type, frame: { redacted: 'frame', bytes } }
}

/** The bytes around a part of them. */
function without(bytes: Buffer, part: Buffer): Buffer {
  const start = part.byteOffset - bytes.byteOffset
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + part.length)])
}

function parse(bytes: Buffer): object | null {
  const event = parseJson(bytes.toString())
  return typeof event === 'object' && event !== null && !Array.isArray(event) ? event : null
}
