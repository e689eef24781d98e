/** Puts calls together: records in the store, `/sideband` and the SDK addresses over HTTP, control connections. */
import { randomUUID } from 'node:crypto'
import type { EphemeralKeys } from '../access/ephemeral-keys.ts'
import { type Assistant, hasServerTools } from '../assistants/assistant.ts'
import type { Assistants } from '../assistants/assistants.ts'
import { createStateMigration } from '../assistants/state-migration.ts'
import { CallJournal } from '../calls/call-journal.ts'
import { CallStatus } from '../calls/call-status.ts'
import { type ControlOptions, Controls, checkBound } from '../calls/control-route.ts'
import type { CreateCallOptions } from '../calls/create-call.ts'
import { createIncoming } from '../calls/incoming.ts'
import { controlPath } from '../calls/observer.ts'
import { Ownership } from '../calls/ownership.ts'
import type { CallRecord } from '../calls/record.ts'
import { CallRecords } from '../calls/records.ts'
import { createCallActionRoutes } from '../calls/sdk-call-actions.ts'
import { createSdkCalls } from '../calls/sdk-calls.ts'
import { createSideband } from '../calls/sideband-routes.ts'
import { createTranslationCalls } from '../calls/translation-calls.ts'
import { createTranslationMeters } from '../calls/translation-meter.ts'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'
import type { Dial, UpgradeRequest } from '../core/ports.ts'
import type { CallBudgets } from '../limits/call-budgets.ts'
import type { Drain } from '../server/drain.ts'
import type { SocketRoute } from '../server/handler.ts'
import type { ArrivingHandler, HttpRoute } from '../server/http.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import type { ToolOptions } from '../tools/server-tools.ts'
import { createCalls, createTranslationClient } from '../upstream/calls.ts'
import type { Credential } from '../upstream/credentials/credentials.ts'
import { createCallDialer } from '../upstream/dial.ts'
import type { ModelPermit } from '../upstream/model-permit.ts'
import { passedHeaders } from '../upstream/passed-headers.ts'
import type { Target } from '../upstream/target.ts'

export interface SidebandParts
  extends Pick<ControlOptions, 'limits' | 'log' | 'metrics' | 'readType'>,
    Pick<CreateCallOptions, 'refusal'>,
    Pick<ControlOptions, 'accounts' | 'follow'> {
  readonly drain: Pick<Drain, 'add' | 'remove' | 'waitFor'>
  readonly target: Target
  readonly permit: ModelPermit
  readonly credential: Credential
  readonly store: Store
  readonly quota: StorageQuota
  readonly ephemeralKeys: EphemeralKeys
  readonly callBudgets: CallBudgets
  readonly assistants: Assistants
  /** Finds what runs an assistant's tools on the server; null where it has none. */
  readonly toolsOf: (assistant: Assistant) => ToolOptions | null
}

/** A call that a client joins at an SDK address. */
export interface JoinedCall {
  readonly dial: Dial
  /** Its assistant is pinned. */
  readonly isPinned: boolean
}

export interface Sideband {
  readonly http: [path: string, route: HttpRoute][]
  /** Takes webhooks that tell of telephone calls; null where none is expected. It checks their signatures itself. */
  readonly webhook: ArrivingHandler | null
  readonly sockets: [path: string, route: SocketRoute][]
  /** Finds a call for whoever asks. @throws GatewayError `forbidden` to an ephemeral key, `call_not_found` */
  readonly joinCall: (callId: string, request: UpgradeRequest) => Promise<JoinedCall>
  /** Ends every control connection, and no call. @returns when what they counted is written, or that has taken too long */
  close(): Promise<void>
}

