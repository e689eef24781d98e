/** `/sideband/control/{id}`: watches and steers a running call. */

import { systemClock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Client, Connection, Dial, UpgradeRequest } from '../core/ports.ts'
import { shutdownSteps } from '../core/shutdown.ts'
import { parseFields } from '../events/fields.ts'
import { contextOf, type SocketRoute } from '../server/handler.ts'
import { type Pinned, PinnedSession } from '../session/pinned-session.ts'
import { openPolicy, pinnedPolicy, type SessionPolicy } from '../session/session-policy.ts'
import { definitionsOf } from '../tools/tool-settings.ts'
import type { ModelPermit } from '../upstream/model-permit.ts'
import { tellStoredEnd } from './activity.ts'
import { CallTools, type CallToolsParts } from './call-tools.ts'
import { CallControl, type CallControlParts } from './control.ts'
import { endCall } from './end-call.ts'
import { Handover, type HandoverOptions } from './handover.ts'
import { Observer } from './observer.ts'
import { type Ownership, telephoneOwner } from './ownership.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'

export interface ControlOptions
  extends Omit<
    CallControlParts,
    | 'record'
    | 'dial'
    | 'pinnedSession'
    | 'policy'
    | 'pinned'
    | 'stays'
    | 'tools'
    | 'hangUp'
    | 'onOver'
    | 'holder'
  > {
  readonly records: CallRecords
  readonly dialCall: (callId: string, patient: boolean) => Dial
  readonly hangUp: (callId: string, passed: Headers) => Promise<boolean>
  /** What upstream is told of the headers of whoever asks. */
  readonly passed: (asking: UpgradeRequest) => Headers
  readonly pinSession: boolean
  readonly permit: ModelPermit
  readonly ownership: Ownership
  /** The server must hear every call: what it spends is limited. */
  readonly hearsAll: boolean
  /** Names this replica's process among all others. */
  readonly holder: string
  /** The connections that a drain ends. */
  readonly drain: HandoverOptions['drain']
  /** Why nothing new is taken now; null while it is. */
  readonly refusal: HandoverOptions['refusal']
  /** Calls of assistants are made that are pinned, or have tools on the server. */
  readonly hearsAssistants: boolean
  /** Finds what runs the tools of a call's assistant; null where none run on the server. */
  readonly toolsOf: (record: CallRecord) => CallToolsOptions | null
  /** Calls come by telephone. */
  readonly takesCalls: boolean
}

/** What is known of a call's tools before there is a control connection. */
export type CallToolsOptions = Pick<CallToolsParts, 'runner' | 'limits' | 'journal'>

type Headers = Readonly<Record<string, string>>

/** The control connections of this replica, one a call. */
export class Controls {
  readonly #options: ControlOptions
  readonly #controls = new Map<string, CallControl>()
  /** null where no call must be heard. */
  readonly #handover: Handover | null

  constructor(options: ControlOptions) {
    this.#options = options
    const { pinSession, hearsAll, takesCalls, hearsAssistants } = options
    const hears = pinSession || hearsAll || takesCalls || hearsAssistants
    this.#handover = hears
      ? new Handover({
          ...options,
          every: systemClock.every,
          joined: async sessionId => this.#controls.get(sessionId)?.joined,
          finishTools: async (sessionId, deadlineMs) => this.#controls.get(sessionId)?.drainTools(deadlineMs),
          take: record => this.watch(record),
          leave: sessionId => void this.#controls.get(sessionId)?.stop(),
        })
      : null
  }

