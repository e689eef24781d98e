/**
 * What the gateway knows of a sideband session, kept where every replica can read it.
 */
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { NumberedWrite, Store } from '../store/store.ts'
import { type Activity, assistantFields, type CallRecord, fieldsOf, readCallRecord } from './record.ts'

export interface CallRecordsOptions {
  readonly store: Store
  readonly quota: Pick<StorageQuota, 'charge'>
  readonly provider: string
  /** A session that nothing happens to is forgotten after this (ms). */
  readonly ttlMs: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const noAssistant = { assistant: '', isPinned: false } as const

/** Upstream's form of a call's id. */
export const callIdPattern = /^rtc_[A-Za-z0-9_-]{1,128}$/
const sessionIdPattern = /^sideband_[0-9a-f]{16}$/

/** An ended session can still be asked about for this long (ms). */
const endedTtlMs = 10 * 60_000

/** How long one replica speaks for a call before it must say so again (ms). */
export const leaseMs = 15_000

const recordKey = (sessionId: string) => `session:${sessionId}`
const leaseKey = (sessionId: string) => `lease:${sessionId}`
const callKey = (callId: string) => `call:${callId}`
const ownerList = (owner: string) => `sessions:${owner}`
const offerKey = (sessionId: string) => `offered:${sessionId}`
const takeoverKey = (sessionId: string) => `takeover:${sessionId}`

/** Names the sessions whose calls some replica must hear; those that nobody has confirmed for longest come first. */
const heardList = 'calls:heard'

export class CallRecords {
  readonly #options: CallRecordsOptions
  /** When a session that goes on was last charged (ms since 1970). */
  readonly #chargedAt = new WeakMap<CallRecord, number>()
  /** Number of this process's last write of what happened in calls. */
  #lastWrite = 0

  constructor(options: CallRecordsOptions) {
    this.#options = options
  }

  /**
   * Makes a session.
   * @param of its assistant; absent: it has none
   * @returns its id, `sideband_` and 16 hex digits
   * @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable`
   */
  async create(
    owner: string,
    account: string,
    of: Pick<CallRecord, 'assistant' | 'isPinned'> = noAssistant,
  ): Promise<string> {
    const { store, quota, provider, ttlMs } = this.#options
    const sessionId = `sideband_${randomBytes(8).toString('hex')}`
    const at = this.#at()
    const fields = {
      owner,
      account,
      provider,
      created_at: at,
      last_activity: at,
      call_id: '',
      offer: '',
      ended_at: '',
      ...assistantFields(of),
    }
    await quota.charge(account, recordKey(sessionId), 0, ttlMs)
    await store.create(recordKey(sessionId), fields, ttlMs)
    await store.list(ownerList(owner), sessionId, ttlMs)
    return sessionId
  }

  /**
   * Finds a session that one of these owners has.
   * @throws GatewayError `not_found`: unknown, expired, or somebody else's, which is not told apart
   */
  async find(sessionId: string, ...owners: readonly string[]): Promise<CallRecord> {
    const fields = sessionIdPattern.test(sessionId)
      ? await this.#options.store.read(recordKey(sessionId))
      : null
    if (fields === null || !owners.includes(fields.owner ?? '')) {
      throw new GatewayError('not_found', 'There is no such session; make one with POST /sideband/session')
    }
    return readCallRecord(sessionId, fields)
  }

  /** Finds the session of a call. @throws GatewayError `call_not_found`, as for sessions */
  async findCall(callId: string, ...owners: readonly string[]): Promise<CallRecord> {
    const record = await this.lookUpCall(callId)
    if (record !== null && owners.includes(record.owner)) return record
    throw new GatewayError('call_not_found', 'There is no such call of yours here')
  }

  /** Finds the session of a call, whoever has it. @returns null for a call that the gateway does not know */
  async lookUpCall(callId: string): Promise<CallRecord | null> {
    const sessionId = callIdPattern.test(callId) ? await this.#options.store.get(callKey(callId)) : null
    return sessionId === null ? null : this.lookUp(sessionId)
  }

  /** Finds a session, whoever has it. @returns null when there is none, or it has expired */
  async lookUp(sessionId: string): Promise<CallRecord | null> {
    const fields = await this.#options.store.read(recordKey(sessionId))
    return fields === null ? null : readCallRecord(sessionId, fields)
  }

  /** One page of the sessions of several owners, one owner after the other. */
  async page(
    owners: readonly string[],
    offset: number,
    count: number,
  ): Promise<{ records: CallRecord[]; total: number }> {
    const found: string[] = []
    let total = 0
    for (const owner of owners) {
      const from = Math.max(0, offset - total)
      const room = count - found.length
      // A store has no pages of nothing: the total of a list comes with one member at least.
      const page = await this.#options.store.page(ownerList(owner), from, Math.max(1, room))
      found.push(...page.members.slice(0, room))
      total += page.total
    }
    const records = await Promise.all(found.map(id => this.lookUp(id)))
    return { records: records.filter(record => record !== null), total }
  }

