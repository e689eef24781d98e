/** One process of a tool host, from its start to its exit, as the gateway sees it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { type FileHandle, open } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { execPath, kill } from 'node:process'
import type { Duplex, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../core/clock.ts'
import { enter, type FaultOwner } from '../core/fault-boundary.ts'
import {
  FramePipe,
  type HostMessage,
  maxUnsentBytes,
  type ProcessMessage,
  pipeFd,
  readProcessMessage,
} from './host-messages.ts'

/** Why a process ended. */
export type ProcessEnd =
  /** By itself: a tool ended it, or an error was thrown outside of a call. */
  | 'exited'
  /** It did not answer a ping in time, as when a tool computes without end. */
  | 'unresponsive'
  /** It took more memory than it may. */
  | 'over_memory'
  /** The gateway and all processes of tools together took more than they may, and it grew the most. */
  | 'over_budget'
  /** It sent what is no message. */
  | 'broke_protocol'
  /** It did not load its tools in time. */
  | 'start_timeout'
  /** The host was closed. */
  | 'closed'

export interface ProcessExit {
  readonly end: ProcessEnd
  /** null after a signal, and for a process that the system could not start. */
  readonly code: number | null
  readonly signal: string | null
}

export interface HostProcessOptions {
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** Resident memory that it may take (bytes). */
  readonly memoryBytes: number
  readonly clock: Clock
  /** Gets each message but pongs. */
  heard(message: ProcessMessage): void
  /** Gets what the tools write to standard output and error. */
  wrote(stream: 'stdout' | 'stderr', chunk: Buffer): void
  /** Last, once. */
  exited(exit: ProcessExit): void
  /** Whether calls run: the process is watched closely then. */
  isBusy(): boolean
  readonly onFault: FaultOwner['onFault']
}

const program = fileURLToPath(new URL('./tool-process.ts', import.meta.url))

/** Nice value: what serves conversations comes first. */
const niceness = 10

/** A ping that has no answer for so long ends the process (ms). */
const silenceMs = 1000
/** Between an answer and the next ping while calls run (ms). */
const pingEveryMs = 250
/** How often memory and silence are looked at: while calls run, and else (ms). */
const busyCheckMs = 50
const idleCheckMs = 1000

/** From the start until the tools are loaded (ms). */
const startMs = 30_000

/** A process that was asked to end has so long to do it (ms). */
const endMs = 500

/** What an ended process had written is read for so long (ms). */
const lastWordsMs = 200

/** Output beyond this in one window waits in the process, which waits too (bytes, ms). */
const maxOutputBytes = 256 * 1024
const outputWindowMs = 250

export class HostProcess implements FaultOwner {
  readonly onFault: FaultOwner['onFault']
  readonly #options: HostProcessOptions
  readonly #child: ChildProcess
  readonly #pipe: FramePipe | null
  readonly #cancelStart: () => void
  #isReady = false
  #end: ProcessEnd = 'exited'
  #isOver = false
  #cancelCheck: () => void = () => undefined
  /** When the next look is due; infinite while none is (ms that only go forward). */
  #checkDueAt = Number.POSITIVE_INFINITY
  #checkedAt: number
  /** Since the ping that has no answer yet, as far as this process itself was running (ms); null: none is out. */
  #silentMs: number | null = null
  #pongAt = 0
  /** One file for all looks, of which two may be under way at once. */
  #status: Promise<FileHandle> | null = null
  #residentBytes = 0
  #startBytes: number | null = null

