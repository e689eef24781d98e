/** One item of a conversation, reduced to what can be told again. */

import type { Dialect } from '../core/ports.ts'
import { type Fields, isFields } from '../events/fields.ts'

export interface TranscriptItem {
  /** '' until upstream has given one. */
  id: string
  kind: 'message' | 'function_call' | 'function_call_output'
  role: string
  /** What was said or written; arguments or output of a function call; '' while there is no transcript. */
  text: string
  name?: string
  callId?: string
  /** Of a user's message. */
  images?: readonly TranscriptImage[]
  /**
   * Type and fields of an item about an MCP server, which are told again as they are. Its `kind` is a message without
   * role and words: revisions that know no such items pass it over.
   */
  mcp?: Fields
  /** Words of the gateway's own, which no client sees. */
  isNotice?: boolean
  /** Upstream has finished it. */
  done: boolean
  unconfirmed?: boolean
}

/** An image in a message. */
export interface TranscriptImage {
  /** Data URI; null where it was too large to be kept. */
  readonly url: string | null
  readonly detail?: string
  /** It stood before the words. */
  readonly before?: true
}

/** A larger image is not kept (characters of its data URI): as large as half of what is kept of a conversation. */
export const maxImageChars = 128 * 1024

/** The API takes ids of at most so many characters from a client; its own are shorter. */
export const maxItemIdChars = 32

/**
 * Longest id, role, function name or call id that is kept (UTF-16 code units). The API's ids have up to 32,
 * its function names up to 64; an item with a longer one is not kept.
 */
export const maxNameChars = 256

/** Stands for speech that was never transcribed: the model should know that something was said. */
const untranscribed = '(spoken, not transcribed)'

/** Stands for an image that was not kept. */
const lostImage = '(an image, which was too large to be kept)'

/**
 * Fields that are told again, by the type of the item. Lists of tools are not: upstream makes them anew when it is told
 * of the server.
 */
const mcpFields: Readonly<Record<string, readonly string[]>> = {
  mcp_call: ['server_label', 'name', 'arguments', 'output', 'error', 'approval_request_id'],
  mcp_approval_request: ['server_label', 'name', 'arguments'],
  mcp_approval_response: ['approval_request_id', 'approve', 'reason'],
}

/**
 * Reads an item of either dialect.
 * @param item of an event that `parseFields` read; its fields may be of any type
 * @returns null for kinds that cannot be told again, and for names that are missing or too long. Never throws.
 */
export function readItem(item: unknown): TranscriptItem | null {
  if (!isFields(item)) return null
  const id = nameOf(item.id)
  const callId = nameOf(item.call_id)
  if (id === null || callId === null) return null
  const done = item.status === undefined || item.status === 'completed'
  switch (item.type) {
    case 'message': {
      const role = nameOf(item.role)
      if (!role) return null
      const images = role === 'user' ? imagesOf(item.content) : []
      const text = textOf(item.content)
      return { id, kind: 'message', role, text, ...(images.length > 0 && { images }), done }
    }
    case 'function_call': {
      const name = nameOf(item.name)
      if (!name) return null
      return { id, kind: 'function_call', role: '', text: stringOf(item.arguments), name, callId, done }
    }
    case 'function_call_output':
      return { id, kind: 'function_call_output', role: '', text: stringOf(item.output), callId, done }
    default:
      return readMcpItem(id, item)
  }
}

function readMcpItem(id: string, item: Fields): TranscriptItem | null {
  const type = stringOf(item.type)
  const names = Object.hasOwn(mcpFields, type) ? mcpFields[type] : undefined
  if (names === undefined) return null
  const told = names.filter(name => item[name] !== undefined && item[name] !== null)
  const mcp = { type, ...Object.fromEntries(told.map(name => [name, item[name]])) }
  const done = type !== 'mcp_call' || told.includes('output') || told.includes('error')
  return { id, kind: 'message', role: '', text: '', mcp, done }
}

