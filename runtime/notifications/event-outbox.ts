/**
 * Events on their way to a webhook, in the store: at least once, whichever replica is there to send them.
 *
 * | state     | what happens                                                        |
 * |-----------|---------------------------------------------------------------------|
 * | unwritten | in this process, while the store is away; bounded                   |
 * | waiting   | in the store, until its next try                                    |
 * | leased    | one replica sends it; the lease of one that died runs out           |
 * | delivered | its id is remembered, so that it is not sent again                  |
 * | given up  | it was tried for three days, and is logged                          |
 */
import { createHash, randomUUID } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import { describeFault, type FaultOwner } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'
import type { Store } from '../store/store.ts'

/** What a webhook is told. No content of conversations. */
export interface OutgoingEvent {
  /** The same for the same thing that happened, whoever tells it: receivers drop what they have seen. */
  readonly id: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface OutboxOptions {
  readonly store: Pick<Store, 'get' | 'set' | 'delete' | 'claim' | 'list' | 'unlist' | 'page' | 'unavailable'>
  /** Unix time (ms). */
  readonly now: () => number
  readonly log: Log
  /** @returns null when the receiver took it; else why not */
  readonly send: (id: string, body: string) => Promise<string | null>
  /** How often what waits is looked at (ms). */
  readonly intervalMs?: number
}

/** How an event stands in the store. */
interface StoredEvent {
  readonly body: string
  readonly createdAt: number
  readonly attempts: number
  readonly nextAt: number
}

const listName = 'events'
const eventKey = (id: string) => `event:${id}`
const leaseKey = (id: string) => `event-lease:${id}`

/** An event is tried for this long (ms); Standard Webhooks asks for about three days. */
export const lifeMs = 72 * 60 * 60_000

/** Wait after the first, second, … failed try; the last one from then on (ms). */
const backoffMs = [1000, 5000, 30_000, 2 * 60_000, 10 * 60_000, 30 * 60_000, 60 * 60_000] as const

/** Sending takes less; a replica that died with it holds it no longer (ms). */
const leaseMs = 15_000

/** An event that was delivered is known for this long (ms): two replicas may tell of one thing. */
const rememberedMs = 60 * 60_000

/** Events in the store at once; of more, new ones are dropped. */
export const maxEvents = 10_000

/** Events that wait in this process for the store. */
const maxUnwritten = 1000

/** Events of one look, and of them at once. */
const batchSize = 100
const senders = 4

const defaultIntervalMs = 1000
const delivered = 'delivered'

/** Makes the id of an event. @param subject what happened, and to what: the same words give the same id */
export function eventIdOf(type: string, subject: string): string {
  return `msg_${createHash('sha256').update(`${type}\n${subject}`).digest('hex').slice(0, 32)}`
}

export class EventOutbox implements FaultOwner {
  readonly #options: OutboxOptions
  readonly #holder = randomUUID()
  readonly #timer: NodeJS.Timeout
  readonly #unwritten = new Map<
    string,
    { readonly event: StoredEvent; readonly over: PromiseWithResolvers<void> }
  >()
  #state: 'open' | 'closed' = 'open'
  #writing: Promise<void> | null = null
  #working: Promise<void> | null = null
  /** Something came while work was under way. */
  #isDirty = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#kick(), options.intervalMs ?? defaultIntervalMs).unref()
  }

  /** Takes an event; it is sent in the background. @returns resolves, and never rejects, when it is written or dropped */
  publish({ id, type, data }: OutgoingEvent): Promise<void> {
    const { now, log } = this.#options
    const known = this.#unwritten.get(id)
    if (known !== undefined) return known.over.promise
    if (this.#unwritten.size >= maxUnwritten || this.#state === 'closed') {
      log.warn('event.dropped', { id, type, reason: this.#state === 'closed' ? 'closed' : 'unwritten' })
      return Promise.resolve()
    }
    const at = now()
    const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data })
    const over = Promise.withResolvers<void>()
    this.#unwritten.set(id, { event: { body, createdAt: at, attempts: 0, nextAt: at }, over })
    this.#kick()
    return over.promise
  }