  /** Reserves the session's one call. @throws GatewayError `conflict` when it has one, or is getting one */
  async reserveCall(sessionId: string): Promise<void> {
    const reserved = await this.#update(sessionId, { set: { offer: 'pending' }, unless: 'offer' })
    if (!reserved) throw new GatewayError('conflict', 'This session has a call already; make another session')
  }

  /** Gives the reservation back: the call could not be made. */
  async releaseCall(sessionId: string): Promise<void> {
    await this.#update(sessionId, { set: { offer: '' } })
  }

  /**
   * A session gets its call. @returns false when it has expired or was ended meanwhile
   * @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable`
   */
  async connect(
    record: CallRecord,
    made: Pick<CallRecord, 'callId' | 'model' | 'pinned' | 'address'> & { readonly turnDetection?: string },
  ): Promise<boolean> {
    const { store, ttlMs } = this.#options
    const { callId, model, pinned, address, turnDetection = '' } = made
    await this.#charge({ ...record, pinned }, ttlMs)
    await store.list(ownerList(record.owner), record.sessionId, ttlMs)
    await store.set(callKey(callId), record.sessionId, ttlMs)
    const at = this.#at()
    const set = { call_id: callId, connected_at: at, last_activity: at, model, pinned, address }
    if (turnDetection !== '') Object.assign(set, { turn_detection: turnDetection })
    return this.#update(record.sessionId, { set, unless: 'ended_at' })
  }

  /** @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable` */
  async pin(record: CallRecord, pinned: string): Promise<void> {
    await this.#charge({ ...record, pinned }, this.#options.ttlMs)
    await this.#update(record.sessionId, { set: { pinned } })
  }

  /** Numbers a write of what happened: repeated under its number, it counts once. @param writer names this process */
  numberWrite(writer: string): NumberedWrite {
    this.#lastWrite += 1
    return { field: `writer:${writer}`, number: this.#lastWrite }
  }

  /**
   * Adds what happened, and keeps the session from expiring.
   * @param usage what the call has used so far, where that changed
   * @param once makes it safe to repeat
   * @returns false when the store does not know it any more
   */
  async note(
    record: CallRecord,
    activity: Activity,
    usage: string | null = null,
    once?: NumberedWrite,
  ): Promise<boolean> {
    const known = await this.#update(record.sessionId, {
      set: {
        last_activity: this.#at(),
        last_event_type: activity.lastEventType,
        ...(usage !== null && { usage }),
      },
      add: {
        events_from_openai: activity.eventsFrom,
        events_to_openai: activity.eventsTo,
        input_tokens: activity.inputTokens,
        output_tokens: activity.outputTokens,
      },
      ...(once !== undefined && { once }),
    })
    if (known) await this.#prolong(record)
    return known
  }

