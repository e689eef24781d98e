/**
 * Runs the tools of one assistant version in a process of their own. What a tool does to that process, by accident, is an
 * error for its call, or an interruption of the calls beside it; conversations go on. Tools are the operator's own code:
 * this contains accidents, not attackers.
 *
 * Worker threads do not do: buffers are outside their memory limit, a tool that kills its process ends all of them, and
 * they see the gateway's environment.
 */

import { join } from 'node:path'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { describeFault, enter, type FaultOwner } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'
import { maxArgumentsBytes, maxStateBytes } from '../resume/tool-journal.ts'
import { callFailed, type FailedCall } from './call-failed.ts'
import type { ProcessMessage, ToolFile } from './host-messages.ts'
import { HostProcess, type ProcessExit } from './host-process.ts'
import { LineBudget } from './line-budget.ts'
import type { ConversationState, ToolCall, ToolDescription, ToolResult, ToolRunner } from './runner.ts'
import { drainReserveMs, maxEmissions, maxEmittedBytes, maxMessageChars } from './tool-limits.ts'

export interface ToolHostOptions {
  /** Name of the assistant, and its version: in logs. */
  readonly assistant: string
  readonly version: string
  /** The assistant's folder (absolute path); its tools are in `tools/`. */
  readonly folder: string
  /** Names of the tools: `add_item` is `tools/add_item.ts`. */
  readonly tools: readonly string[]
  /** The variables that the assistant declares, with their values: the whole environment of its tools. */
  readonly env: Readonly<Record<string, string>>
  /** Resident memory of the process (bytes). */
  readonly memoryBytes: number
  /** Longest `timeoutMs` that a tool may have, so that a drain can wait for it (ms). */
  readonly longestTimeoutMs: number
  readonly log: Log
  readonly clock?: Clock
}

export interface ToolFault {
  /** Absolute path: of a tool's file, or of the assistant's folder. */
  readonly file: string
  readonly message: string
}

/** Tools that cannot be used. */
export class ToolHostError extends Error {
  readonly faults: readonly ToolFault[]

  constructor(faults: readonly ToolFault[]) {
    super(faults.map(({ file, message }) => `${file}: ${message}`).join('\n'))
    this.name = 'ToolHostError'
    this.faults = faults
  }
}

/** Calls that are answered at once; more are refused. */
const maxCalls = 256

/** A call waits so long for a process that is being replaced (ms). */
const maxWaitMs = 5000

/** A replay takes so long at most (ms). */
const replayMs = 2000

/** Between the end of a process and the start of the next. */
const restart: BackoffBounds = { firstMs: 100, lastMs: 10_000 }

/** A process that had its tools loaded for so long was well: the next failure is the first again (ms). */
const steadyMs = 10_000

/** Lines of tools in the log: a burst, and then so many a second. */
const logBurst = 100
const logsPerSecond = 20

/** One call, until it is answered. */
interface Running {
  readonly call: ToolCall
  /** JSON text. */
  readonly state: string
  /** The process that it was sent to; null while it waits for one. */
  child: HostProcess | null
  emissions: number
  emittedBytes: number
  answer(result: ToolResult): void
}

interface Replay {
  readonly child: HostProcess
  readonly resolve: (state: ConversationState) => void
  readonly reject: (fault: Error) => void
  readonly cancel: () => void
}

/**
 * Starts the process and loads the tools.
 * @throws ToolHostError with every tool that cannot be used, or when the process does not start
 */
export async function startToolHost(options: ToolHostOptions): Promise<ToolHost> {
  const host = new ToolHost(options)
  try {
    await host.started
    return host
  } catch (fault) {
    await host.close()
    throw fault
  }
}

