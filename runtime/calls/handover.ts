/**
 * Hands calls that some replica must hear from one to the next, with no part of a client's: when a replica drains, and
 * when one is gone without a word.
 *
 * The replica that hears a call confirms it in a list of the store, and speaks for it by its lease. One that drains
 * offers the call and goes on until another one has joined it and taken the lease; events of the moment in which both
 * hear the call may be counted twice. A call whose lease has run out has lost its replica. Every replica looks for
 * both a few times a minute, and one of them takes each.
 */
import type { Clock, Tickable, WheelSlot } from '../core/clock.ts'
import type { GatewayError } from '../core/errors.ts'
import { describeFault, enter, enterLater } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'
import type { Drain, Drainable } from '../server/drain.ts'
import type { CallRecord } from './record.ts'
import { type CallRecords, leaseMs } from './records.ts'

export interface HandoverOptions {
  readonly records: Pick<
    CallRecords,
    | 'listHeard'
    | 'unlistHeard'
    | 'unheard'
    | 'claimTakeover'
    | 'releaseTakeover'
    | 'lookUp'
    | 'offerCall'
    | 'isHeardElsewhere'
  >
  /** Names this replica's process among all others. */
  readonly holder: string
  readonly drain: Pick<Drain, 'add' | 'remove'>
  /** Why nothing new is taken now; null while it is. */
  readonly refusal: () => GatewayError | null
  readonly every: Clock['every']
  readonly log: Log
  /** @returns when this replica has joined a call, or will not */
  readonly joined: (sessionId: string) => Promise<void>
  /** No tool of a call starts on this replica any more. @returns when none runs; some time before the deadline (ms from now) */
  readonly finishTools: (sessionId: string, deadlineMs: number) => Promise<void>
  /** Hears a call from now on. */
  readonly take: (record: CallRecord) => void
  /** Ends the control connection of a call on this replica, and not the call. */
  readonly leave: (sessionId: string) => void
}

interface HeldCall extends Drainable {
  state: 'held' | 'offered'
  /** Rejects where nobody else was kept from taking the call. */
  readonly claimed: Promise<void>
}

/** A replica looks for calls that nobody hears this often (ms). */
export const lookIntervalMs = 2000

/** Calls that are looked at at a time: those that were confirmed longest ago. */
const maxLookedAt = 50

/** A replica that drains looks this often whether its call was taken (ms). */
const offerIntervalMs = 250

/** One that took a call has this long to join it, before another one may (ms). */
const joinWithinMs = leaseMs

export class Handover implements Tickable {
  readonly #options: HandoverOptions
  readonly #held = new Map<string, HeldCall>()
  readonly #look: WheelSlot
  readonly #confirm: WheelSlot
  readonly #confirming: Tickable
  #state: 'idle' | 'looking' | 'closed' = 'idle'

  constructor(options: HandoverOptions) {
    this.#options = options
    this.#confirming = { tick: () => this.#confirmAll(), onFault: fault => this.onFault(fault) }
    this.#look = options.every(lookIntervalMs, this)
    this.#confirm = options.every(leaseMs / 3, this.#confirming)
  }

  /** This replica hears a call that must be heard. In a drain it is offered as soon as it is joined. */
  hold({ sessionId }: CallRecord): void {
    const { drain, records, joined } = this.#options
    const held: HeldCall = {
      state: 'held',
      // Nobody else takes it while this replica has not joined it yet.
      claimed: this.#claim(sessionId),
      // What is said to the call already, such as a greeting, goes out when this replica joins it.
      announce: () => joined(sessionId),
      drain: deadlineMs => enter(this, () => this.#leave(sessionId, held, deadlineMs)),
    }
    this.#held.set(sessionId, held)
    enter(this, async () => {
      await held.claimed
      await records.listHeard(sessionId)
    })
    drain.add(held)
  }

  /** This replica does not hear the call any more: it is over, or handed on, or the replica ends. */
  release(sessionId: string): void {
    const held = this.#held.get(sessionId)
    if (held === undefined) return
    this.#held.delete(sessionId)
    this.#options.drain.remove(held)
  }

  /**
   * Takes and confirms no call any more, and offers those that it still holds. Safe to call twice.
   * @returns when they are offered, or cannot be
   */
  async close(): Promise<void> {
    this.#state = 'closed'
    this.#look.delete(this)
    this.#confirm.delete(this.#confirming)
    const offer = ([sessionId, held]: [string, HeldCall]) =>
      this.#offer(sessionId, held).catch(fault => this.onFault(fault))
    await Promise.all([...this.#held].map(offer))
  }

  tick(): void {
    if (this.#state === 'idle' && this.#options.refusal() === null) enter(this, () => this.#takeUnheard())
  }

  /** The store is away: it is tried again with the next beat. */
  onFault(fault: unknown): void {
    this.#options.log.warn('sideband.handover.failed', describeFault(fault))
  }

  async #takeUnheard(): Promise<void> {
    this.#state = 'looking'
    try {
      for (const sessionId of await this.#options.records.unheard(maxLookedAt)) await this.#take(sessionId)
    } finally {
      if (this.#state === 'looking') this.#state = 'idle'
    }
  }

  async #take(sessionId: string): Promise<void> {
    const { records, holder, refusal, take, log } = this.#options
    if (this.#held.has(sessionId) || refusal() !== null) return
    if (!(await records.claimTakeover(sessionId, holder, joinWithinMs))) return
    const record = await records.lookUp(sessionId)
    if (record === null || record.callId === '' || record.endedAt !== '')
      return records.unlistHeard(sessionId)
    if (this.#state === 'closed' || refusal() !== null) return records.releaseTakeover(sessionId)
    const { callId: call_id, provider } = record
    log.info('sideband.call.taken_over', { session_id: sessionId, call_id, provider })
    take(record)
  }

  #confirmAll(): void {
    const { records } = this.#options
    for (const sessionId of this.#held.keys()) enter(this, () => records.listHeard(sessionId))
  }

  async #claim(sessionId: string): Promise<void> {
    const { records, holder } = this.#options
    await records.claimTakeover(sessionId, holder, joinWithinMs)
  }

  /** Lets another replica have the call, and goes on until one has it. */
  async #leave(sessionId: string, held: HeldCall, deadlineMs: number): Promise<void> {
    await this.#options.finishTools(sessionId, deadlineMs)
    await this.#offer(sessionId, held)
    this.#watchOffer(sessionId)
  }

  /** Offers a call once: another replica may have it by the second time. */
  async #offer(sessionId: string, held: HeldCall): Promise<void> {
    // Written later, the claim would keep others from the call.
    await held.claimed.catch(() => undefined)
    if (held.state === 'offered') return
    await this.#options.records.offerCall(sessionId, this.#options.holder)
    held.state = 'offered'
  }

  #watchOffer(sessionId: string): void {
    enterLater(this, offerIntervalMs, async () => {
      if (!this.#held.has(sessionId)) return
      const { records, holder, leave } = this.#options
      // While the store is away nobody can take it.
      if (await records.isHeardElsewhere(sessionId, holder).catch(() => false)) leave(sessionId)
      else this.#watchOffer(sessionId)
    })
  }
}