const kinds: ReadonlySet<unknown> = new Set<TranscriptItem['kind']>([
  'message',
  'function_call',
  'function_call_output',
])

/** Whether what was stored is an item. */
export function isTranscriptItem(stored: unknown): stored is TranscriptItem {
  if (!isFields(stored)) return false
  const { id, kind, role, text, name = '', callId = '', done, unconfirmed = false, isNotice = false } = stored
  const { images = [], mcp = {} } = stored
  return (
    kinds.has(kind) &&
    [id, role, text, name, callId].every(each => typeof each === 'string') &&
    [done, unconfirmed, isNotice].every(each => typeof each === 'boolean') &&
    Array.isArray(images) &&
    images.every(isSaidImage) &&
    isFields(mcp)
  )
}

function isSaidImage(stored: unknown): stored is TranscriptImage {
  if (!isFields(stored)) return false
  const { url, detail = '' } = stored
  return (url === null || typeof url === 'string') && typeof detail === 'string'
}

/** Whether there is anything to tell of an item. */
export function saysSomething({ text, images, mcp }: TranscriptItem): boolean {
  return text !== '' || images !== undefined || mcp !== undefined
}

/** Whether the model makes such an item, bit by bit. */
export function isGenerated({ kind, role, mcp }: TranscriptItem): boolean {
  if (mcp !== undefined) return mcp.type !== 'mcp_approval_response'
  return kind === 'function_call' || (kind === 'message' && role === 'assistant')
}

/**
 * Writes an item as the event that tells it again.
 * @param eventId its `event_id`, which upstream's error names if it refuses the item
 * @returns null when there is nothing to tell
 */
export function itemEvent(
  { id, kind, role, text, name, callId, images = [], mcp }: TranscriptItem,
  dialect: Dialect,
  eventId: string,
): string | null {
  const item = { id, type: kind }
  const create = (item: object) =>
    JSON.stringify({ type: 'conversation.item.create', event_id: eventId, item })
  // The preview knows no MCP servers.
  if (mcp !== undefined) return dialect === 'ga' ? create({ id, ...mcp }) : null
  if (kind === 'function_call') return create({ ...item, name, call_id: callId, arguments: text })
  if (kind === 'function_call_output') return create({ ...item, call_id: callId, output: text })
  const words = text === '' && role === 'user' && images.length === 0 ? untranscribed : text
  const assistantType = dialect === 'ga' ? 'output_text' : 'text'
  const type = role === 'assistant' ? assistantType : 'input_text'
  const content = [
    ...images.filter(({ before }) => before).map(image => imagePart(image, dialect)),
    ...(words === '' ? [] : [{ type, text: words }]),
    ...images.filter(({ before }) => !before).map(image => imagePart(image, dialect)),
  ]
  return content.length === 0 ? null : create({ ...item, role, content })
}

/** The preview knows no images. */
function imagePart({ url, detail }: TranscriptImage, dialect: Dialect): object {
  if (url === null || dialect === 'preview') return { type: 'input_text', text: lostImage }
  return { type: 'input_image', image_url: url, ...(detail !== undefined && { detail }) }
}

/** '' for what is no string; null for what is too long. */
function nameOf(value: unknown): string | null {
  const name = stringOf(value)
  return name.length > maxNameChars ? null : name
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function imagesOf(content: unknown): TranscriptImage[] {
  if (!Array.isArray(content)) return []
  const parts = content.filter(isFields)
  const firstWords = parts.findIndex(({ type }) => type !== 'input_image')
  return parts.flatMap(({ type, image_url: url, detail }, at) => {
    if (type !== 'input_image') return []
    const isKept = typeof url === 'string' && url !== '' && url.length <= maxImageChars
    const image = { url: isKept ? url : null, ...(nameOf(detail) && { detail: stringOf(detail) }) }
    return [at < firstWords ? { ...image, before: true as const } : image]
  })
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return ''
  return content
    .filter(isFields)
    .map(part => part.text ?? part.transcript)
    .filter(text => typeof text === 'string')
    .join('\n')
}