export class ToolHost implements ToolRunner, FaultOwner {
  /** Resolves when the tools are loaded for the first time. */
  readonly started: Promise<void>
  #tools: readonly ToolDescription[] = []
  readonly #options: ToolHostOptions
  readonly #clock: Clock
  readonly #files: readonly ToolFile[]
  readonly #lines: LineBudget
  readonly #starting = Promise.withResolvers<void>()
  readonly #closing = Promise.withResolvers<void>()
  #phase: 'starting' | 'ready' | 'waiting' | 'closed' = 'starting'
  #child: HostProcess | null = null
  /** The file that the process loads now, or loaded last; null before the first. */
  #loading: string | null = null
  #readyAt = 0
  #failures = 0
  #cancelRestart: () => void = () => undefined
  #lastId = 0
  readonly #running = new Map<number, Running>()
  readonly #replays = new Map<number, Replay>()

  constructor(options: ToolHostOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#files = options.tools.map(name => ({ name, path: join(options.folder, 'tools', `${name}.ts`) }))
    this.#lines = new LineBudget({ burst: logBurst, perSecond: logsPerSecond }, this.#clock.monotonicNow)
    this.started = this.#starting.promise
    // Who only closes it does not wait for it.
    this.started.catch(() => undefined)
    this.#start()
  }

  get tools(): readonly ToolDescription[] {
    return this.#tools
  }

  /** Resident memory of the process at the last look (bytes). */
  get residentBytes(): number {
    return this.#child?.residentBytes ?? 0
  }

  /** What the process took since its tools were loaded (bytes). */
  get grownBytes(): number {
    return this.#child?.grownBytes ?? 0
  }

  /** Replaces the process, whose memory is needed: its calls are interrupted. */
  cut(): void {
    this.#child?.kill('over_budget')
  }