  /** The route `/sideband/control/:id`; refuses unknown sessions (404) and those without a call (409). */
  get route(): SocketRoute {
    return {
      accept: async request => {
        const record = await this.#options.records.find(
          request.path.split('/').at(-1) ?? '',
          ...this.#options.ownership.ownersOf(request),
        )
        if (record.endedAt !== '') throw new GatewayError('conflict', 'The call of this session has ended')
        if (record.callId === '')
          throw new GatewayError('conflict', 'This session has no call yet; send an offer first')
        checkBound(request, record)
        const passed = this.#options.passed(request)
        const { limits: bounds, log } = this.#options
        const dial = this.#joining(record, passed)(true)
        return {
          handler: client => this.#observe(client, record, passed),
          context: contextOf(request, { bounds, dial, log }),
        }
      },
    }
  }

  /**
   * Watches a call from now on, where it came by telephone, sessions are pinned or the tokens of calls are limited.
   * @param passed headers of whoever asked for it, for the dial; none where nobody did
   */
  watch(record: CallRecord, passed: Headers = {}): void {
    if (this.#mustHear(record)) this.#controlOf(record, passed)
  }

  /** Sends an event to a call that this replica watches. */
  send({ sessionId }: CallRecord, event: { readonly type: string; readonly [field: string]: unknown }): void {
    this.#controls.get(sessionId)?.send(JSON.stringify(event), event.type)
  }

  /** A call was hung up from here, or its session ended without one. @throws GatewayError `store_unavailable` */
  async callEnded(record: CallRecord, reason: string): Promise<void> {
    const control = this.#controls.get(record.sessionId)
    await control?.end(reason)
    // Nobody need control it here, and whoever did may have left.
    await endCall(this.#options, record, reason)
    if (control === undefined) await tellStoredEnd(this.#options, record)
  }

  /**
   * Ends every control connection, and no call.
   * @returns when what they counted is written and their calls are offered, or that has taken too long
   */
  async close(): Promise<void> {
    const tooLong = new Promise(resolve => setTimeout(resolve, shutdownSteps.callCountsMs).unref())
    // Before the leases are given back: an offer that follows another replica's lease would take it away.
    const offered = this.#handover?.close()
    const stopped = [...this.#controls.values()].map(control => control.stop())
    await Promise.race([tooLong, Promise.all([offered, ...stopped])])
  }

  #mustHear(record: CallRecord): boolean {
    const { pinSession, hearsAll, toolsOf } = this.#options
    const isKept = record.isPinned || pinSession || record.owner === telephoneOwner
    return isKept || hearsAll || toolsOf(record) !== null
  }

  #observe(client: Client, record: CallRecord, passed: Headers): Connection {
    const control = this.#controlOf(record, passed)
    control.join(client)
    const purpose = pinnedOf(record, null) === null ? 'transcription' : 'conversation'
    return new Observer({
      client,
      control,
      rules: { permit: this.#options.permit, purpose, policy: policyOf(record) },
      log: this.#options.log,
      hangUp: () => this.#hangUp(record, 'hung up', passed),
    })
  }

  /** @param passed headers of whoever asked first: the connection is one for all */
  #controlOf(record: CallRecord, passed: Headers): CallControl {
    const existing = this.#controls.get(record.sessionId)
    if (existing !== undefined) return existing
    const { pinSession, ...parts } = this.#options
    const { records } = parts
    const tools = parts.toolsOf(record)
    const pinnedNow = pinnedOf(record, tools)
    const stays = this.#mustHear(record)
    const control = new CallControl({
      ...parts,
      record,
      dial: this.#joining(record, passed),
      stays,
      policy: policyOf(record),
      pinnedSession:
        (pinSession || record.isPinned) && pinnedNow !== null ? new PinnedSession(pinnedNow) : null,
      tools:
        tools === null ? null : link => new CallTools({ ...tools, ...link, ...ofCall(record, parts.log) }),
      // Another replica that takes the call over must know what is pinned now.
      pinned: pinned => void records.pin(record, pinned).catch(() => undefined),
      hangUp: reason => void this.#hangUp(record, reason, passed).catch(() => undefined),
      onOver: () => {
        this.#controls.delete(record.sessionId)
        this.#handover?.release(record.sessionId)
      },
    })
    this.#controls.set(record.sessionId, control)
    if (stays) this.#handover?.hold(record)
    return control
  }

  /** @returns the dialing function of the call; `patient` as of `dialCall` */
  #joining({ callId }: CallRecord, passed: Headers): (patient: boolean) => Dial {
    const { dialCall } = this.#options
    return patient => listener => dialCall(callId, patient)(listener, passed)
  }

  /** @param passed headers of whoever asked for it; where nobody did, of whoever asked for the control connection */
  async #hangUp(record: CallRecord, reason: string, passed: Headers): Promise<void> {
    const { hangUp, log } = this.#options
    try {
      await hangUp(record.callId, passed)
      await this.callEnded(record, reason)
    } catch (fault) {
      log.warn('upstream.failed', { session_id: record.sessionId, reason: String(fault) })
      throw fault
    }
  }
}

/** What those who control a call may see and change of its session. */
export function policyOf({ isPinned }: Pick<CallRecord, 'isPinned'>): SessionPolicy {
  return isPinned ? pinnedPolicy('refuse') : openPolicy
}

/**
 * A ticket for an assistant opens calls of that one only.
 * @throws GatewayError `forbidden`
 */
export function checkBound({ principal }: Pick<UpgradeRequest, 'principal'>, record: CallRecord): void {
  const bound = principal?.assistant
  if (bound !== undefined && bound !== record.assistant)
    throw new GatewayError('forbidden', `This ticket opens the assistant "${bound}" alone`)
}

/** @param tools which stand beside those of the session @returns null for a transcription, of which nothing is pinned */
function pinnedOf({ pinned }: CallRecord, tools: CallToolsOptions | null): Pinned | null {
  const settings: Pinned | null = JSON.parse(pinned || '{}')
  if (settings === null || tools === null) return settings
  const own = definitionsOf(tools.runner)
  const names = new Set(own.map(({ name }) => name))
  const others = (settings.tools ?? []).filter(tool => !('name' in tool && names.has(String(tool.name))))
  return { ...settings, tools: [...own, ...others] }
}

/** What the tools of a call need to know of it. */
function ofCall({ owner, sessionId, turnDetection }: CallRecord, log: ControlOptions['log']) {
  const turns = turnDetection === '' ? null : parseFields(Buffer.from(turnDetection))
  return { caller: owner, sessionId, turnDetection: turns, log }
}
