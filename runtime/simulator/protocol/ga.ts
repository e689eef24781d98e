/** The client events of the GA dialect and the check that each must pass. */
import {
  anything,
  boolean,
  type Check,
  dictionary,
  type Fault,
  fields,
  integer,
  isFields,
  list,
  missingParameter,
  nullable,
  oneOf,
  string,
  unsupported,
  wrongType,
} from './check.ts'
import { base64, inputItem, item } from './items.ts'
import * as session from './session.ts'
import type { ClientEvent } from './types.ts'
import { maxIdLength, maxMetadataEntries, maxMetadataKeyLength, maxMetadataValueLength } from './values.ts'

const maxEventIdLength = 512
export const common = { type: string(), event_id: nullable(string(maxEventIdLength)) }

const metadataEntries = dictionary(string(maxMetadataValueLength), maxMetadataEntries)

export const metadata: Check = (value, path) => {
  const fault = metadataEntries(value, path)
  if (fault !== null || !isFields(value)) return fault
  const long = Object.keys(value).find(key => key.length > maxMetadataKeyLength)
  return long === undefined ? null : string(maxMetadataKeyLength)(long, path)
}

const response = fields({
  output_modalities: session.modalities,
  instructions: nullable(string()),
  tools: session.tools,
  tool_choice: session.toolChoice,
  parallel_tool_calls: boolean,
  max_output_tokens: session.tokenLimit,
  audio: fields({ output: fields({ format: session.audioFormat, voice: session.voice }) }),
  conversation: oneOf('auto', 'none'),
  input: list(inputItem),
  metadata: nullable(metadata),
  prompt: session.prompt,
  reasoning: session.reasoning,
})

/** The events whose shape is alike in both dialects. */
export const sharedClientEvents: Record<string, Check> = {
  'input_audio_buffer.append': fields({ ...common, audio: base64 }, 'audio'),
  'input_audio_buffer.commit': fields(common),
  'input_audio_buffer.clear': fields(common),
  'output_audio_buffer.clear': fields(common),
  'conversation.item.retrieve': fields({ ...common, item_id: string() }, 'item_id'),
  'conversation.item.delete': fields({ ...common, item_id: string() }, 'item_id'),
  'conversation.item.truncate': fields(
    { ...common, item_id: string(), content_index: integer(0), audio_end_ms: integer(0) },
    'item_id',
    'content_index',
    'audio_end_ms',
  ),
  'response.cancel': fields({ ...common, response_id: nullable(string()) }),
}

export const clientEvents: Record<string, Check> = {
  'session.update': fields({ ...common, session: session.session }, 'session'),
  ...sharedClientEvents,
  'conversation.item.create': fields(
    { ...common, item, previous_item_id: nullable(string(maxIdLength)) },
    'item',
  ),
  'response.create': fields({ ...common, response: nullable(response) }),
}

const { 'output_audio_buffer.clear': _webRtcAlone, ...plainEvents } = clientEvents

/** What Azure's GA form lists as its events on a plain WebSocket: no playout, and a close of its own. */
export const azureClientEvents: Record<string, Check> = {
  ...plainEvents,
  'transcription_session.update': fields({ ...common, session: anything }, 'session'),
  'session.close': fields(common),
}

/**
 * Checks a parsed frame against a table of client events.
 *
 * @returns null, or the first fault in the words of the Realtime API
 */
export function checkEvent(table: Record<string, Check>, event: unknown): Fault | null {
  if (!isFields(event))
    return { ...wrongType('event', 'an object', event), code: 'invalid_event', param: null }
  if (event.type === undefined) return missingParameter('type')
  if (typeof event.type !== 'string') return wrongType('type', 'a string', event.type)
  const check = Object.hasOwn(table, event.type) ? table[event.type] : undefined
  return check === undefined ? unsupported(event.type, 'type', Object.keys(table)) : check(event, '')
}

/** Says that a frame has passed `checkEvent`. */
export function isClientEvent(event: unknown, fault: Fault | null): event is ClientEvent {
  return fault === null && isFields(event)
}
