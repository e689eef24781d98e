/** What happens in a call, counted here and written to the shared record a few times a second. */

import { type Clock, systemClock } from '../core/clock.ts'
import type { GatewayError } from '../core/errors.ts'
import { describeFault, enter } from '../core/fault-boundary.ts'
import { parseFields } from '../events/fields.ts'
import { transcriptionUsageOf, usageOf } from '../events/usage.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { endsResponse, transcriptionCompleted } from '../session/response-state.ts'
import type { Follow, SessionFollower } from '../session/session.ts'
import type { NumberedWrite } from '../store/store.ts'
import { type ResponseReport, readResponseReport } from '../usage/response-report.ts'
import { type AccountParts, SessionAccount, type Spending } from '../usage/session-account.ts'
import { endCall } from './end-call.ts'
import type { Activity, CallRecord } from './record.ts'
import { type CallRecords, leaseMs } from './records.ts'

export interface CallActivityParts {
  readonly records: CallRecords
  /** Names this replica's control connection among those of other replicas. */
  readonly holder: string
  readonly log: Log
  readonly metrics: Metrics
  /** Counts what a call spent. @returns the error that ends it when it is the last of a day's budget */
  readonly spend: (record: CallRecord, spending: Spending) => Promise<GatewayError | null>
  readonly accounts: AccountParts
  /** Follows a call with spans, where tracing is on. */
  readonly follow?: Follow | undefined
  /** Default: the system's. */
  readonly after?: Clock['after'] | undefined
}

export interface CallActivity {
  /** Absent where tracing is off. */
  readonly follower: SessionFollower | undefined
  /** The control connection is open: what comes is counted from now on. */
  start(): void
  noteSent(): void
  /** @returns JSON of `{"events_from_openai":N,"events_to_openai":N}` */
  noteEvent(type: string, frame: Buffer): string
  /** The call is over. @returns when that is written, or cannot be */
  end(reason: string): Promise<void>
  /** Writes what is left. Safe to call twice. @returns when that is written, or cannot be */
  stop(): Promise<void>
}

const writeIntervalMs = 500

/** A replica that holds the lease says so again this often (ms). */
const leaseRenewalMs = leaseMs / 3

/** A replica that renewed its lease last when it was killed has none any more after this (ms). */
const goneMs = leaseMs + leaseRenewalMs

/** Responses that wait for the store at once; of more, the tokens are counted and the kinds are not. */
const maxReports = 1000

/** Stands for the path that was dialled. */
const route = 'call'

/** A call has no close code of its own. */
const endedCode = 1000
const end = { by: 'upstream', code: endedCode } as const

const nothing = (): Activity => ({
  eventsFrom: 0,
  eventsTo: 0,
  inputTokens: 0,
  outputTokens: 0,
  lastEventType: '',
})

export interface CallActivityHooks {
  /** A budget of the day is spent. */
  readonly onSpent: (error: GatewayError) => void
  /** Whether this replica speaks for the call; told when that changes. */
  readonly onSpeaks?: (speaks: boolean) => void
}

/** Follows one call. While the store is away, counts are kept and written when it is back. */
export function createCallActivity(
  parts: CallActivityParts,
  record: CallRecord,
  hooks: CallActivityHooks,
): CallActivity {
  return new Follower(parts, record, hooks)
}

/** What is written at once. Until the store confirms it, it is repeated as it was. */
interface Batch {
  readonly counted: Activity
  readonly once: NumberedWrite
  /** Since the session began, this batch included. */
  readonly totals: Activity
  /** What the call has used, this batch included; null where another replica counts that. */
  readonly usage: string | null
  readonly spendings: readonly Spending[]
}

type TellingParts = Pick<CallActivityParts, 'records' | 'accounts' | 'log' | 'after'>

/**
 * Tells the end of a call, once, from what was stored of it, unless none has ever heard it. A replica that has its lease
 * tells it; one that was killed meanwhile does not, and has no lease any more when this is tried again.
 * @throws GatewayError `store_unavailable`
 */
export async function tellStoredEnd(parts: TellingParts, record: CallRecord): Promise<void> {
  if (record.callId === '') return
  const { records, log, after = systemClock.after } = parts
  if (!(await records.isControlled(record.sessionId))) return tellStored(parts, record)
  const owner = { onFault: (fault: unknown) => log.warn('usage.unwritten', describeFault(fault)) }
  after(goneMs, () =>
    enter(owner, async () => {
      if (!(await records.isControlled(record.sessionId))) await tellStored(parts, record)
    }),
  )
}

async function tellStored({ records, accounts }: TellingParts, { sessionId }: CallRecord): Promise<void> {
  const record = await records.lookUp(sessionId)
  if (record === null || record.usage === '' || !(await records.claimEnd(sessionId))) return
  accountOf(record, accounts, () => undefined).ended(end)
}

