/**
 * The process that runs the tools of one assistant version: loads their files, answers calls, many at once.
 * It is the program of a process of its own, and touches `process` for that reason. Its environment holds the
 * variables that the assistant declares and nothing else; what it says to the gateway goes through one pipe.
 */

import { existsSync } from 'node:fs'
import { Socket } from 'node:net'
import { pathToFileURL } from 'node:url'
import { describeFault } from '../core/fault-boundary.ts'
import { maxOutputBytes } from '../resume/tool-journal.ts'
import { Emissions, StateChanges } from './call-effects.ts'
import { isTool, type Tool, type ToolContext, type ToolLog } from './define-tool.ts'
import { FramePipe, type HostMessage, type ProcessMessage, pipeFd, type ToolFile } from './host-messages.ts'
import './resolve-tools.ts'
import { isToolErrorCode, ToolError } from './tool-error.ts'
import { maxMessageChars } from './tool-limits.ts'

type Message<Type extends HostMessage['type']> = Extract<HostMessage, { type: Type }>

/** How long the changes of a call that is done can be made again (ms), and of how many calls. */
const changesKeptMs = 60_000
const maxChangesKept = 4096

/** Of a line of a tool's log, and of its fields as JSON (characters). The gateway cuts again. */
const maxLogChars = 1024

/** Lines are dropped while more than this waits to be sent (bytes): answers are not held up by a flood of lines. */
const maxUnsentLogBytes = 256 * 1024

const tools = new Map<string, Tool>()
const running = new Map<number, AbortController>()
const changesOf = new Map<number, StateChanges>()
const env: Readonly<Record<string, string>> = Object.freeze({ ...process.env } as Record<string, string>)

const socket = new Socket({ fd: pipeFd, readable: true, writable: true })
const pipe = new FramePipe(
  socket,
  text => hear(JSON.parse(text) as HostMessage),
  () => process.exit(1),
)
// The gateway is gone, or wants this process gone: modules that listen to `exit` hear of it.
socket.on('close', () => process.exit(0))
// A terminal's Ctrl+C is for the gateway, which ends this process when its conversations have ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
// A promise that nobody awaits broke off nothing else.
process.on('unhandledRejection', fault => logFault('A promise that nobody awaits was rejected', fault))
process.on('uncaughtException', fault => {
  logFault('The process ends: an error was thrown outside of a call', fault)
  socket.end(() => process.exit(1))
})

function say(message: ProcessMessage, maxUnsent?: number): boolean {
  return pipe.send(message, maxUnsent)
}

function hear(message: HostMessage): void {
  if (message.type === 'ping') say({ type: 'pong' })
  else if (message.type === 'call') void answer(message)
  else if (message.type === 'abort') abort(message)
  else if (message.type === 'replay') replay(message)
  else void load(message)
}

async function load({ folder, files }: Message<'start'>): Promise<void> {
  const faults: { file: string; message: string }[] = []
  for (const file of files) {
    say({ type: 'loading', file: file.path })
    const fault = await loadTool(file)
    if (fault !== null) faults.push({ file: file.path, message: fault.slice(0, maxMessageChars) })
  }
  if (faults.length > 0) {
    say({ type: 'refused', faults })
    socket.end(() => process.exit(1))
    return
  }
  const described = [...tools].map(([name, { description, schema, timeoutMs, idempotent }]) => {
    return { name, description, parameters: schema, timeoutMs, idempotent }
  })
  if (!say({ type: 'ready', tools: described })) {
    const message = 'the descriptions of the tools are too long'
    say({ type: 'refused', faults: [{ file: folder, message }] })
    socket.end(() => process.exit(1))
  }
}

/** @returns what is wrong with the file; null when it is good */
async function loadTool({ name, path }: ToolFile): Promise<string | null> {
  if (!existsSync(path)) return 'there is no such file'
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown }
    if (!isTool(module.default))
      return 'its default export is no tool; write `export default defineTool({ … })`'
    tools.set(name, module.default)
    return null
  } catch (fault) {
    return describe(fault)
  }
}

async function answer(call: Message<'call'>): Promise<void> {
  const { id, name } = call
  const aborting = new AbortController()
  const changes = new StateChanges(call.state)
  running.set(id, aborting)
  try {
    const tool = tools.get(name)
    if (tool === undefined) throw new ToolError(`There is no tool "${name}"`, { code: 'unknown_tool' })
    const result = await tool.run(parseArguments(call.arguments), contextOf(call, changes, aborting.signal))
    const output = textOf(result)
    // Who was told that it failed asks for no changes.
    if (changes.changed && !aborting.signal.aborted) keep(id, changes)
    say({ type: 'done', id, output, changed: changes.changed })
  } catch (fault) {
    sayFailed(call, fault)
  } finally {
    running.delete(id)
  }
}