  /**
   * Writes a session anew after the store lost it: whoever holds its control connection knows it still.
   * @param once the write that found it lost, which the totals include
   */
  async restore(record: CallRecord, totals: Activity, once?: NumberedWrite): Promise<void> {
    const { store, ttlMs } = this.#options
    const fields = {
      ...fieldsOf(record, totals, this.#at()),
      ...(once !== undefined && { [once.field]: once.number }),
    }
    // A call that runs goes on, whatever else its owner has stored meanwhile.
    await this.#charge(record, ttlMs).catch(() => undefined)
    await store.set(callKey(record.callId), record.sessionId, ttlMs)
    await store.list(ownerList(record.owner), record.sessionId, ttlMs)
    // At last, so that whoever finds the session finds it whole.
    await store.create(recordKey(record.sessionId), fields, ttlMs)
  }

  /** Marks a session as ended. @returns false when it was marked before */
  async end(record: CallRecord, reason: string): Promise<boolean> {
    const set = { ended_at: this.#at(), ended_reason: reason }
    const change = { set, unless: 'ended_at' }
    const ended = await this.#options.store.update(recordKey(record.sessionId), change, endedTtlMs)
    if (ended) await this.#options.store.list(ownerList(record.owner), record.sessionId, endedTtlMs)
    if (ended) await this.#charge(record, endedTtlMs).catch(() => undefined)
    if (ended) await this.unlistHeard(record.sessionId).catch(() => undefined)
    return ended
  }

  /** Of all that may tell the end of a session's call, one gets to. @returns whether this is the one */
  claimEnd(sessionId: string): Promise<boolean> {
    const change = { set: { end_told: this.#at() }, unless: 'end_told' }
    return this.#options.store.update(recordKey(sessionId), change, endedTtlMs)
  }

  /** Whether some replica holds the call's control connection. */
  async isControlled(sessionId: string): Promise<boolean> {
    return (await this.#options.store.get(leaseKey(sessionId))) !== null
  }

  /**
   * Of several replicas with a control connection one speaks for the call: it counts the events. The lease of one
   * that drains goes to the first other one that asks.
   */
  async holdLease(sessionId: string, holder: string): Promise<boolean> {
    const { store } = this.#options
    if (await store.renew(leaseKey(sessionId), holder, leaseMs)) return true
    if (await store.claim(leaseKey(sessionId), holder, leaseMs)) {
      // One that drains may join its call only now: its own offer stands.
      if ((await store.get(offerKey(sessionId))) !== holder) await store.delete(offerKey(sessionId))
      return true
    }
    if ((await store.take(offerKey(sessionId))) === null) return false
    await store.set(leaseKey(sessionId), holder, leaseMs)
    return true
  }

  /** Nobody has the lease from the moment on in which this is done. */
  async releaseLease(sessionId: string, holder: string): Promise<void> {
    await this.#options.store.renew(leaseKey(sessionId), holder, 0)
  }

  /** Whether another replica than this one speaks for a call. */
  async isHeardElsewhere(sessionId: string, holder: string): Promise<boolean> {
    const speaker = await this.#options.store.get(leaseKey(sessionId))
    return speaker !== null && speaker !== holder
  }

  /** A replica that goes away offers a call that some replica must hear; it speaks for it until another one does. */
  async offerCall(sessionId: string, holder: string): Promise<void> {
    const { store, ttlMs } = this.#options
    await store.set(offerKey(sessionId), holder, ttlMs)
    // It may be this replica's own, of a moment ago.
    await store.delete(takeoverKey(sessionId))
    // Those that expire first are looked at first.
    await store.list(heardList, sessionId, Math.ceil(ttlMs / 2))
  }

  /** Some replica must hear this call. Said again from time to time by the one that does. */
  async listHeard(sessionId: string): Promise<void> {
    await this.#options.store.list(heardList, sessionId, this.#options.ttlMs)
  }

  /** Nobody needs to hear this call any more. */
  async unlistHeard(sessionId: string): Promise<void> {
    await this.#options.store.unlist(heardList, sessionId)
    await this.#options.store.delete(offerKey(sessionId))
  }

  /**
   * Lists calls that must be heard and that no replica speaks for, or whose replica offers them.
   * @param count how many of those that were confirmed longest ago are looked at
   */
  async unheard(count: number): Promise<string[]> {
    const { store } = this.#options
    const { members } = await store.page(heardList, 0, count)
    const free = await Promise.all(
      members.map(
        async id => (await store.get(leaseKey(id))) === null || (await store.get(offerKey(id))) !== null,
      ),
    )
    return members.filter((_, index) => free[index])
  }

  /** Of several replicas that see an unheard call, one gets it for some time (ms). @returns whether this one does */
  claimTakeover(sessionId: string, holder: string, ms: number): Promise<boolean> {
    return this.#options.store.claim(takeoverKey(sessionId), holder, ms)
  }

  /** This replica does not take the call after all: another one may at once. */
  async releaseTakeover(sessionId: string): Promise<void> {
    await this.#options.store.delete(takeoverKey(sessionId))
  }

  #charge({ account, sessionId, pinned }: CallRecord, ttlMs: number): Promise<void> {
    return this.#options.quota.charge(account, recordKey(sessionId), pinned.length, ttlMs)
  }

  /** What was counted stands, whatever becomes of this: the next write prolongs it again. Never rejects. */
  async #prolong(record: CallRecord): Promise<void> {
    const { store, ttlMs } = this.#options
    await store.list(ownerList(record.owner), record.sessionId, ttlMs).catch(() => undefined)
    await store.renew(callKey(record.callId), record.sessionId, ttlMs).catch(() => undefined)
    await this.#prolongCharge(record)
  }

  /** A session is written a few times a second; its charge is prolonged a few times in its life. */
  async #prolongCharge(record: CallRecord): Promise<void> {
    const { ttlMs } = this.#options
    const now = this.#now()
    if (now - (this.#chargedAt.get(record) ?? 0) < ttlMs / 4) return
    this.#chargedAt.set(record, now)
    await this.#charge(record, ttlMs).catch(() => undefined)
  }

  #update(sessionId: string, change: Parameters<Store['update']>[1]): Promise<boolean> {
    return this.#options.store.update(recordKey(sessionId), change, this.#options.ttlMs)
  }

  #at(): string {
    return new Date(this.#now()).toISOString()
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }
}
