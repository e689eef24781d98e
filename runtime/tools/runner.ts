/** What runs the tools of an assistant: the seam between a conversation's turns and the process that holds its code. */

/** A function tool as the Realtime API takes it in `session.tools`, and how it is run. */
export interface ToolDescription {
  /** Unique in an assistant: `add_item`, or `stock__check_stock` of the MCP server `stock`. */
  readonly name: string
  readonly description: string
  /** JSON Schema of an object. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** From the start of a run until its signal aborts (ms). */
  readonly timeoutMs: number
  /** May run again where it is not known to have finished. */
  readonly idempotent: boolean
}

/** One call of the model's. */
export interface ToolCall {
  readonly name: string
  /** JSON text as the model wrote it; the runner checks it against the tool's parameters. */
  readonly arguments: string
  /** The same for every run of the same call, in any process. */
  readonly idempotencyKey: string
  /** Who talks: the principal's name, as `key:NAME`. */
  readonly caller: string
  /** What the conversation has stored so far: JSON, an object. */
  readonly state: ConversationState
  /** The tool tells the client something. Bounded by the runner. */
  emit(name: string, data: unknown): void
  /** Aborted when nobody waits for the result any more: the session ended, or a drain's deadline came. */
  readonly signal: AbortSignal
}

/** What an assistant stores with a conversation: a JSON object. */
export type ConversationState = Readonly<Record<string, unknown>>

/** How a call ended. A runner's promise never rejects. */
export type ToolResult =
  | {
      readonly kind: 'done'
      /** JSON text for the model. */
      readonly output: string
      /**
       * Runs the tool's own updates over the newest state, in their order; null where it made none. The caller
       * commits the state together with the output, and calls again where another call's commit came first.
       * It rejects where the tool's host is gone: the call is interrupted then.
       */
      readonly update: ((newest: ConversationState) => Promise<ConversationState>) | null
    }
  /** It ran, or was refused, and failed: told to the model as `{"error":code,"message":message}`. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** Its host went away while it ran: it may have had effects. */
  | { readonly kind: 'interrupted' }

export interface ToolRunner {
  readonly tools: readonly ToolDescription[]
  run(call: ToolCall): Promise<ToolResult>
  /** Ends the process or the connections behind it. Safe to call twice. */
  close(): Promise<void>
}