/** Opens the account of a call, with what it has used before. */
function accountOf(record: CallRecord, accounts: AccountParts, spend: (spending: Spending) => void) {
  const { sessionId: session, owner: principal, model, assistant } = record
  const account = new SessionAccount({ session, principal, route }, accounts, spend)
  account.opened(model || undefined)
  if (assistant !== '') account.serve(assistant)
  account.goOn(usageOfRecord(record))
  return account
}

const usageOfRecord = ({ usage }: CallRecord) => parseFields(Buffer.from(usage))

class Follower implements CallActivity {
  readonly follower: SessionFollower | undefined
  readonly #parts: CallActivityParts
  readonly #record: CallRecord
  readonly #hooks: CallActivityHooks
  #pending = nothing()
  #unconfirmed: Batch | null = null
  /** Since the session began, as far as this replica knows. */
  readonly #totals: Activity
  readonly #account: SessionAccount
  /** Responses that are not counted yet. */
  #reports: ResponseReport[] = []
  /** What the account has counted, and no budget yet. */
  #spendings: Spending[] = []
  /** Several replicas may hear the same events; the one with the lease counts them. */
  #speaks = false
  #state: 'open' | 'over' = 'open'
  #writing: Promise<void> = Promise.resolve()
  #writeState: 'idle' | 'due' = 'idle'
  #writer: NodeJS.Timeout | null = null
  #renewer: NodeJS.Timeout | null = null