export function assembleSideband(config: Config, parts: SidebandParts): Sideband {
  const {
    target,
    permit,
    credential,
    store,
    quota,
    limits,
    log,
    ephemeralKeys,
    callBudgets,
    refusal,
    drain,
  } = parts
  const { assistants, toolsOf: toolsOfAssistant } = parts
  const { connectTimeoutMs, proxy, chat } = config
  const { webrtcFilter, pinSession, sessionTtlMs } = config.sideband
  const records = new CallRecords({ store, quota, provider: target.provider, ttlMs: sessionTtlMs })
  const calls = createCalls({ target, credential, timeoutMs: connectTimeoutMs })
  const { webhookKeys, rules } = config.calls
  const takesCalls = webhookKeys.length > 0
  const ownership = new Ownership(config.calls.controllers)
  const dialCall = createCallDialer({ target, credential, connectTimeoutMs, proxy, ...limits, log })
  const passed = (asking: UpgradeRequest) => passedHeaders(asking, config.safety)
  const controls = new Controls({
    ...parts,
    records,
    ownership,
    dialCall,
    hangUp: (callId, passed) => calls.hangUp(callId, passed),
    passed,
    pinSession,
    hearsAll: callBudgets.areLimited,
    spend: (record, spending) => callBudgets.spend(record, spending),
    holder: randomUUID(),
    takesCalls,
    // Such a one is called over WebRTC where it is visible there, or by telephone where somebody accepts calls.
    hearsAssistants: assistants.all.some(
      assistant =>
        (assistant.isPinned || hasServerTools(assistant)) &&
        (assistant.isVisibleOverWebrtc || config.calls.controllers.size > 0),
    ),
    toolsOf: record => {
      const assistant = record.assistant === '' ? null : assistants.find(record.assistant)
      const tools = assistant === null ? null : toolsOfAssistant(assistant)
      if (assistant === null || tools === null) return null
      const { sessionId, account } = record
      const migration = createStateMigration(assistant)
      const journal = new CallJournal({ store, quota, ttlMs: sessionTtlMs, sessionId, account, migration })
      return { ...tools, journal }
    },
  })
  const meters = config.sideband.metersTranslations
    ? createTranslationMeters({
        dial: createCallDialer({
          ...{ target, credential, connectTimeoutMs, proxy, ...limits, log },
          purpose: 'translation',
        }),
        readType: parts.readType,
        accounts: parts.accounts,
        metrics: parts.metrics,
        log,
        spend: (payer, spending) => callBudgets.spend(payer, spending),
        hangUp: (callId, passed) => calls.hangUp(callId, passed),
        isLimited: callBudgets.areLimited,
        now: () => performance.now(),
      })
    : null
  const callParts = {
    target,
    permit,
    calls,
    records,
    ownership,
    ephemeralKeys,
    assistants,
    settings: { ...config.realtime.session, instructions: chat.instructions },
    log,
    safety: config.safety,
    refusal,
    waitFor: <T>(work: Promise<T>) => drain.waitFor(work),
    callMade: controls.watch.bind(controls),
    callEnded: (record: CallRecord, reason: string) => controls.callEnded(record, reason),
  }
  const { instructions = '', voice } = chat
  const { callEnded } = callParts
  const status = new CallStatus({ records, dialCall, callEnded, log })
  return {
    http: [
      ...createSideband({
        ...callParts,
        instructions,
        voice,
        webrtcFilter,
        pinned: config.realtime.pinSession,
        status,
      }),
      ...createSdkCalls({ ...callParts, pinSession }),
      ...createTranslationCalls({
        ...callParts,
        translations: createTranslationClient({ target, credential, timeoutMs: connectTimeoutMs }),
        meters,
        countsCalls: callBudgets.areLimited,
      }),
      ...createCallActionRoutes(callParts),
    ],
    webhook: takesCalls
      ? createIncoming({
          ...callParts,
          webhookKeys,
          rules,
          deployment: permit.choice.deployments[0],
          store,
          admit: payer => callBudgets.admit(payer),
          send: (record, event) => controls.send(record, event),
          now: Date.now,
          metrics: parts.metrics,
        })
      : null,
    sockets: [[controlPath, controls.route]],
    joinCall: async (callId, request) => {
      // Its holder is one browser; the calls of its owner are everybody's.
      if (request.principal?.by === 'ephemeral')
        throw new GatewayError(
          'forbidden',
          'An ephemeral key joins no call; show the credential that minted it',
        )
      const record = await records.findCall(callId, ...ownership.ownersOf(request))
      checkBound(request, record)
      // The replica that watched it may be gone.
      controls.watch(record, passed(request))
      return { dial: dialCall(record.callId, true), isPinned: record.isPinned }
    },
    close: () => {
      meters?.close()
      return controls.close()
    },
  }
}
