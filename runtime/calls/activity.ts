/** What happens in a call, counted here and written to the shared record a few times a second. */

import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { endsResponse } from '../turn.ts'
import { endCall } from './end-call.ts'
import type { Activity, CallRecord } from './record.ts'
import { type CallRecords, leaseMs } from './records.ts'

export interface CallActivityParts {
  readonly records: CallRecords
  /** Names this replica's control connection among those of other replicas. */
  readonly holder: string
  readonly log: Log
  readonly metrics: Metrics
}

export interface CallActivity {
  /** The control connection is open: what comes is counted from now on. */
  start(): void
  noteSent(): void
  /** @returns JSON of `{"events_from_openai":N,"events_to_openai":N}` */
  noteEvent(type: string, frame: Buffer): string
  /** The call is over. @returns when that is written, or cannot be */
  end(reason: string): Promise<void>
  /** Writes what is left. Safe to call twice. */
  stop(): void
}

const writeIntervalMs = 500

/** A replica that holds the lease says so again this often (ms). */
const leaseRenewalMs = leaseMs / 3

const nothing = (): Activity => ({
  eventsFrom: 0,
  eventsTo: 0,
  inputTokens: 0,
  outputTokens: 0,
  lastEventType: '',
})

/** Follows one call. While the store is away, counts are kept and written when it is back. */
export function createCallActivity(parts: CallActivityParts, record: CallRecord): CallActivity {
  return new Follower(parts, record)
}

class Follower implements CallActivity {
  readonly #parts: CallActivityParts
  readonly #record: CallRecord
  #pending = nothing()
  /** Since the session began, as far as this replica knows. */
  readonly #totals: Activity
  /** Several replicas may hear the same events; the one with the lease counts them. */
  #speaks = false
  #writing: Promise<void> = Promise.resolve()
  #writer: NodeJS.Timeout | null = null
  #renewer: NodeJS.Timeout | null = null

  constructor(parts: CallActivityParts, record: CallRecord) {
    this.#parts = parts
    this.#record = record
    const { eventsFrom, eventsTo, inputTokens, outputTokens, lastEventType } = record
    this.#totals = { eventsFrom, eventsTo, inputTokens, outputTokens, lastEventType }
  }

  start(): void {
    if (this.#writer !== null) return
    this.#writer = setInterval(() => this.#write(), writeIntervalMs)
    this.#renewer = setInterval(() => this.#renew(), leaseRenewalMs)
    this.#renew()
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
    return `{"events_from_openai":${this.#totals.eventsFrom},"events_to_openai":${this.#totals.eventsTo}}`
  }

  end(reason: string): Promise<void> {
    this.#write()
    this.#writing = this.#writing
      .then(() => endCall(this.#parts, this.#record, reason))
      .catch(() => undefined)
    return this.#writing
  }

  stop(): void {
    if (this.#writer !== null) clearInterval(this.#writer)
    if (this.#renewer !== null) clearInterval(this.#renewer)
    this.#writer = null
    this.#renewer = null
    this.#write()
    const { records, holder } = this.#parts
    this.#writing = this.#writing
      .then(() => records.releaseLease(this.#record.sessionId, holder))
      .catch(() => undefined)
  }

  #noteUsage(frame: Buffer): void {
    const { response } = JSON.parse(frame.toString()) as {
      response?: { usage?: Partial<Record<string, number>> | null }
    }
    for (const counts of [this.#totals, this.#pending]) {
      counts.inputTokens += response?.usage?.input_tokens ?? 0
      counts.outputTokens += response?.usage?.output_tokens ?? 0
    }
  }

  #renew(): void {
    const { records, holder } = this.#parts
    records
      .holdLease(this.#record.sessionId, holder)
      .then(speaks => {
        this.#speaks = speaks
      })
      // While the store is away nobody can tell who speaks: this replica's counts are kept.
      .catch(() => undefined)
  }

  #write(): void {
    const written = this.#pending
    if (written.eventsFrom === 0 && written.eventsTo === 0) return
    this.#pending = nothing()
    const counted = this.#speaks ? written : { ...written, eventsFrom: 0, inputTokens: 0, outputTokens: 0 }
    const { records, metrics } = this.#parts
    this.#writing = this.#writing
      .then(() => records.note(this.#record, counted))
      .then(known => (known ? undefined : this.#restore()))
      .then(
        () => {
          metrics.traffic.callInputTokens += counted.inputTokens
          metrics.traffic.callOutputTokens += counted.outputTokens
        },
        () => this.#keep(written),
      )
  }

  /** The store lost the session: write it anew, and speak for it again. */
  async #restore(): Promise<void> {
    await this.#parts.records.restore(this.#record, this.#totals)
    this.#renew()
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
