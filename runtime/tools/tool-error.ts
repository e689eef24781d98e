/** Why a call of a tool failed, as the model is told it. */

/** Every way in which a call fails; the message says which field, size or time it was. */
export const toolErrorCodes = [
  /** No tool of that name. */
  'unknown_tool',
  /** Not JSON, or not what the tool's parameters allow. */
  'invalid_arguments',
  /** The tool threw. */
  'tool_failed',
  /** The tool returned what JSON cannot carry, or more than a result may be. */
  'invalid_output',
  /** The tool did not finish in its time; it may have had effects. */
  'timeout',
  /** Nobody waits for the result any more. */
  'cancelled',
  /** The process or the server that runs the tool is not there: it did not run. */
  'tool_unavailable',
  /** More calls at once than a host takes: it did not run. */
  'too_many_calls',
  /** The conversation's state is larger than it may be. */
  'state_too_large',
] as const

export type ToolErrorCode = (typeof toolErrorCodes)[number]

/** Whether a value is one of these codes: a tool is perhaps not checked by types. */
export function isToolErrorCode(value: unknown): value is ToolErrorCode {
  return (toolErrorCodes as readonly unknown[]).includes(value)
}

/** Thrown by a tool: its message is read by the model. */
export class ToolError extends Error {
  readonly code: ToolErrorCode

  constructor(message: string, options: { readonly code?: ToolErrorCode; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'ToolError'
    this.code = options.code ?? 'tool_failed'
  }
}
