/** A call of a function that the client has, for the client to make. */
import type { ModelOutput } from '../model/model-turn.ts'
import type { Item } from '../protocol/types.ts'
import { addItem, endItem, type Output, type Scope, streamPieces } from './output.ts'

/** A call: its arguments in small pieces, then whole. */
export function createFunctionCallOutput(scope: Scope, thought: ModelOutput & { kind: 'call' }): Output {
  const { context } = scope
  const callId = context.ids.next('call')
  const item: Item = {
    id: context.ids.next('item'),
    type: 'function_call',
    status: 'in_progress',
    name: thought.name,
    call_id: callId,
    arguments: '',
  }
  const place = {
    response_id: scope.responseId,
    item_id: item.id,
    output_index: scope.outputIndex,
    call_id: callId,
  }
  let streamed = ''
  return {
    item,
    begin: () => addItem(scope, { item, memory: { kind: 'call', text: thought.arguments } }),
    deltas: () =>
      streamPieces(scope, thought.arguments, delta => {
        streamed += delta
        const obfuscation = context.ids.obfuscation()
        context.emit({ type: 'response.function_call_arguments.delta', ...place, delta, obfuscation })
      }),
    finish: status => {
      item.arguments = streamed
      item.status = status
      const done = { name: thought.name, arguments: streamed }
      context.emit({ type: 'response.function_call_arguments.done', ...place, ...done })
      endItem(scope, item)
    },
  }
}