  constructor(options: HostProcessOptions) {
    this.#options = options
    this.onFault = options.onFault
    const { env, memoryBytes, clock } = options
    this.#checkedAt = clock.monotonicNow()
    const heapMb = Math.ceil(memoryBytes / (1024 * 1024))
    // A group of its own: what the tools start ends with it, and a terminal's Ctrl+C does not reach it.
    this.#child = spawn(execPath, [`--max-old-space-size=${heapMb}`, program], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...Array.from({ length: pipeFd - 2 }, () => 'pipe' as const)],
    })
    const { pid, stdio } = this.#child
    this.#child.on('exit', (code, signal) => enter(this, () => this.#ending(code, signal)))
    this.#child.on('close', (code, signal) => enter(this, () => this.#exited(code, signal)))
    // Without a pid the system could not start it, and no exit follows.
    this.#child.on('error', () => pid === undefined && enter(this, () => this.#exited(null, null)))
    this.#pipe = pid === undefined ? null : this.#listen(stdio[pipeFd] as Duplex)
    this.#cancelStart = clock.after(startMs, () => this.kill('start_timeout'))
    if (pid === undefined) return
    lowerPriority(pid)
    for (const stream of ['stdout', 'stderr'] as const) this.#readOutput(stream)
    this.#scheduleCheck()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resident memory at the last look; 0 where it is not known, and when it has ended (bytes). */
  get residentBytes(): number {
    return this.#isOver ? 0 : this.#residentBytes
  }

  /** What it took since its tools were loaded (bytes). */
  get grownBytes(): number {
    return Math.max(0, this.residentBytes - (this.#startBytes ?? this.#residentBytes))
  }

  /** @returns false when it is too large, or the process takes no more */
  send(message: HostMessage): boolean {
    return !this.#isOver && (this.#pipe?.send(message, maxUnsentBytes) ?? false)
  }

  /** A call begins: the next look comes soon. */
  watch(): void {
    this.#scheduleCheck()
  }

  /** Ends it at once, with what it started. Safe to call twice. */
  kill(end: ProcessEnd): void {
    if (this.#isOver) return
    if (this.#end === 'exited') this.#end = end
    this.#killGroup()
  }

  /** Lets it end by itself for a moment, then at once. Safe to call twice. */
  close(): void {
    if (this.#isOver || this.#end === 'closed') return
    this.#end = 'closed'
    ;(this.#child.stdio[pipeFd] as Duplex | undefined)?.end()
    this.#options.clock.after(endMs, () => this.kill('closed'))
  }

  #listen(pipe: Duplex): FramePipe {
    const broke = () => this.kill('broke_protocol')
    const hear = (text: string) => {
      let message: ProcessMessage
      try {
        message = readProcessMessage(text)
      } catch {
        return broke()
      }
      if (message.type === 'ready') this.#ready()
      if (message.type === 'pong') this.#ponged()
      else enter(this, () => this.#options.heard(message))
    }
    return new FramePipe(pipe, hear, broke)
  }

  #readOutput(stream: 'stdout' | 'stderr'): void {
    const output = this.#child[stream] as Readable
    let windowAt = 0
    let bytes = 0
    output.on('error', () => undefined)
    output.on('data', (chunk: Buffer) => {
      const now = this.#options.clock.monotonicNow()
      if (now - windowAt >= outputWindowMs) [windowAt, bytes] = [now, 0]
      bytes += chunk.length
      enter(this, () => this.#options.wrote(stream, chunk))
      if (bytes < maxOutputBytes) return
      output.pause()
      this.#options.clock.after(outputWindowMs, () => output.resume())
    })
  }

  /** Brings the next look forward, and never postpones it: calls in a row would do so for as long as they come. */
  #scheduleCheck(givenMs?: number): void {
    const { clock } = this.#options
    const isClose = this.#silentMs !== null || this.#options.isBusy()
    const afterMs = givenMs ?? (isClose ? busyCheckMs : idleCheckMs)
    const dueAt = clock.monotonicNow() + afterMs
    if (dueAt >= this.#checkDueAt) return
    this.#cancelCheck()
    this.#checkDueAt = dueAt
    this.#cancelCheck = clock.after(afterMs, () => enter(this, () => this.#check()))
  }

  async #check(): Promise<void> {
    this.#checkDueAt = Number.POSITIVE_INFINITY
    const { clock, memoryBytes } = this.#options
    const now = clock.monotonicNow()
    // While this process itself was held up, or the machine asleep, nobody could be heard.
    const passed = Math.min(now - this.#checkedAt, 2 * busyCheckMs)
    this.#checkedAt = now
    if (this.#silentMs !== null) {
      this.#silentMs += passed
      if (this.#silentMs > silenceMs) return this.kill('unresponsive')
    } else if (this.#isReady && now - this.#pongAt >= pingEveryMs && this.send({ type: 'ping' })) {
      this.#silentMs = 0
    }
    const resident = await this.#readResidentBytes()
    if (this.#isOver) return
    this.#residentBytes = resident
    if (this.#isReady && resident > 0) this.#startBytes ??= resident
    if (resident > memoryBytes) return this.kill('over_memory')
    this.#scheduleCheck()
  }

  #ready(): void {
    this.#isReady = true
    this.#cancelStart()
    this.#scheduleCheck(0)
  }

  #ponged(): void {
    this.#silentMs = null
    this.#pongAt = this.#options.clock.monotonicNow()
  }

  /**
   * Reads the resident memory (bytes), on Linux; 0 where it is not known.
   * `status` says it in kB, `statm` in pages, whose size differs between machines (proc_pid_status(5)).
   */
  async #readResidentBytes(): Promise<number> {
    try {
      this.#status ??= open(`/proc/${this.#child.pid}/status`)
      const status = await this.#status
      const { buffer, bytesRead } = await status.read(Buffer.allocUnsafe(4096), 0, 4096, 0)
      const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(buffer.toString('latin1', 0, bytesRead))?.[1]
      return Number(kilobytes ?? 0) * 1024
    } catch {
      return 0
    } finally {
      if (this.#isOver) this.#closeStatus()
    }
  }

  #closeStatus(): void {
    this.#status?.then(status => status.close()).catch(() => undefined)
    this.#status = null
  }

  /** What it wrote before it ended may not be read yet. */
  #ending(code: number | null, signal: string | null): void {
    this.#killGroup()
    for (const stream of ['stdout', 'stderr'] as const) this.#child[stream]?.resume()
    this.#options.clock.after(lastWordsMs, () => enter(this, () => this.#exited(code, signal)))
  }

  #exited(code: number | null, signal: string | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelCheck()
    this.#cancelStart()
    this.#closeStatus()
    // A process that left the group may hold the other ends: it is not heard any more.
    for (const stream of this.#child.stdio) stream?.destroy()
    this.#options.exited({ end: this.#end, code, signal })
  }

  /** What the tools started ends with it. */
  #killGroup(): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      kill(-pid, 'SIGKILL')
    } catch {
      // Nothing is left of it.
    }
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, niceness)
  } catch {
    // It has ended already.
  }
}
