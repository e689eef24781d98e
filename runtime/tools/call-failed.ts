/** The result of a call that failed, as the model is told it. */
import type { ToolResult } from './runner.ts'
import type { ToolErrorCode } from './tool-error.ts'
import { maxMessageChars } from './tool-limits.ts'

export type FailedCall = Extract<ToolResult, { kind: 'failed' }>

export function callFailed(code: ToolErrorCode, message: string): FailedCall {
  return { kind: 'failed', code, message: message.slice(0, maxMessageChars) }
}