  run(call: ToolCall): Promise<ToolResult> {
    const state = JSON.stringify(call.state)
    const refusal = this.#refuse(call, state)
    if (refusal !== null) return Promise.resolve(refusal)
    const { promise, resolve } = Promise.withResolvers<ToolResult>()
    const id = ++this.#lastId
    const timeoutMs = this.#tools.find(({ name }) => name === call.name)?.timeoutMs ?? maxWaitMs
    const cancelTimeout = this.#clock.after(timeoutMs, () => this.#expire(id, timeoutMs))
    const cancelWait = this.#clock.after(maxWaitMs, () => this.#giveUpWaiting(id))
    const onAborted = () =>
      this.#stop(id, 'cancelled', callFailed('cancelled', 'Nobody waits for the result any more'))
    const answer = (result: ToolResult) => {
      cancelTimeout()
      cancelWait()
      call.signal.removeEventListener('abort', onAborted)
      this.#running.delete(id)
      resolve(result)
    }
    this.#running.set(id, { call, state, child: null, emissions: 0, emittedBytes: 0, answer })
    call.signal.addEventListener('abort', onAborted)
    if (this.#phase === 'ready') this.#send(id)
    return promise
  }

  /** Ends the process; calls that run are interrupted. */
  close(): Promise<void> {
    if (this.#phase === 'closed') return this.#closing.promise
    this.#phase = 'closed'
    this.#cancelRestart()
    this.#failStart('the host was closed before its tools were loaded')
    for (const { child, answer } of [...this.#running.values()])
      answer(
        child === null
          ? callFailed('tool_unavailable', 'The gateway is going away')
          : { kind: 'interrupted' },
      )
    if (this.#child === null) this.#closing.resolve()
    else this.#child.close()
    return this.#closing.promise
  }

  onFault(fault: unknown): void {
    this.#log('error', 'tool.host.failed', describeFault(fault))
  }

  #refuse(call: ToolCall, state: string): FailedCall | null {
    const { name } = call
    if (this.#phase === 'closed') return callFailed('tool_unavailable', 'The gateway is going away')
    if (!this.#tools.some(tool => tool.name === name)) {
      const known = this.#tools.map(tool => tool.name).join(', ')
      return callFailed('unknown_tool', `There is no tool "${name}"; there are: ${known}`)
    }
    if (Buffer.byteLength(call.arguments) > maxArgumentsBytes)
      return callFailed('invalid_arguments', `The arguments are over ${maxArgumentsBytes} bytes`)
    if (Buffer.byteLength(state) > maxStateBytes)
      return callFailed('state_too_large', `The conversation's state is over ${maxStateBytes} bytes`)
    if (call.signal.aborted) return callFailed('cancelled', 'Nobody waits for the result any more')
    if (this.#running.size >= maxCalls)
      return callFailed('too_many_calls', `${maxCalls} calls are being answered; try again`)
    return null
  }

  #send(id: number): void {
    const running = this.#running.get(id)
    const child = this.#child
    if (running === undefined || child === null) return
    const { call, state } = running
    const { name, idempotencyKey, caller } = call
    if (!child.send({ type: 'call', id, name, arguments: call.arguments, idempotencyKey, caller, state }))
      return running.answer(callFailed('too_many_calls', 'The process of the tools takes no more; try again'))
    running.child = child
    child.watch()
  }

  #expire(id: number, timeoutMs: number): void {
    const hasRun = this.#running.get(id)?.child !== null
    if (!hasRun) return this.#giveUpWaiting(id)
    const message = `The tool did not finish in ${timeoutMs} ms; it may have had effects`
    this.#stop(id, 'timeout', callFailed('timeout', message))
  }

  #giveUpWaiting(id: number): void {
    const running = this.#running.get(id)
    if (running?.child !== null) return
    running.answer(
      callFailed('tool_unavailable', 'The process of the tools is being replaced; it did not run'),
    )
  }

  /** Answers a call before its tool does. */
  #stop(id: number, reason: 'timeout' | 'cancelled', result: FailedCall): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    running.child?.send({ type: 'abort', id, reason })
    running.answer(result)
  }

  #start(): void {
    this.#phase = 'starting'
    this.#loading = null
    const child: HostProcess = new HostProcess({
      env: this.#options.env,
      memoryBytes: this.#options.memoryBytes,
      clock: this.#clock,
      heard: message => this.#hear(child, message),
      wrote: (stream, chunk) => this.#logOutput(stream, chunk),
      exited: exit => this.#exited(child, exit),
      isBusy: () => this.#running.size > 0,
      onFault: fault => this.onFault(fault),
    })
    this.#child = child
    child.send({ type: 'start', folder: this.#options.folder, files: this.#files })
  }

  #hear(child: HostProcess, message: ProcessMessage): void {
    if (message.type === 'loading') this.#loading = message.file
    else if (message.type === 'ready') this.#ready(message.tools)
    else if (message.type === 'refused') this.#refused(message.faults)
    else if (message.type === 'log') this.#logLine(message)
    else if (message.type === 'emit') this.#emit(message)
    else if (message.type === 'failed')
      this.#running.get(message.id)?.answer(callFailed(message.code, message.message))
    else if (message.type === 'done') this.#done(child, message)
    else if (message.type === 'replayed') this.#settleReplay(message.ask)?.resolve(JSON.parse(message.state))
    else if (message.type === 'not_replayed')
      this.#settleReplay(message.ask)?.reject(new Error(message.message))
  }

  #ready(tools: readonly ToolDescription[]): void {
    const { longestTimeoutMs } = this.#options
    const faults = tools
      .filter(({ timeoutMs }) => timeoutMs > longestTimeoutMs)
      .map(({ name, timeoutMs }) => {
        const file = this.#files.find(file => file.name === name)?.path ?? name
        return {
          file,
          message: `"timeoutMs" is ${timeoutMs}, more than the ${longestTimeoutMs} ms that a drain waits for it; set DRAIN_DEADLINE_MS to ${timeoutMs + drainReserveMs} or more, or shorten "timeoutMs"`,
        }
      })
    if (faults.length > 0) return this.#refused(faults)
    if (this.#phase !== 'starting') return
    this.#phase = 'ready'
    this.#readyAt = this.#clock.monotonicNow()
    this.#tools = tools
    this.#log('info', 'tool.host.started', { pid: this.#child?.pid, tools: tools.length })
    this.#starting.resolve()
    for (const id of [...this.#running.keys()]) this.#send(id)
  }

  /** At the first start it is told to who starts the host; later it is logged, and the process tried again. */
  #refused(faults: readonly ToolFault[]): void {
    this.#starting.reject(new ToolHostError(faults))
    this.#log('error', 'tool.host.failed', {
      faults: faults.map(({ file, message }) => `${file}: ${message}`),
    })
  }

  #failStart(message: string, file = this.#options.folder): void {
    this.#starting.reject(new ToolHostError([{ file, message }]))
  }

