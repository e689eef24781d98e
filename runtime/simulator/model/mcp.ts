/** Made-up MCP servers: what tools they list, and what they answer. A label that begins with `missing` has none. */
import { isFields, isText } from '../protocol/check.ts'
import type { Tool } from '../protocol/types.ts'
import type { McpCall, ModelOutput, SeenItem } from './model-turn.ts'

const defaultToolName = 'search'
const unreachable = /^missing/

/** A tool as `mcp_list_tools` shows it. */
export interface McpListing {
  name: string
  description: string
  input_schema: object
}

/** The tools of a server; null when it cannot be reached. */
export function simulatedTools(server: Tool): McpListing[] | null {
  if (unreachable.test(server.server_label ?? '')) return null
  return namesOf(server).map(name => ({
    name,
    description: `${name} of ${server.server_label}`,
    input_schema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
  }))
}

/** A call of a server, or the request to allow it: unless told otherwise, each call must be allowed. */
export function mcpOutputs(server: Tool, words: string, say: (text: string) => ModelOutput): ModelOutput[] {
  const [name = defaultToolName] = namesOf(server)
  const label = server.server_label ?? ''
  const given = JSON.stringify({ query: words })
  if (needsApproval(server, name)) return [{ kind: 'approval', server: label, name, arguments: given }]
  return callAndAnswer(label, name, given, null, say)
}

/** What follows an answer to a request: the call, or a word of regret. Null when there was no request. */
export function afterApproval(
  memories: readonly SeenItem[],
  say: (text: string) => ModelOutput,
): ModelOutput[] | null {
  const last = memories.at(-1)
  if (last?.kind !== 'approval') return null
  const request = memories.findLast(
    ({ kind, requestId }) => kind === 'approval_request' && requestId === last.requestId,
  )
  if (request === undefined || last.text !== 'yes') return [say('Then I will not make that call.')]
  return callAndAnswer(request.server ?? '', request.tool ?? '', request.text, last.requestId ?? null, say)
}

function callAndAnswer(
  server: string,
  name: string,
  given: string,
  approval: string | null,
  say: (text: string) => ModelOutput,
): ModelOutput[] {
  const output = unreachable.test(server) ? null : `${name} of ${server} found nothing new.`
  const call: McpCall = { kind: 'mcp_call', server, name, arguments: given, output, approval }
  return [call, say(output === null ? `I could not reach ${server}.` : `The tool answered: ${output}`)]
}

function needsApproval({ require_approval: rule }: Tool, name: string): boolean {
  if (rule === 'never') return false
  if (!isFields(rule)) return true
  return !(isFields(rule.never) && namesIn(rule.never)?.includes(name))
}

function namesOf({ allowed_tools }: Tool): string[] {
  return namesIn(allowed_tools) ?? [defaultToolName]
}

/** Tool names given as a list, or as a filter object with one. */
function namesIn(value: unknown): string[] | null {
  const names = isFields(value) ? value.tool_names : value
  const texts = Array.isArray(names) ? names.filter(isText) : []
  return texts.length > 0 ? texts : null
}
