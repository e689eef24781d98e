/** A runner whose tools do as a test says, in this process. */
import type { ToolCall, ToolDescription, ToolResult, ToolRunner } from '../../runtime/tools/runner.ts'

type Act = (call: ToolCall, given: Record<string, unknown>) => ToolResult | Promise<ToolResult>

export interface ScriptedTool extends Partial<Omit<ToolDescription, 'name'>> {
  readonly run?: Act
}

export interface ScriptedRunner extends ToolRunner {
  /** Every run, in the order of their beginnings. */
  readonly runs: { readonly name: string; readonly call: ToolCall }[]
}

/** Says what a tool gives back. @param value JSON */
export function done(value: unknown, update: ((state: never) => unknown) | null = null): ToolResult {
  const output = JSON.stringify(value)
  if (update === null) return { kind: 'done', output, update: null }
  return { kind: 'done', output, update: async newest => (await update(newest as never)) as never }
}

/** Makes a runner. @param tools by name; one without `run` gives `"NAME is done"` back */
export function scriptedRunner(tools: Readonly<Record<string, ScriptedTool>>): ScriptedRunner {
  const runs: ScriptedRunner['runs'] = []
  const descriptions = Object.entries(tools).map(([name, { run: _, ...given }]) => ({
    name,
    description: name,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    timeoutMs: 5000,
    idempotent: false,
    ...given,
  }))
  return {
    tools: descriptions,
    runs,
    run: async call => {
      runs.push({ name: call.name, call })
      const act = tools[call.name]?.run ?? (({ name }) => done(`${name} is done`))
      return act(call, JSON.parse(call.arguments))
    },
    close: async () => undefined,
  }
}