  #endedEarly({ end, code }: ProcessExit): void {
    const how = code === null ? end : `${end}, code ${code}`
    if (this.#loading === null) this.#failStart(`the process ended before the tools were loaded (${how})`)
    else this.#failStart(`its process ended while it was loaded (${how})`, this.#loading)
  }

  #done(child: HostProcess, { id, output, changed }: Extract<ProcessMessage, { type: 'done' }>): void {
    const update = changed ? (newest: ConversationState) => this.#replay(child, id, newest) : null
    this.#running.get(id)?.answer({ kind: 'done', output, update })
  }

  #replay(child: HostProcess, id: number, newest: ConversationState): Promise<ConversationState> {
    const { promise, resolve, reject } = Promise.withResolvers<ConversationState>()
    const ask = ++this.#lastId
    const late = () => this.#settleReplay(ask)?.reject(new Error('The changes were not made again in time'))
    const cancel = this.#clock.after(replayMs, late)
    this.#replays.set(ask, { child, resolve, reject, cancel })
    if (!child.send({ type: 'replay', id, ask, state: JSON.stringify(newest) }))
      this.#settleReplay(ask)?.reject(gone())
    else child.watch()
    return promise
  }

  #settleReplay(ask: number): Replay | undefined {
    const replay = this.#replays.get(ask)
    replay?.cancel()
    this.#replays.delete(ask)
    return replay
  }

  #emit({ id, name, data }: Extract<ProcessMessage, { type: 'emit' }>): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    running.emissions += 1
    running.emittedBytes += Buffer.byteLength(data)
    if (running.emissions > maxEmissions || running.emittedBytes > maxEmittedBytes) return
    enter(this, () => running.call.emit(name, JSON.parse(data)))
  }

  #exited(child: HostProcess, exit: ProcessExit): void {
    this.#child = null
    const interrupted = [...this.#running.values()].filter(running => running.child === child)
    for (const { answer } of interrupted) answer({ kind: 'interrupted' })
    for (const [ask, replay] of [...this.#replays])
      if (replay.child === child) this.#settleReplay(ask)?.reject(gone())
    this.#log(this.#phase === 'closed' ? 'info' : 'error', 'tool.host.ended', {
      pid: child.pid,
      ...exit,
      interrupted: interrupted.length,
    })
    if (this.#phase === 'closed') return this.#closing.resolve()
    this.#endedEarly(exit)
    const wasSteady = this.#phase === 'ready' && this.#clock.monotonicNow() - this.#readyAt >= steadyMs
    this.#failures = wasSteady ? 1 : this.#failures + 1
    this.#phase = 'waiting'
    const waitMs = backoffMs(restart, this.#failures, this.#clock.random)
    this.#cancelRestart = this.#clock.after(waitMs, () => enter(this, () => this.#start()))
  }

  #logLine({ tool, level, message, fields }: Extract<ProcessMessage, { type: 'log' }>): void {
    const line = { tool, message, ...(fields !== undefined && { fields }) }
    this.#lines.take(dropped => this.#log(level, 'tool.log', { ...line, ...(dropped > 0 && { dropped }) }))
  }

  #logOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    for (const line of chunk.toString('utf8', 0, maxOutputChunk).split('\n')) {
      if (line.trim() === '') continue
      const text = line.slice(0, maxMessageChars)
      this.#lines.take(dropped => {
        this.#log('info', 'tool.output', { stream, message: text, ...(dropped > 0 && { dropped }) })
      })
    }
  }

  #log(level: 'info' | 'warn' | 'error', event: Parameters<Log['info']>[0], fields: object): void {
    const { assistant, version, log } = this.#options
    log[level](event, { assistant, version, ...fields })
  }
}

/** Of a chunk of output so much is looked at (bytes). */
const maxOutputChunk = 16 * 1024

const gone = () => new Error('The process of the tool is gone')
