/** What goes into the scripted model, and what comes out of it. */
import type { Tool, ToolChoice } from '../protocol/types.ts'

/** What the model sees of one conversation item. */
export interface SeenItem {
  kind: 'user' | 'assistant' | 'system' | 'call' | 'call_output' | 'approval_request' | 'approval'
  /** The words; of a `call_output` the output, of an `approval` yes or no. */
  text: string
  /** Seconds of input audio, when the words came by voice; 0 when nobody spoke in time. */
  heardSec?: number
  /** How many images came with the words. */
  images?: number
  /** Of approvals: the request, its server and its tool. */
  requestId?: string
  server?: string
  tool?: string
}

export interface ModelInput {
  instructions: string
  memories: readonly SeenItem[]
  tools: readonly Tool[]
  toolChoice: ToolChoice
  /** The shape of gpt-realtime-2 and later: a commentary before a call. */
  talksBeforeCalls: boolean
}

/** One output item of the answer. */
export type ModelOutput =
  | { kind: 'message'; text: string; phase: 'commentary' | 'final_answer' }
  | { kind: 'call'; name: string; arguments: string }
  | { kind: 'approval'; server: string; name: string; arguments: string }
  | McpCall

/** A call of an MCP server. `output` is null when it fails; `approval` is the request that allowed it. */
export interface McpCall {
  kind: 'mcp_call'
  server: string
  name: string
  arguments: string
  output: string | null
  approval: string | null
}
