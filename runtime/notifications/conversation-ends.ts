/**
 * Conversations that can be resumed end when nobody has come back in time. Each stands in the store with the moment at
 * which it is over and its summary so far; whichever replica finds it there after that moment tells its end. So a
 * conversation whose process was killed has an end, too.
 */
import { GatewayError } from '../core/errors.ts'
import { describeFault, type FaultOwner } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'
import type { Store } from '../store/store.ts'

export interface ConversationEndsOptions {
  readonly store: Pick<Store, 'get' | 'set' | 'delete' | 'claim' | 'list' | 'unlist' | 'page'>
  /** Unix time (ms). */
  readonly now: () => number
  readonly log: Log
  /** @returns resolves when it cannot be lost any more */
  readonly onEnded: (conversation: string, summary: Readonly<Record<string, unknown>>) => Promise<void>
  /** How often the store is looked at (ms). */
  readonly intervalMs?: number
}

interface Kept {
  readonly dueAt: number
  /** Of two sessions that write, the later one's counts. */
  readonly sessions: number
  readonly summary: Readonly<Record<string, unknown>>
}

const listName = 'conversation-ends'
const endKey = (conversation: string) => `conversation-end:${conversation}`
const leaseKey = (conversation: string) => `conversation-end-lease:${conversation}`

const defaultIntervalMs = 15_000

/** Time in which some replica finds an end that is due (ms). */
const foundWithinMs = 24 * 60 * 60_000

/** A replica that died while it told an end holds it no longer (ms). */
const leaseMs = 30_000

const batchSize = 100

/** Writes that wait for the store at once; of more, new ones are left out. */
const maxPending = 1000

export class ConversationEnds implements FaultOwner {
  readonly #options: ConversationEndsOptions
  readonly #timer: NodeJS.Timeout
  readonly #pending = new Set<Promise<void>>()
  #looking: Promise<void> | null = null

  constructor(options: ConversationEndsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.look(), options.intervalMs ?? defaultIntervalMs).unref()
  }

  /** The conversation is over unless it is heard of again within so long (ms). Never throws. */
  keep(conversation: string, summary: Kept['summary'], sessions: number, lifeMs: number): void {
    if (this.#pending.size >= maxPending) return
    const kept = { dueAt: this.#options.now() + lifeMs, sessions, summary }
    const written: Promise<void> = this.#write(conversation, kept, lifeMs + foundWithinMs)
      .catch(fault => this.onFault(fault))
      .finally(() => this.#pending.delete(written))
    this.#pending.add(written)
  }

  /** Tells the ends that are due. @returns resolves when that is over, and never rejects */
  look(): Promise<void> {
    this.#looking ??= this.#findDue()
      .catch(fault => this.onFault(fault))
      .finally(() => {
        this.#looking = null
      })
    return this.#looking
  }

  /** @returns resolves when what was under way is over, and never rejects */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.#looking, ...this.#pending])
  }

  /** While the store is away ends wait. */
  onFault(fault: unknown): void {
    if (!(fault instanceof GatewayError)) this.#options.log.error('event.undelivered', describeFault(fault))
  }

  async #write(conversation: string, kept: Kept, ttlMs: number): Promise<void> {
    const { store } = this.#options
    const before = readKept(await store.get(endKey(conversation)))
    if (before !== null && before.sessions > kept.sessions) return
    await store.set(endKey(conversation), JSON.stringify(kept), ttlMs)
    await store.list(listName, conversation, ttlMs)
  }

  async #findDue(): Promise<void> {
    const { store, now } = this.#options
    for (;;) {
      const { members } = await store.page(listName, 0, batchSize)
      let told = 0
      for (const conversation of members) {
        const kept = readKept(await store.get(endKey(conversation)))
        if (kept === null) await store.unlist(listName, conversation)
        // Those that are due first stand first.
        else if (kept.dueAt > now()) return
        else if (await this.#tell(conversation, kept)) told += 1
      }
      if (members.length < batchSize || told === 0) return
    }
  }

  /** @returns false where another replica tells it */
  async #tell(conversation: string, { summary }: Kept): Promise<boolean> {
    const { store, onEnded } = this.#options
    if (!(await store.claim(leaseKey(conversation), '1', leaseMs))) return false
    await onEnded(conversation, summary)
    await store.delete(endKey(conversation))
    await store.unlist(listName, conversation)
    return true
  }
}

function readKept(text: string | null): Kept | null {
  try {
    const kept = JSON.parse(text ?? 'null') as Partial<Kept> | null
    if (kept === null || typeof kept.dueAt !== 'number' || typeof kept.sessions !== 'number') return null
    return { dueAt: kept.dueAt, sessions: kept.sessions, summary: kept.summary ?? {} }
  } catch {
    return null
  }
}
