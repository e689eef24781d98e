/** One item of a conversation, reduced to what can be told again. */
import { isFields, textOr } from '../events/fields.ts'
import type { Dialect } from '../types.ts'

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

/** Stands for speech that was never transcribed: the model should know that something was said. */
const untranscribed = '(spoken, not transcribed)'

/** Reads an item of either dialect. @returns null for kinds that cannot be told again */
export function readItem(item: unknown): SaidItem | null {
  if (!isFields(item)) return null
  const id = typeof item.id === 'string' ? item.id : ''
  const done = item.status === undefined || item.status === 'completed'
  const callId = textOr(item.call_id)
  switch (item.type) {
    case 'message':
      return { id, kind: 'message', role: textOr(item.role), text: textOf(item.content), done }
    case 'function_call':
      return {
        id,
        kind: 'function_call',
        role: '',
        text: textOr(item.arguments),
        name: textOr(item.name),
        callId,
        done,
      }
    case 'function_call_output':
      return { id, kind: 'function_call_output', role: '', text: textOr(item.output), callId, done }
    default:
      return null
  }
}

/** Whether the model makes such an item, bit by bit. */
export function isGenerated({ kind, role }: SaidItem): boolean {
  return kind === 'function_call' || (kind === 'message' && role === 'assistant')
}

/** Writes an item as the event that tells it again. @returns null when there is nothing to tell */
export function itemEvent({ id, kind, role, text, name, callId }: SaidItem, dialect: Dialect): string | null {
  const item = { id, type: kind }
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

function create(item: object): string {
  return JSON.stringify({ type: 'conversation.item.create', item })
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return ''
  return content
    .filter(isFields)
    .map(part => part.text ?? part.transcript)
    .filter(text => typeof text === 'string')
    .join('\n')
}