  /** Writes what waits; sending may go on in another process. @returns resolves, and never rejects */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearInterval(this.#timer)
    await this.#working
    await this.#writing?.catch(() => undefined)
    await this.#writeAll().catch(() => undefined)
  }

  onFault(fault: unknown): void {
    if (!(fault instanceof GatewayError)) this.#options.log.error('event.undelivered', describeFault(fault))
  }

  #kick(): void {
    if (this.#state === 'closed') return
    if (this.#working !== null) {
      // A receiver that takes its time keeps nothing from being written.
      this.#write().catch(fault => this.onFault(fault))
      this.#isDirty = true
      return
    }
    this.#isDirty = false
    this.#working = this.#work()
      .catch(fault => this.onFault(fault))
      .finally(() => {
        this.#working = null
        if (this.#isDirty) this.#kick()
      })
  }

  async #work(): Promise<void> {
    await this.#write()
    const { members } = await this.#options.store.page(listName, 0, batchSize)
    const left = members.values()
    // Each sender takes the next one that nobody has taken.
    await Promise.all(
      Array.from({ length: senders }, async () => {
        for (const id of left) if (this.#state === 'open') await this.#deliver(id)
      }),
    )
  }

  /** One at a time. @throws as `#writeAll` */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  /** @throws GatewayError `store_unavailable`; what was not written waits */
  async #writeAll(): Promise<void> {
    const { store, log } = this.#options
    if (store.unavailable() !== null && this.#unwritten.size > 0) return
    for (const [id, { event, over }] of [...this.#unwritten]) {
      if ((await store.get(eventKey(id))) === null) {
        const { total } = await store.page(listName, 0, 1)
        if (total >= maxEvents) log.warn('event.dropped', { id, reason: 'full' })
        else {
          await store.set(eventKey(id), JSON.stringify(event), lifeMs)
          await store.list(listName, id, lifeMs)
        }
      }
      this.#unwritten.delete(id)
      over.resolve()
    }
  }

  /** @throws GatewayError `store_unavailable` */
  async #deliver(id: string): Promise<void> {
    const { store, now, send } = this.#options
    const text = await store.get(eventKey(id))
    const event = text === null || text === delivered ? null : readEvent(text)
    if (event === null) return store.unlist(listName, id)
    if (event.nextAt > now() || !(await store.claim(leaseKey(id), this.#holder, leaseMs))) return
    const failure = await send(id, event.body)
    if (failure === null) {
      await store.set(eventKey(id), delivered, rememberedMs)
      await store.unlist(listName, id)
    } else await this.#retryLater(id, event, failure)
    await store.delete(leaseKey(id))
  }

  async #retryLater(id: string, event: StoredEvent, failure: string): Promise<void> {
    const { store, now, log } = this.#options
    const attempts = event.attempts + 1
    const waitMs = backoffMs[Math.min(attempts, backoffMs.length) - 1] ?? 0
    const nextAt = now() + waitMs
    if (nextAt > event.createdAt + lifeMs) {
      log.error('event.undelivered', { id, attempts, reason: failure })
      await store.delete(eventKey(id))
      return store.unlist(listName, id)
    }
    log.warn('event.undelivered', { id, attempts, reason: failure, waitMs })
    await store.set(eventKey(id), JSON.stringify({ ...event, attempts, nextAt }), lifeMs)
    // Those that are due first stand first: one that waits holds up no other.
    await store.list(listName, id, lifeMs + waitMs)
  }
}

function readEvent(text: string): StoredEvent | null {
  try {
    const event = JSON.parse(text) as Partial<StoredEvent>
    const { body, createdAt, attempts, nextAt } = event
    if (typeof body !== 'string' || [createdAt, attempts, nextAt].some(each => typeof each !== 'number'))
      return null
    return event as StoredEvent
  } catch {
    return null
  }
}
