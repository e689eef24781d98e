/** `/sideband/control/{id}`: watches and steers a running call. */

import { GatewayError } from '../core/errors.ts'
import type { Client, Connection, Dial, SocketRoute, UpgradeRequest } from '../core/ports.ts'
import { shutdownSteps } from '../core/shutdown.ts'
import { type Pinned, SessionGuard } from '../session/session-guard.ts'
import type { ModelPermit } from '../upstream/model-permit.ts'
import { CallControl, type CallControlParts } from './control.ts'
import { endCall } from './end-call.ts'
import { Observer } from './observer.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'
import { ownerOf } from './sideband-routes.ts'

export interface ControlOptions
  extends Omit<
    CallControlParts,
    'record' | 'dial' | 'guard' | 'pinned' | 'stays' | 'hangUp' | 'onOver' | 'holder'
  > {
  readonly records: CallRecords
  readonly dialCall: (callId: string, patient: boolean) => Dial
  readonly hangUp: (callId: string) => Promise<boolean>
  /** What upstream is told of the headers of whoever asks. */
  readonly passed: (asking: UpgradeRequest) => Headers
  readonly pinSession: boolean
  readonly permit: ModelPermit
  /** The server must hear every call: what it spends is limited. */
  readonly hearsAll: boolean
  /** Names this replica's process among all others. */
  readonly holder: string
}

type Headers = Readonly<Record<string, string>>

/** The control connections of this replica, one a call. */
export class Controls {
  readonly #options: ControlOptions
  readonly #controls = new Map<string, CallControl>()

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /** The route `/sideband/control/:id`; refuses unknown sessions (404) and those without a call (409). */
  get route(): SocketRoute {
    return {
      accept: async request => {
        const record = await this.#options.records.find(
          request.path.split('/').at(-1) ?? '',
          ownerOf(request),
        )
        if (record.endedAt !== '') throw new GatewayError('conflict', 'The call of this session has ended')
        if (record.callId === '')
          throw new GatewayError('conflict', 'This session has no call yet; send an offer first')
        const passed = this.#options.passed(request)
        return { handler: client => this.#observe(client, record, passed) }
      },
    }
  }

  /**
   * Watches a call from now on, where sessions are pinned or the tokens of calls are limited.
   * @param passed headers of whoever asked for it, for the dial
   */
  watch(record: CallRecord, passed: Headers): void {
    if (this.#stays) this.#controlOf(record, passed)
  }

  /** A call was hung up from here, or its session ended without one. @throws GatewayError `store_unavailable` */
  async callEnded(record: CallRecord, reason: string): Promise<void> {
    await this.#controls.get(record.sessionId)?.end(reason)
    // Nobody need control it here, and whoever did may have left.
    await endCall(this.#options, record, reason)
  }

  /** Ends every control connection, and no call. @returns when what they counted is written, or that has taken too long */
  async close(): Promise<void> {
    const tooLong = new Promise(resolve => setTimeout(resolve, shutdownSteps.callCountsMs).unref())
    await Promise.race([tooLong, Promise.all([...this.#controls.values()].map(control => control.stop()))])
  }

  get #stays(): boolean {
    return this.#options.pinSession || this.#options.hearsAll
  }

  #observe(client: Client, record: CallRecord, passed: Headers): Connection {
    const control = this.#controlOf(record, passed)
    control.join(client)
    const purpose = pinnedOf(record) === null ? 'transcription' : 'conversation'
    return new Observer({
      client,
      control,
      rules: { permit: this.#options.permit, purpose, pinned: false },
      log: this.#options.log,
      hangUp: () => this.#hangUp(record, 'hung up'),
    })
  }

  /** @param passed headers of whoever asked first: the connection is one for all */
  #controlOf(record: CallRecord, passed: Headers): CallControl {
    const existing = this.#controls.get(record.sessionId)
    if (existing !== undefined) return existing
    const { pinSession, dialCall, ...parts } = this.#options
    const { records } = parts
    const pinnedNow = pinnedOf(record)
    const control = new CallControl({
      ...parts,
      record,
      dial: patient => listener => dialCall(record.callId, patient)(listener, passed),
      stays: this.#stays,
      guard: pinSession && pinnedNow !== null ? new SessionGuard(pinnedNow) : null,
      // Another replica that takes the call over must know what is pinned now.
      pinned: pinned => void records.pin(record, pinned).catch(() => undefined),
      hangUp: reason => void this.#hangUp(record, reason).catch(() => undefined),
      onOver: () => this.#controls.delete(record.sessionId),
    })
    this.#controls.set(record.sessionId, control)
    return control
  }

  async #hangUp(record: CallRecord, reason: string): Promise<void> {
    const { hangUp, log } = this.#options
    try {
      await hangUp(record.callId)
      await this.callEnded(record, reason)
    } catch (fault) {
      log.warn('upstream.failed', { session_id: record.sessionId, reason: String(fault) })
      throw fault
    }
  }
}

/** @returns null for a transcription, of which nothing is pinned */
function pinnedOf({ pinned }: CallRecord): Pinned | null {
  return JSON.parse(pinned || '{}')
}
