/** One item of a conversation, reduced to what can be told again. */

import type { Dialect } from '../core/ports.ts'
import { isFields } from '../events/fields.ts'

export interface SaidItem {
  /** '' until upstream has given one. */
  id: string
  kind: 'message' | 'function_call' | 'function_call_output'
  role: string
  /** What was said or written; arguments or output of a function call; '' while there is no transcript. */
  text: string
  name?: string
  callId?: string
  /** Upstream has finished it. */
  done: boolean
  unconfirmed?: boolean
}

/**
 * Longest id, role, function name or call id that is kept (UTF-16 code units). The API's ids have up to 32,
 * its function names up to 64; an item with a longer one is not kept.
 */
export const maxNameChars = 256

/** Stands for speech that was never transcribed: the model should know that something was said. */
const untranscribed = '(spoken, not transcribed)'

/**
 * Reads an item of either dialect.
 * @param item of an event that `parseFields` read; its fields may be of any type
 * @returns null for kinds that cannot be told again, and for names that are missing or too long. Never throws.
 */
export function readItem(item: unknown): SaidItem | null {
  if (!isFields(item)) return null
  const id = nameOf(item.id)
  const callId = nameOf(item.call_id)
  if (id === null || callId === null) return null
  const done = item.status === undefined || item.status === 'completed'
  switch (item.type) {
    case 'message': {
      const role = nameOf(item.role)
      if (!role) return null
      return { id, kind: 'message', role, text: textOf(item.content), done }
    }
    case 'function_call': {
      const name = nameOf(item.name)
      if (!name) return null
      return { id, kind: 'function_call', role: '', text: stringOf(item.arguments), name, callId, done }
    }
    case 'function_call_output':
      return { id, kind: 'function_call_output', role: '', text: stringOf(item.output), callId, done }
    default:
      return null
  }
}

const kinds: ReadonlySet<unknown> = new Set<SaidItem['kind']>([
  'message',
  'function_call',
  'function_call_output',
])

/** Whether what was stored is an item. */
export function isSaidItem(stored: unknown): stored is SaidItem {
  if (!isFields(stored)) return false
  const { id, kind, role, text, name = '', callId = '', done, unconfirmed = false } = stored
  return (
    kinds.has(kind) &&
    [id, role, text, name, callId].every(each => typeof each === 'string') &&
    [done, unconfirmed].every(each => typeof each === 'boolean')
  )
}

/** Whether the model makes such an item, bit by bit. */
export function isGenerated({ kind, role }: SaidItem): boolean {
  return kind === 'function_call' || (kind === 'message' && role === 'assistant')
}

/**
 * Writes an item as the event that tells it again.
 * @param eventId its `event_id`, which upstream's error names if it refuses the item
 * @returns null when there is nothing to tell
 */
export function itemEvent(
  { id, kind, role, text, name, callId }: SaidItem,
  dialect: Dialect,
  eventId: string,
): string | null {
  const item = { id, type: kind }
  const create = (item: object) =>
    JSON.stringify({ type: 'conversation.item.create', event_id: eventId, item })
  if (kind === 'function_call') return create({ ...item, name, call_id: callId, arguments: text })
  if (kind === 'function_call_output') return create({ ...item, call_id: callId, output: text })
  const words = text === '' && role === 'user' ? untranscribed : text
  if (words === '') return null
  const assistantType = dialect === 'ga' ? 'output_text' : 'text'
  return create({
    ...item,
    role,
    content: [{ type: role === 'assistant' ? assistantType : 'input_text', text: words }],
  })
}

/** '' for what is no string; null for what is too long. */
function nameOf(value: unknown): string | null {
  const name = stringOf(value)
  return name.length > maxNameChars ? null : name
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return ''
  return content
    .filter(isFields)
    .map(part => part.text ?? part.transcript)
    .filter(text => typeof text === 'string')
    .join('\n')
}