function contextOf(call: Message<'call'>, changes: StateChanges, signal: AbortSignal): ToolContext {
  const { id, name, caller, idempotencyKey } = call
  const line = (level: 'info' | 'warn' | 'error') => (message: string, fields?: object) =>
    log(level, String(message), { tool: name, fields })
  const lines: ToolLog = { info: line('info'), warn: line('warn'), error: line('error') }
  const emissions = new Emissions(
    (event, data) => void say({ type: 'emit', id, name: event, data }),
    () => lines.warn('More was emitted than a call may; the rest of its events are dropped'),
  )
  return {
    caller,
    conversation: changes,
    emit: (event, data) => emissions.emit(event, data),
    idempotencyKey,
    signal,
    log: lines,
    env,
  }
}

function parseArguments(text: string): never {
  try {
    // A model calls a tool without parameters with nothing at all.
    return JSON.parse(text.trim() === '' ? '{}' : text) as never
  } catch {
    throw new ToolError('The arguments are not valid JSON', { code: 'invalid_arguments' })
  }
}

/** @throws ToolError `invalid_output` */
function textOf(result: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(result ?? null)
  } catch (cause) {
    throw new ToolError('The tool returned what JSON cannot carry', { code: 'invalid_output', cause })
  }
  if (text === undefined)
    throw new ToolError('The tool returned what JSON cannot carry', { code: 'invalid_output' })
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxOutputBytes) return text
  throw new ToolError(`The tool returned ${bytes} bytes, more than ${maxOutputBytes}`, {
    code: 'invalid_output',
  })
}

function sayFailed({ id, name }: Message<'call'>, fault: unknown): void {
  try {
    sayReadable(id, name, fault)
  } catch {
    // Whatever was thrown throws when it is looked at.
    say({ type: 'failed', id, code: 'tool_failed', message: 'The tool failed' })
  }
}

function sayReadable(id: number, name: string, fault: unknown): void {
  const isTold = fault instanceof ToolError
  if (!isTold) logFault('The tool failed', fault, name)
  // The gateway ends a process that says what it cannot read, and tools need not be checked by types.
  const code = isTold && isToolErrorCode(fault.code) ? fault.code : 'tool_failed'
  const message = isTold ? String(fault.message).slice(0, maxMessageChars) : 'The tool failed'
  say({ type: 'failed', id, code, message })
}

function abort({ id, reason }: Message<'abort'>): void {
  const [name, message] =
    reason === 'timeout'
      ? ['TimeoutError', 'The tool did not finish in its time']
      : ['AbortError', 'Nobody waits for the result any more']
  running.get(id)?.abort(new DOMException(message, name))
}

function keep(id: number, changes: StateChanges): void {
  changesOf.set(id, changes)
  const [oldest] = changesOf.keys()
  if (changesOf.size > maxChangesKept && oldest !== undefined) changesOf.delete(oldest)
  setTimeout(() => changesOf.delete(id), changesKeptMs).unref()
}

function replay({ id, ask, state }: Message<'replay'>): void {
  try {
    const changes = changesOf.get(id)
    if (changes === undefined) throw new Error('The changes are not kept any more')
    say({ type: 'replayed', ask, state: changes.replay(state) })
  } catch (fault) {
    logFault('A change of the conversation failed when it was made again', fault)
    say({ type: 'not_replayed', ask, message: describe(fault).slice(0, maxMessageChars) })
  }
}

function log(
  level: 'info' | 'warn' | 'error',
  message: string,
  { tool, fields }: { tool?: string | undefined; fields?: object | undefined },
): void {
  let text: string | undefined
  try {
    text = fields === undefined ? undefined : JSON.stringify(fields).slice(0, maxLogChars)
  } catch {
    text = 'fields that JSON cannot carry'
  }
  const line = { level, message: message.slice(0, maxLogChars) }
  const about = { ...(tool !== undefined && { tool }), ...(text !== undefined && { fields: text }) }
  say({ type: 'log', ...line, ...about }, maxUnsentLogBytes)
}

/** What a tool threw may quote what was said: its message is left out. */
function logFault(message: string, fault: unknown, tool?: string): void {
  log('error', message, { tool, fields: describeFault(fault) })
}

function describe(fault: unknown): string {
  try {
    return fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
  } catch {
    return 'it threw what has no text'
  }
}
