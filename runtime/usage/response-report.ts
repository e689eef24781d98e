/** What a `response.done` tells of a response, besides its content. */
import { type Fields, isFields, textOr } from '../events/fields.ts'
import { type Amounts, amountsOfResponse, fieldsOf, tokensOf } from '../events/usage.ts'

export interface ResponseReport {
  /** '' where it has none. */
  readonly id: string
  /** `completed`, `cancelled`, `incomplete`, `failed`; '' where it does not say. */
  readonly status: string
  /** Of a status other than `completed`: `turn_detected`, `max_output_tokens`, …; '' where none is given. */
  readonly reason: string
  /** The person spoke, or the client cancelled, before it was complete. */
  readonly isInterrupted: boolean
  /** Calls of functions and of MCP servers. */
  readonly toolCalls: number
  readonly amounts: Amounts
  /** Tokens that upstream counts in all. */
  readonly total: number
}

const calls: ReadonlySet<unknown> = new Set(['function_call', 'mcp_call'])

/** Reads a `response.done` of either dialect. Never throws. */
export function readResponseReport(frame: Uint8Array): ResponseReport {
  const { response } = fieldsOf(frame)
  const fields: Fields = isFields(response) ? response : {}
  const details = isFields(fields.status_details) ? fields.status_details : {}
  const status = textOr(fields.status)
  const output = Array.isArray(fields.output) ? fields.output : []
  const { total_tokens } = isFields(fields.usage) ? fields.usage : {}
  return {
    id: textOr(fields.id).slice(0, maxIdChars),
    status: status.slice(0, maxIdChars),
    reason: textOr(details.reason).slice(0, maxIdChars),
    isInterrupted: status === 'cancelled',
    toolCalls: output.filter(item => isFields(item) && calls.has(item.type)).length,
    amounts: amountsOfResponse(fields.usage),
    total: tokensOf(total_tokens),
  }
}

/** Ids and states of the API are shorter (characters). */
const maxIdChars = 128
