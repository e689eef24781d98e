/** A tool that a response must call has to be among its tools. */
import {
  Refusal,
  type ResponseOptions,
  type SessionConfig,
  type Tool,
  type ToolChoice,
} from '../protocol/types.ts'

/**
 * Compares the forced tool of a response with its tools. The words and the absent code are those of OpenAI's Responses API;
 * that the Realtime API refuses it likewise is assumed.
 * @throws Refusal without a code when the tool is not there
 */
export function checkForcedTool(
  { tools, tool_choice: own }: ResponseOptions,
  config: Pick<SessionConfig, 'tools' | 'tool_choice'>,
): void {
  const choice = own ?? config.tool_choice
  if (typeof choice === 'string' || (tools ?? config.tools).some(tool => isChosen(tool, choice))) return
  const name = choice.type === 'function' ? choice.name : choice.server_label
  const message = `Tool choice '${name}' not found in 'tools' parameter.`
  const param = `${own === undefined ? 'session' : 'response'}.tool_choice`
  throw new Refusal({ code: null, message, param })
}

function isChosen(tool: Tool, choice: Exclude<ToolChoice, string>): boolean {
  if (choice.type === 'function') return tool.type === 'function' && tool.name === choice.name
  return tool.type === 'mcp' && tool.server_label === choice.server_label
}
