/** What happens in a call, counted here and written to the shared record a few times a second. */

import type { GatewayError } from '../core/errors.ts'
import { parseFields } from '../events/fields.ts'
import { transcriptionUsageOf, usageOf } from '../events/usage.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { endsResponse, transcriptionCompleted } from '../session/response-state.ts'
import type { Follow, SessionFollower } from '../session/session.ts'
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

/** Responses that wait for the store at once; of more, the tokens are counted and the kinds are not. */
const maxReports = 1000

/** Stands for the path that was dialled. */
const route = 'call'

/** A call has no close code of its own. */
const endedCode = 1000

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

class Follower implements CallActivity {
  readonly follower: SessionFollower | undefined
  readonly #parts: CallActivityParts
  readonly #record: CallRecord
  readonly #hooks: CallActivityHooks
  #pending = nothing()
  /** Since the session began, as far as this replica knows. */
  readonly #totals: Activity
  readonly #account: SessionAccount
  /** Responses that are not counted yet. */
  #reports: ResponseReport[] = []
  /** Several replicas may hear the same events; the one with the lease counts them. */
  #speaks = false
  #writing: Promise<void> = Promise.resolve()
  #writer: NodeJS.Timeout | null = null
  #renewer: NodeJS.Timeout | null = null

  constructor(parts: CallActivityParts, record: CallRecord, hooks: CallActivityHooks) {
    this.#parts = parts
    this.#record = record
    this.#hooks = hooks
    const { eventsFrom, eventsTo, inputTokens, outputTokens, lastEventType } = record
    this.#totals = { eventsFrom, eventsTo, inputTokens, outputTokens, lastEventType }
    const owner = { session: record.sessionId, principal: record.owner, route }
    this.#account = new SessionAccount(owner, parts.accounts, spending => this.#spend(spending))
    this.#account.opened(record.model || undefined)
    if (record.assistant !== '') this.#account.serve(record.assistant)
    this.#account.resume(parseFields(Buffer.from(record.usage)))
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
    this.follower?.ended({ by: 'upstream', code: endedCode })
    this.#write()
    this.#writing = this.#writing
      .then(() => endCall(this.#parts, this.#record, reason))
      // Of all that see the call's end, one tells it.
      .then(isFirst => {
        if (isFirst) this.#account.ended({ by: 'upstream', code: endedCode })
      })
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
    return this.#writing
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
  }

  #renew(): Promise<void> {
    const { records, holder } = this.#parts
    return (
      records
        .holdLease(this.#record.sessionId, holder)
        .then(speaks => {
          if (this.#speaks === speaks) return
          this.#speaks = speaks
          this.#hooks.onSpeaks?.(speaks)
        })
        // While the store is away nobody can tell who speaks: this replica's counts are kept.
        .catch(() => undefined)
    )
  }

  #write(): void {
    const written = this.#pending
    if (written.eventsFrom === 0 && written.eventsTo === 0) return
    this.#pending = nothing()
    const reports = this.#reports
    this.#reports = []
    // What comes meanwhile is pending, and is written next time.
    const totals = { ...this.#totals }
    this.#writing = this.#writing.then(() => this.#note(written, reports, totals))
  }

  /** Never rejects. */
  async #note(written: Activity, reports: ResponseReport[], totals: Activity): Promise<void> {
    const counted = this.#speaks ? written : { ...written, eventsFrom: 0, inputTokens: 0, outputTokens: 0 }
    const counts = this.#speaks ? reports : []
    try {
      const isKept = this.#account.isUsed || (this.#speaks && this.follower !== undefined)
      const usage = isKept ? JSON.stringify(this.#account.stored()) : null
      if (!(await this.#parts.records.note(this.#record, counted, usage))) await this.#restore(totals)
    } catch {
      this.#reports = [...reports, ...this.#reports].slice(0, maxReports)
      return this.#keep(written)
    }
    const { metrics } = this.#parts
    metrics.traffic.callInputTokens += counted.inputTokens
    metrics.traffic.callOutputTokens += counted.outputTokens
    for (const report of counts) this.#account.respond(report)
  }

  /** Whoever takes the call over goes on with its trace, also where nothing was counted. Never rejects. */
  async #noteTrace(): Promise<void> {
    if (this.follower === undefined || !this.#speaks) return
    const nothingNew = { ...nothing(), lastEventType: this.#totals.lastEventType }
    const usage = JSON.stringify(this.#account.stored())
    await this.#parts.records.note(this.#record, nothingNew, usage).catch(() => false)
  }

  /** The store lost the session: write it anew, and speak for it again. */
  async #restore(totals: Activity): Promise<void> {
    await this.#parts.records.restore(this.#record, totals)
    await this.#renew()
  }

  #spend(spending: Spending): void {
    const { spend, log } = this.#parts
    spend(this.#record, spending)
      .then(error => error !== null && this.#hooks.onSpent(error))
      .catch(fault => log.warn('limit.uncounted', { reason: String(fault) }))
  }

  /** Takes back what could not be written. */
  #keep(unwritten: Activity): void {
    const later = this.#pending
    this.#pending = {
      eventsFrom: unwritten.eventsFrom + later.eventsFrom,
      eventsTo: unwritten.eventsTo + later.eventsTo,
      inputTokens: unwritten.inputTokens + later.inputTokens,
      outputTokens: unwritten.outputTokens + later.outputTokens,
      lastEventType: later.lastEventType || unwritten.lastEventType,
    }
  }
}
