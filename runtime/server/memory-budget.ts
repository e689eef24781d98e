/**
 * The memory that this process and the processes of its tools may use together: new sessions are refused near it, and
 * above it whoever took the most is ended first, so that the kernel never has to end all of them.
 *
 * | memory in use         | new sessions           | open sessions and processes of tools               |
 * |-----------------------|------------------------|----------------------------------------------------|
 * | below 80 %            | welcome                | –                                                  |
 * | from 85 %, until 80 % | 503 `memory_exhausted` | –                                                  |
 * | above 100 %           | 503 `memory_exhausted` | those that took the most end, until 90 % is in use |
 *
 * A session took what it holds; a process of tools, which is replaced, what it has beyond its size at its start.
 *
 * In use is resident memory, but an allocator keeps part of what was given back, and uses it again (glibc, mallopt(3):
 * `MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`). Up to 100 % new sessions are therefore refused only while what is
 * accounted for (the heap, what sessions hold, a fixed cost of each, processes of tools) takes 70 % too. Above it,
 * nobody else is ended for memory that does not come back; once it is level for 2 s, up to a quarter of the budget no
 * longer counts as in use.
 *
 * Nothing is counted per message: resident memory is read at an interval, and what a session holds is asked of it only
 * when one has to end. What native code holds of a message that is not complete cannot be asked for.
 */
import { totalmem } from 'node:os'
import { constrainedMemory } from 'node:process'
import { GatewayError } from '../core/errors.ts'
import { enterLater, type FaultOwner } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'

/** What may have to give its memory back. */
export interface Holder {
  readonly id: string
  /** What is kept for it (bytes): waiting for the client, for upstream, or for a conversation to begin. */
  held(): number
  /** Ends it at once; what waits for the client is lost. */
  cut(error: GatewayError): void
}

/** A process beside this one whose memory counts. */
export interface ToolProcess {
  /** At the last look; 0 where it is not known. */
  readonly residentBytes: number
  /** What it took since its start (bytes). */
  readonly grownBytes: number
  /** Ends it at once; another one takes its place. */
  cut(): void
}

export interface MemoryBudgetOptions {
  /** 0: no limit (bytes). */
  readonly budgetBytes: number
  /** Resident memory of this process (bytes). */
  readonly residentBytes: () => number
  /** What V8 has for its heap, and for buffers outside it (bytes). */
  readonly heapBytes: () => number
  /** Those that run tools now; none by default. */
  readonly toolProcesses?: () => readonly ToolProcess[]
  /** Time that only goes forward (ms). */
  readonly monotonicNow: () => number
  readonly log: Log
}

/** Of the container's memory, or the machine's: the rest is the kernel's, for sockets, and the supervisor's. */
export const defaultBudgetPart = 0.75

/** A process that has less than this above what it took at its start could serve nobody (bytes). */
const leastRoomBytes = 64 * 1024 * 1024

/** What a process of tools takes once they are loaded, before any of them runs (bytes). */
const toolProcessBytes = 64 * 1024 * 1024

/** Parts of the budget: new sessions are refused, are welcome again; what ending sessions aims at. */
const nearPart = 0.85
const calmPart = 0.8
const aimPart = 0.9

/** Parts of the budget that must be accounted for while new sessions are refused. */
const neededNearPart = 0.7
const neededCalmPart = 0.65

/** Native memory grows in steps: what is held takes up to this many times its bytes. */
const heldFactor = 1.5

/** Native memory of one session: two sockets, with TLS (bytes). */
const sessionBytes = 64 * 1024

/** Who holds less is never ended: to end it would not help (bytes). */
const leastHeldBytes = 64 * 1024

/** A process of tools that grew by less is not ended: another one would soon be as large (bytes). */
const leastGrownBytes = 32 * 1024 * 1024

/** Of the budget: growth of resident memory that is none, and what at most may be kept by the allocator. */
const levelPart = 0.01
const retainedPart = 0.25

/** Resident memory that is level for so long is not on its way back (ms). */
const levelMs = 2000

