/** Which kind of output item a thought becomes. */
import type { ModelOutput } from '../model/model-turn.ts'
import { createFunctionCallOutput } from './function-call.ts'
import { createApprovalOutput, createMcpCallOutput } from './mcp.ts'
import { createMessage } from './message.ts'
import type { Output, Scope } from './output.ts'

/** Makes the output for a thought. */
export function outputOf(scope: Scope, thought: ModelOutput): Output {
  switch (thought.kind) {
    case 'message':
      return createMessage(scope, thought)
    case 'call':
      return createFunctionCallOutput(scope, thought)
    case 'mcp_call':
      return createMcpCallOutput(scope, thought)
    case 'approval':
      return createApprovalOutput(scope, thought)
  }
}
