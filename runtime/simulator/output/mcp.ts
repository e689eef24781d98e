/** Calls of an MCP server, which the model's side makes itself, and requests to allow one. */
import type { McpCall, ModelOutput } from '../model/model-turn.ts'
import type { Item } from '../protocol/types.ts'
import { addItem, endItem, type Output, type Scope, streamPieces } from './output.ts'

const callMs = 100

/** A call that the model's side makes: its arguments, its progress, and what came of it. */
export function createMcpCallOutput(scope: Scope, thought: McpCall): Output {
  const { emit, ids } = scope.context
  const item: Item = {
    id: ids.next('item'),
    type: 'mcp_call',
    server_label: thought.server,
    name: thought.name,
    arguments: '',
    output: null,
    error: null,
    approval_request_id: thought.approval,
  }
  return {
    item,
    begin: () => addItem(scope, { item, memory: { kind: 'call', text: thought.arguments } }),
    deltas: () => makeCall(scope, item, thought.arguments),
    finish: status => {
      const failed = status !== 'completed' || thought.output === null
      if (failed) item.error = { type: 'tool_execution_error', message: 'The server could not be reached.' }
      else item.output = thought.output
      const outcome = failed ? 'failed' : 'completed'
      emit({ type: `response.mcp_call.${outcome}`, item_id: item.id, output_index: scope.outputIndex })
      endItem(scope, item)
    },
  }
}

function* makeCall(scope: Scope, item: Item, given: string): Generator<number, boolean> {
  const { emit, ids, rate } = scope.context
  const place = { item_id: item.id, output_index: scope.outputIndex }
  const answered = { response_id: scope.responseId, ...place }
  const complete = yield* streamPieces(scope, given, delta => {
    item.arguments += delta
    const obfuscation = ids.obfuscation()
    emit({ type: 'response.mcp_call_arguments.delta', ...answered, delta, obfuscation })
  })
  if (!complete) return false
  emit({ type: 'response.mcp_call_arguments.done', ...answered, arguments: given })
  emit({ type: 'response.mcp_call.in_progress', ...place })
  yield callMs / rate
  return true
}

/** A request to the client to allow a call. */
export function createApprovalOutput(scope: Scope, thought: ModelOutput & { kind: 'approval' }): Output {
  const { server, name } = thought
  const item: Item = {
    id: scope.context.ids.next('item'),
    type: 'mcp_approval_request',
    server_label: server,
    name,
    arguments: thought.arguments,
  }
  const memory = {
    kind: 'approval_request',
    text: thought.arguments,
    requestId: item.id,
    server,
    tool: name,
  } as const
  return {
    item,
    begin: () => addItem(scope, { item, memory }),
    // biome-ignore lint/correctness/useYield: there is nothing to stream
    deltas: function* () {
      return true
    },
    finish: () => endItem(scope, item),
  }
}