/** How often resident memory is read (ms). Each read wakes an idle process: some 0.15 ms of CPU. */
const sampleMs = 100
/** The same while no more than `farPart` of the budget is in use: no flood fills the rest in that time. */
const farSampleMs = 500
const farPart = 0.5

/** What an ended session held counts as free already, as long as its memory may take to come back (ms). */
const comesBackMs = 1000

/** What a client that is refused is told to wait (ms). */
const retryAfterMs = 5000

const mebibyte = 1024 * 1024

/**
 * Decides how much one process may use.
 * @param asked bytes for all processes together; 0 is no limit; null takes a part of the container's memory, or of the machine's
 * @param processes how many share it
 * @param startBytes what this process took at its start
 * @param tools how many processes of tools it has
 * @returns bytes; 0 is no limit
 */
export function budgetOf(
  asked: number | null,
  processes: number,
  startBytes: number,
  tools = 0,
  machine = availableBytes(),
): number {
  if (asked === 0) return 0
  const share = Math.floor((asked ?? machine * defaultBudgetPart) / processes)
  const least = startBytes + tools * toolProcessBytes + leastRoomBytes
  return Math.max(share, Math.ceil(least / nearPart))
}

/** The limit of the container (cgroup), or the memory of the machine where that is less (bytes). */
function availableBytes(): number {
  const limit = constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

export class MemoryBudget implements FaultOwner {
  readonly #options: MemoryBudgetOptions
  readonly #holders = new Set<Holder>()
  #timer: NodeJS.Timeout | null = null
  #state: 'calm' | 'near' = 'calm'
  #isStopped = false
  #residentBytes = 0
  /** Of those, what the allocator keeps though nobody uses it. */
  #retainedBytes = 0
  /** The least since resident memory last grew, and when that was. */
  #level = { bytes: 0, since: 0 }
  /** What the process takes without its heap and without sessions. */
  readonly #baseBytes: number
  /** What sessions held that were ended a moment ago. */
  #released: { readonly bytes: number; readonly until: number }[] = []

  constructor(options: MemoryBudgetOptions) {
    this.#options = options
    this.#baseBytes = options.residentBytes() - options.heapBytes()
    this.#sampleLater(sampleMs)
  }

  add(holder: Holder): void {
    this.#holders.add(holder)
  }

  remove(holder: Holder): void {
    this.#holders.delete(holder)
  }

  /** What is held for all sessions together (bytes). */
  heldBytes(): number {
    let bytes = 0
    for (const holder of this.#holders) bytes += holder.held()
    return bytes
  }

  /** Why new sessions are not welcome; null while they are. */
  unavailable(): string | null {
    if (this.#state === 'calm') return null
    const used = Math.round(this.#residentBytes / mebibyte)
    return `Memory is nearly exhausted: ${used} of ${Math.round(this.#options.budgetBytes / mebibyte)} MiB (MEMORY_BUDGET_MB) are in use`
  }

  /** The refusal of a new session; null while sessions are welcome. */
  refusal(): GatewayError | null {
    if (this.#state === 'calm') return null
    const message = 'This replica has no memory left for another session; try again later'
    return new GatewayError('memory_exhausted', message, { retryAfterMs })
  }

  /** Reads the memory in use, and acts on it. */
  sample(): void {
    const { budgetBytes, residentBytes, log } = this.#options
    if (budgetBytes === 0) return
    const toolBytes = this.#toolBytes()
    this.#residentBytes = residentBytes() + toolBytes
    if (this.#state === 'calm' && this.#residentBytes < budgetBytes * nearPart) {
      this.#retainedBytes = 0
      this.#level.bytes = this.#residentBytes
      return
    }
    const needed = this.#neededBytes()
    const hasGrown = this.#followLevel(needed)
    const used = this.#residentBytes - this.#retainedBytes
    const isOver = used > budgetBytes
    if (
      this.#state === 'calm' &&
      (isOver || (used >= budgetBytes * nearPart && needed >= budgetBytes * neededNearPart))
    ) {
      this.#state = 'near'
      const sessions = this.#holders.size
      log.warn('memory.near', { residentBytes: this.#residentBytes, toolBytes, budgetBytes, sessions })
    } else if (
      this.#state === 'near' &&
      (used < budgetBytes * calmPart || (!isOver && needed < budgetBytes * neededCalmPart))
    ) {
      this.#state = 'calm'
      log.info('memory.calm', { residentBytes: this.#residentBytes, budgetBytes })
    }
    if (isOver && (hasGrown || needed > budgetBytes * aimPart)) this.#relieve(used)
  }

  /** Safe to call twice. */
  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #sampleLater(ms: number): void {
    const { budgetBytes } = this.#options
    if (budgetBytes === 0 || this.#isStopped) return
    this.#timer = enterLater(this, ms, () => {
      // First, so that a sample that fails is not the last.
      this.#sampleLater(this.#residentBytes > budgetBytes * farPart ? sampleMs : farSampleMs)
      this.sample()
    }).unref()
  }

  onFault(fault: unknown): void {
    this.#options.log.error('memory.failed', { error: String(fault) })
  }

  /** What is accounted for (bytes). */
  #neededBytes(): number {
    const sessions = this.#holders.size * sessionBytes + this.heldBytes() * heldFactor
    return this.#baseBytes + this.#options.heapBytes() + this.#toolBytes() + sessions
  }

  /**
   * Decides what of resident memory nobody uses.
   * @param needed what is accounted for (bytes)
   * @returns whether resident memory has grown
   */
  #followLevel(needed: number): boolean {
    const { budgetBytes, monotonicNow } = this.#options
    const now = monotonicNow()
    const resident = this.#residentBytes
    const hasGrown = resident > this.#level.bytes + budgetBytes * levelPart
    if (hasGrown) this.#level = { bytes: resident, since: now }
    else this.#level.bytes = Math.min(this.#level.bytes, resident)
    const unaccounted = Math.max(0, resident - needed)
    const isLevel = now - this.#level.since >= levelMs && needed < budgetBytes * neededCalmPart
    this.#retainedBytes = isLevel
      ? Math.min(unaccounted, budgetBytes * retainedPart)
      : Math.min(unaccounted, this.#retainedBytes)
    return hasGrown
  }

  #toolBytes(): number {
    return this.#toolProcesses().reduce((sum, { residentBytes }) => sum + residentBytes, 0)
  }

  #toolProcesses(): readonly ToolProcess[] {
    return this.#options.toolProcesses?.() ?? []
  }

  /** Ends whoever took the most, until what they took is as much as is missing. */
  #relieve(used: number): void {
    const { budgetBytes, monotonicNow } = this.#options
    const now = monotonicNow()
    this.#released = this.#released.filter(({ until }) => until > now)
    const coming = this.#released.reduce((sum, { bytes }) => sum + bytes, 0)
    let missing = used - coming - budgetBytes * aimPart
    if (used - coming <= budgetBytes) return
    const sessions = [...this.#holders]
      .map(holder => ({ bytes: holder.held(), holder }))
      .filter(({ bytes }) => bytes >= leastHeldBytes)
      .map(({ bytes, holder }) => ({ bytes, end: () => this.#endSession(holder, bytes) }))
    const processes = this.#toolProcesses()
      .filter(({ grownBytes }) => grownBytes >= leastGrownBytes)
      .map(process => ({ bytes: process.grownBytes, end: () => process.cut() }))
    const greediest = [...sessions, ...processes].sort((a, b) => b.bytes - a.bytes)
    for (const { bytes, end } of greediest) {
      if (missing <= 0) break
      missing -= bytes
      this.#released.push({ bytes, until: now + comesBackMs })
      end()
    }
  }

  #endSession(holder: Holder, bytes: number): void {
    this.#options.log.warn('memory.session_ended', { connection: holder.id, heldBytes: bytes })
    holder.cut(outOfMemory(bytes))
  }
}

function outOfMemory(bytes: number): GatewayError {
  const message = `This replica ran out of memory, and ${bytes} bytes waited for this session; read and send at the pace of the conversation`
  return new GatewayError('memory_exhausted', message)
}