  constructor(parts: CallActivityParts, record: CallRecord, hooks: CallActivityHooks) {
    this.#parts = parts
    this.#record = record
    this.#hooks = hooks
    const { eventsFrom, eventsTo, inputTokens, outputTokens, lastEventType } = record
    this.#totals = { eventsFrom, eventsTo, inputTokens, outputTokens, lastEventType }
    this.#account = accountOf(record, parts.accounts, spending => {
      this.#spendings.push(spending)
    })
    this.follower = parts.follow?.({ connection: record.sessionId, route, meter: this.#account })
  }

  start(): void {
    if (this.#writer !== null) return
    this.#writer = setInterval(() => this.#write(), writeIntervalMs)
    this.#renewer = setInterval(() => void this.#renew(), leaseRenewalMs)
    // Who speaks is known before the first counts are written.
    this.#writing = this.#writing.then(() => this.#renew()).then(() => this.#noteTrace())
  }

  noteSent(): void {
    this.#totals.eventsTo += 1
    this.#pending.eventsTo += 1
  }

  noteEvent(type: string, frame: Buffer): string {
    for (const counts of [this.#totals, this.#pending]) {
      counts.eventsFrom += 1
      counts.lastEventType = type
    }
    if (endsResponse(type)) this.#noteUsage(frame)
    if (type === transcriptionCompleted) this.#noteTranscription(frame)
    if (type === 'session.created' || type === 'session.updated') this.#account.configured(frame)
    const { eventsFrom, eventsTo } = this.#totals
    return JSON.stringify({ events_from_openai: eventsFrom, events_to_openai: eventsTo })
  }

  end(reason: string): Promise<void> {
    this.#state = 'over'
    this.follower?.ended(end)
    this.#write()
    this.#writing = this.#writing
      .then(() => endCall(this.#parts, this.#record, reason))
      .then(() => this.#tellEnd())
      .catch(() => undefined)
    return this.#writing
  }

  stop(): Promise<void> {
    this.follower?.ended({ by: 'gateway', code: endedCode })
    if (this.#writer !== null) clearInterval(this.#writer)
    if (this.#renewer !== null) clearInterval(this.#renewer)
    this.#writer = null
    this.#renewer = null
    this.#write()
    const { records, holder } = this.#parts
    this.#writing = this.#writing
      .then(() => records.releaseLease(this.#record.sessionId, holder))
      .catch(() => undefined)
    // One that marked the end while this replica had the lease has left it to this one.
    if (this.#state === 'open')
      this.#writing = this.#writing.then(() => this.#tellMarkedEnd()).catch(() => undefined)
    this.#state = 'over'
    return this.#writing
  }

  /** Whoever has the lease tells the end; where nobody has, one of those that see it, from what is stored. */
  async #tellEnd(): Promise<void> {
    const { records, holder } = this.#parts
    const { sessionId } = this.#record
    if (!this.#speaks) {
      if (await records.isHeardElsewhere(sessionId, holder)) return tellStoredEnd(this.#parts, this.#record)
      await this.#goOn()
    }
    if (await records.claimEnd(sessionId)) this.#account.ended(end)
  }

  async #tellMarkedEnd(): Promise<void> {
    if (!this.#speaks) return
    const { records } = this.#parts
    const { sessionId } = this.#record
    const isMarked = ((await records.lookUp(sessionId))?.endedAt ?? '') !== ''
    if (isMarked && (await records.claimEnd(sessionId))) this.#account.ended(end)
  }

  /** Takes over what others have counted. */
  async #goOn(): Promise<void> {
    const record = await this.#parts.records.lookUp(this.#record.sessionId)
    if (record !== null) this.#account.goOn(usageOfRecord(record))
  }

  #noteUsage(frame: Buffer): void {
    const { input, output } = usageOf(frame)
    for (const counts of [this.#totals, this.#pending]) {
      counts.inputTokens += input
      counts.outputTokens += output
    }
    if (this.#reports.length < maxReports) this.#reports.push(readResponseReport(frame))
  }

  /** Several replicas may hear it; the one with the lease counts it. */
  #noteTranscription(frame: Buffer): void {
    if (!this.#speaks) return
    this.#parts.metrics.countTranscription(transcriptionUsageOf(frame))
    this.#account.transcribed(frame)
    this.#spend(this.#spendings.splice(0))
  }

  /** Never rejects. */
  async #renew(): Promise<void> {
    const { records, holder } = this.#parts
    try {
      const speaks = await records.holdLease(this.#record.sessionId, holder)
      if (this.#speaks === speaks) return
      if (speaks) await this.#goOn()
      this.#speaks = speaks
      this.#hooks.onSpeaks?.(speaks)
    } catch {
      // While the store is away nobody can tell who speaks: this replica's counts are kept.
    }
  }

  #write(): void {
    const { eventsFrom, eventsTo } = this.#pending
    if (eventsFrom === 0 && eventsTo === 0 && this.#unconfirmed === null) return
    if (this.#writeState === 'due') return
    this.#writeState = 'due'
    this.#writing = this.#writing.then(() => {
      this.#writeState = 'idle'
      return this.#writePending()
    })
  }

  /** What comes meanwhile is written next time. Never rejects. */
  async #writePending(): Promise<void> {
    if (this.#unconfirmed !== null) await this.#send(this.#unconfirmed)
    const { eventsFrom, eventsTo } = this.#pending
    if (this.#unconfirmed !== null || (eventsFrom === 0 && eventsTo === 0)) return
    this.#unconfirmed = this.#takePending()
    await this.#send(this.#unconfirmed)
  }

  #takePending(): Batch {
    const { lastEventType } = this.#totals
    const written = { ...this.#pending, lastEventType }
    const reports = this.#reports
    this.#pending = nothing()
    this.#reports = []
    if (this.#speaks) for (const report of reports) this.#account.respond(report)
    return {
      counted: this.#speaks ? written : { ...written, eventsFrom: 0, inputTokens: 0, outputTokens: 0 },
      once: this.#parts.records.numberWrite(this.#parts.holder),
      totals: { ...this.#totals },
      usage: this.#speaks ? JSON.stringify(this.#account.stored()) : null,
      spendings: this.#spendings.splice(0),
    }
  }

  /** Never rejects. */
  async #send(batch: Batch): Promise<void> {
    const { records, metrics } = this.#parts
    const { counted, usage, once, spendings } = batch
    try {
      // Another replica may count meanwhile what the call has used.
      const isKnown = await records.note(this.#record, counted, this.#speaks ? usage : null, once)
      if (!isKnown) await this.#restore(batch)
    } catch {
      return
    }
    this.#unconfirmed = null
    metrics.traffic.callInputTokens += counted.inputTokens
    metrics.traffic.callOutputTokens += counted.outputTokens
    this.#spend(spendings)
  }

  /** Whoever takes the call over goes on with its trace, also where nothing was counted. Never rejects. */
  async #noteTrace(): Promise<void> {
    if (this.follower === undefined || !this.#speaks) return
    const nothingNew = { ...nothing(), lastEventType: this.#totals.lastEventType }
    const usage = JSON.stringify(this.#account.stored())
    await this.#parts.records.note(this.#record, nothingNew, usage).catch(() => false)
  }

  /** The store lost the session: write it anew, and speak for it again. */
  async #restore({ totals, usage, once }: Batch): Promise<void> {
    const { records } = this.#parts
    await records.restore({ ...this.#record, usage: usage ?? this.#record.usage }, totals, once)
    await this.#renew()
  }

  /** Counts towards budgets what the store has. */
  #spend(spendings: readonly Spending[]): void {
    const { spend, log } = this.#parts
    for (const spending of spendings)
      spend(this.#record, spending)
        .then(error => error !== null && this.#hooks.onSpent(error))
        .catch(fault => log.warn('limit.uncounted', { reason: String(fault) }))
  }
}
