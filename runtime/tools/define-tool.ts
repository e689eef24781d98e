/** What the files of an assistant's `tools/` import, `defineTool` and `z`, by the name `realtime-gateway/tools`. */
import { z } from 'zod'
import { type Conversation, Emissions, StateChanges } from './call-effects.ts'
import { ToolError } from './tool-error.ts'

export type { Conversation, State } from './call-effects.ts'
export { ToolError, z }

/** What a tool is given beside its arguments. */
export interface ToolContext {
  /** Who talks: the principal's name, as `key:NAME`; `anonymous` where the gateway asks for no credential. */
  readonly caller: string
  /** What the assistant keeps for this conversation. */
  readonly conversation: Conversation
  /**
   * Sends the client `{"type":"assistant.event","name":name,"data":data}` at once: on `/chat`, on `/realtime` where its
   * events admit that, and never at the SDK addresses.
   * More than 32 of a call, or more than 64 KiB together, are dropped and logged.
   * @param name letters, digits, `_`, `.` and `-`; 64 characters at most
   * @throws TypeError when the name is not of that form, or JSON cannot carry the data
   */
  emit(name: string, data: unknown): void
  /** The same for every run of the same call, in any process: for the systems that the tool writes to. */
  readonly idempotencyKey: string
  /** Aborts at `timeoutMs`, and when nobody waits for the result any more. Hand it to what can be cancelled. */
  readonly signal: AbortSignal
  /** Lines of the gateway's log, with the assistant's and the tool's name. Long ones are cut, floods are dropped and counted. */
  readonly log: ToolLog
  /** The variables that `assistant.yaml` names under `env`; nothing else of the gateway's environment is there. */
  readonly env: Readonly<Record<string, string>>
}

export interface ToolLog {
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

export interface ToolDefinition<Parameters extends z.ZodType, Result> {
  /** Tells the model what the tool does and when to call it. */
  readonly description: string
  /** An object: `z.strictObject({ … })`. The model is given it as JSON Schema; arguments are checked against it. */
  readonly parameters: Parameters
  /** From the start of a run until its signal aborts and the model is told that it failed (ms). Default: 10,000. */
  readonly timeoutMs?: number
  /** May run again where it is not known to have finished. Default: false. */
  readonly idempotent?: boolean
  /**
   * Answers one call. Several run at once in one process.
   * @returns what JSON can carry, 64 KiB at most: the model reads it
   * @throws ToolError whose message the model reads; of anything else it is told only that the tool failed
   */
  run(args: z.output<Parameters>, context: ToolContext): Result | Promise<Result>
}

/** A tool as `defineTool` returns it. */
export interface Tool<Parameters extends z.ZodType = z.ZodType, Result = unknown> {
  readonly description: string
  readonly parameters: Parameters
  /** JSON Schema of what the model may write. */
  readonly schema: Readonly<Record<string, unknown>>
  readonly timeoutMs: number
  readonly idempotent: boolean
  /**
   * Checks the arguments and runs the tool.
   * @throws ToolError `invalid_arguments` that names each field which does not fit
   */
  run(args: z.input<Parameters>, context: ToolContext): Promise<Result>
}

const defaultTimeoutMs = 10_000

/** Longest that a tool may take (ms); a drain's deadline allows less. */
export const maxTimeoutMs = 600_000

/** Marks tools, also those of another copy of this module. */
const mark = Symbol.for('realtime-gateway.tool')

/**
 * Defines a tool; a file of `tools/` exports it as default, and the file's name is the tool's.
 * @throws TypeError when a part is missing or cannot be told to the model
 */
export function defineTool<const Parameters extends z.ZodType, Result>(
  definition: ToolDefinition<Parameters, Result>,
): Tool<Parameters, Result> {
  const { description, parameters, timeoutMs = defaultTimeoutMs, idempotent = false } = definition
  if (typeof description !== 'string' || description.trim() === '')
    throw new TypeError('"description" is empty: tell the model what the tool does')
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > maxTimeoutMs)
    throw new TypeError(`"timeoutMs" is ${timeoutMs}: give whole milliseconds from 1 to ${maxTimeoutMs}`)
  if (typeof idempotent !== 'boolean') throw new TypeError('"idempotent" is neither true nor false')
  if (typeof definition.run !== 'function') throw new TypeError('"run" is not a function')
  const tool: Tool<Parameters, Result> = {
    description,
    parameters,
    schema: schemaOf(parameters),
    timeoutMs,
    idempotent,
    run: async (args, context) => {
      const checked = await checkArguments(parameters, args)
      context.signal.throwIfAborted()
      return definition.run(checked, context)
    },
  }
  return Object.defineProperty(tool, mark, { value: true })
}

export function isTool(value: unknown): value is Tool {
  return typeof value === 'object' && value !== null && mark in value
}

/** What the model may write, which is what goes into the schema: defaults are left out there. */
function schemaOf(parameters: z.ZodType): Record<string, unknown> {
  let schema: Record<string, unknown>
  try {
    const { $schema, '~standard': _, ...rest } = z.toJSONSchema(parameters, { io: 'input' })
    schema = rest
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(`"parameters" cannot be told to the model as JSON Schema: ${reason}`, { cause })
  }
  if (schema.type !== 'object')
    throw new TypeError('"parameters" is not an object: use z.strictObject({ … })')
  return schema
}

/** Of arguments that do not fit so many fields are named to the model. */
const maxFaults = 8

async function checkArguments<Parameters extends z.ZodType>(
  parameters: Parameters,
  args: unknown,
): Promise<z.output<Parameters>> {
  const checked = await parameters.safeParseAsync(args)
  if (checked.success) return checked.data
  const faults = checked.error.issues.slice(0, maxFaults).map(({ path, message }) => {
    return path.length === 0 ? message : `"${path.join('.')}": ${message}`
  })
  throw new ToolError(faults.join('; '), { code: 'invalid_arguments' })
}

/** A context for tests, and what the tool did with it. */
export interface FakeContext extends ToolContext {
  /** What the tool emitted, in order. */
  readonly emitted: readonly { readonly name: string; readonly data: unknown }[]
  /** What the tool logged, in order. */
  readonly logged: readonly { readonly level: string; readonly message: string; readonly fields?: object }[]
}

export interface FakeContextOptions {
  readonly caller?: string
  /** What the conversation has stored so far. */
  readonly state?: object
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Makes a context for tests: `await tool.run({ sku: 'tea' }, fakeContext())`. The same limits hold as in a host.
 * `conversation.state` shows afterwards what the tool stored.
 */
export function fakeContext(options: FakeContextOptions = {}): FakeContext {
  const emitted: { name: string; data: unknown }[] = []
  const logged: { level: string; message: string; fields?: object }[] = []
  const line = (level: string) => (message: string, fields?: object) =>
    void logged.push({ level, message, ...(fields && { fields }) })
  const emissions = new Emissions(
    (name, data) => void emitted.push({ name, data: JSON.parse(data) }),
    () => line('warn')('More was emitted than a call may'),
  )
  return {
    caller: options.caller ?? 'anonymous',
    conversation: new StateChanges(JSON.stringify(options.state ?? {})),
    emit: (name, data) => emissions.emit(name, data),
    idempotencyKey: options.idempotencyKey ?? 'call_test',
    signal: options.signal ?? new AbortController().signal,
    log: { info: line('info'), warn: line('warn'), error: line('error') },
    env: options.env ?? {},
    emitted,
    logged,
  }
}
