/** Whether a call goes on, as far as it can be known: media pass the gateway by, so upstream alone knows. */
import { enter, type FaultOwner } from '../core/fault-boundary.ts'
import type { Dial, UpstreamListener } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'

export interface CallStatusOptions {
  readonly records: Pick<CallRecords, 'isControlled'>
  readonly dialCall: (callId: string, patient: boolean) => Dial
  /** Upstream does not know the call any more. */
  readonly callEnded: (record: CallRecord, reason: string) => Promise<void>
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** What upstream said, or that a call was just made, holds for this long (ms). */
export const statusLifeMs = 15_000

/** Time in which upstream must say (ms). */
const askWithinMs = 3000

/** Answers that are kept; the oldest makes room. */
const maxKept = 1000

export class CallStatus {
  readonly #options: CallStatusOptions
  readonly #answers = new Map<string, { readonly at: number; readonly isRunning: Promise<boolean | null> }>()

  constructor(options: CallStatusOptions) {
    this.#options = options
  }

  /**
   * Asks upstream where nobody controls the call.
   * @param passed headers of whoever asks
   * @returns null where upstream cannot tell now
   */
  async isRunning(
    record: CallRecord,
    passed: Readonly<Record<string, string>> = {},
  ): Promise<boolean | null> {
    const known = await this.known(record)
    if (known !== null) return known
    const fresh = this.#fresh(record.sessionId)
    if (fresh !== null) return fresh
    const isRunning = this.#ask(record, passed)
    this.#keep(record.sessionId, isRunning)
    return isRunning
  }

  /** What is known without asking upstream. @returns null where nothing is */
  async known(record: CallRecord): Promise<boolean | null> {
    if (record.callId === '' || record.endedAt !== '') return false
    if (await this.#options.records.isControlled(record.sessionId)) return true
    const fresh = this.#fresh(record.sessionId)
    if (fresh !== null) return fresh
    return this.#now() - Date.parse(record.connectedAt) < statusLifeMs ? true : null
  }

  #fresh(sessionId: string): Promise<boolean | null> | null {
    const kept = this.#answers.get(sessionId)
    if (kept === undefined || this.#now() - kept.at >= statusLifeMs) return null
    return kept.isRunning
  }

  #keep(sessionId: string, isRunning: Promise<boolean | null>): void {
    this.#answers.delete(sessionId)
    const [oldest] = this.#answers.size >= maxKept ? this.#answers.keys() : []
    if (oldest !== undefined) this.#answers.delete(oldest)
    this.#answers.set(sessionId, { at: this.#now(), isRunning })
  }

  /** Joins the call for a moment: upstream takes whoever joins a call that goes on, and knows no other. */
  #ask(record: CallRecord, passed: Readonly<Record<string, string>>): Promise<boolean | null> {
    const { dialCall, callEnded, log } = this.#options
    const { promise, resolve } = Promise.withResolvers<boolean | null>()
    const owner: FaultOwner = {
      onFault: fault => {
        log.warn('upstream.failed', { session_id: record.sessionId, reason: String(fault) })
        resolve(null)
      },
    }
    const dial = dialCall(record.callId, false)
    const listener: UpstreamListener = {
      opened: upstream => {
        upstream.close(1000, '')
        resolve(true)
      },
      failed: error => {
        if (error.code !== 'call_not_found') return resolve(null)
        enter(owner, () => callEnded(record, 'upstream ended it').then(() => resolve(false)))
      },
      event: () => undefined,
      closed: () => undefined,
      fault: fault => owner.onFault(fault),
    }
    const abort = dial(listener, passed)
    const timer = setTimeout(() => {
      abort()
      resolve(null)
    }, askWithinMs)
    return promise.finally(() => clearTimeout(timer))
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }
}
