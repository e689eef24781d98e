/** Has keys minted and calls made, and remembers whose they are: for `/sideband` and for the SDK addresses. */

import { anonymous } from '../access/authenticator.ts'
import type { EphemeralKeys } from '../access/ephemeral-keys.ts'
import { type Assistant, hasServerTools } from '../assistants/assistant.ts'
import type { Assistants } from '../assistants/assistants.ts'
import { scopeOf } from '../assistants/choice.ts'
import { assistantSessionSettings } from '../assistants/session-settings.ts'
import { GatewayError } from '../core/errors.ts'
import { type SessionSettings, sessionFields } from '../dialect/dialect.ts'
import { type Fields, isFields } from '../events/fields.ts'
import type { Log } from '../observability/log.ts'
import type { HttpAnswer, HttpHandler, HttpRequest } from '../server/http.ts'
import type { Calls, EphemeralKey } from '../upstream/calls.ts'
import type { ModelPermit, Purpose } from '../upstream/model-permit.ts'
import { passedHeaders } from '../upstream/passed-headers.ts'
import type { SafetySource } from '../upstream/safety-identifier.ts'
import type { Target } from '../upstream/target.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'

export interface CreateCallOptions {
  readonly target: Target
  readonly permit: ModelPermit
  readonly calls: Calls
  readonly records: CallRecords
  readonly ephemeralKeys: EphemeralKeys
  readonly log: Log
  readonly assistants: Pick<Assistants, 'choose'>
  /** What the variables say of a session. */
  readonly settings: SessionSettings
  /** What tells upstream apart the people behind one key. */
  readonly safety: SafetySource
  /** Why nothing new is taken now; null while it is. */
  readonly refusal: () => GatewayError | null
  /** Has a drain wait for what has begun. @returns it */
  readonly waitFor: <T>(work: Promise<T>) => Promise<T>
  /** A call was made: watches it from now on, where calls are watched. */
  readonly callMade: (record: CallRecord, passed?: Readonly<Record<string, string>>) => void
}

/** What a call is made with. */
export interface CallingKey {
  readonly value: string
  /** Deployment of its session; '' where it names none. */
  readonly model: string
  /** JSON of the instructions and tools that a pinned session is put back to; `null` for a transcription. */
  readonly pinned: string
  /** JSON of how its session finds turns, where it begins without answering them; absent: it answers. */
  readonly turnDetection?: string
}

export interface CreatedCall {
  readonly sdp: string
  readonly filtered: boolean
  /** Of whoever makes the call. */
  readonly address: string
  /** What upstream is told of that request's headers, with the call and with its control connection. */
  readonly passed: Readonly<Record<string, string>>
}

/** What is asked of upstream; `session` names its model, but that of a transcription. */
export interface KeyRequest {
  readonly session: {
    readonly type?: unknown
    readonly model?: string
    readonly instructions?: unknown
    readonly tools?: unknown
    readonly prompt?: unknown
  }
}

/** What a key is for. */
export interface KeyUse {
  /** What the client called the model of a keyRequest; null where by its own name. */
  readonly alias?: string | null
  /** The session has the gateway's own instructions, which are neither shown nor replaced. */
  readonly isPinned?: boolean
  /** The key opens sessions of this assistant alone. */
  readonly assistant?: Assistant | null
}

/** The session of an assistant, as GA has it and a key or a call takes it: with its type, and without a model. */
export function sessionFor(
  { settings }: Pick<CreateCallOptions, 'settings'>,
  assistant: Assistant,
  request: HttpRequest,
): Fields {
  return sessionFields(assistantSessionSettings(assistant, settings, scopeOf(request)), 'ga')
}

/** How a session finds turns where nothing is said of it. Source: the API's reference of `session.audio.input`. */
const defaultTurnDetection = { type: 'server_vad' }

/**
 * The session of a call whose tools run on the server: it begins without answering, until the control connection has set
 * the tools, as what happens before that is not told to it.
 * @param session as GA has it
 * @returns `turnDetection`: JSON of what the control connection sets; absent where the session answers no turns anyway
 */
export function withoutAnswers<S extends Fields>(
  session: S,
  assistant: Assistant | null,
): { readonly session: S; readonly turnDetection?: string } {
  if (assistant === null || !hasServerTools(assistant)) return { session }
  const audio = isFields(session.audio) ? session.audio : {}
  const input = isFields(audio.input) ? audio.input : {}
  const turns = input.turn_detection === undefined ? defaultTurnDetection : input.turn_detection
  if (!isFields(turns) || turns.create_response === false) return { session }
  const turn_detection = { ...turns, create_response: false }
  return {
    session: { ...session, audio: { ...audio, input: { ...input, turn_detection } } },
    turnDetection: JSON.stringify({ ...turns, create_response: true }),
  }
}

/** What the record of a call says of its assistant. */
export function assistantOf(assistant: Assistant | null): Pick<CallRecord, 'assistant' | 'isPinned'> {
  return { assistant: assistant?.name ?? '', isPinned: assistant?.isPinned ?? false }
}

/**
 * Makes a handler that makes keys or calls: a replica that drains could not hear a call for long. It waits for those that
 * are being made.
 */
export function refuseWhileDraining<O extends CreateCallOptions>(
  options: O,
  handle: (options: O, request: HttpRequest) => Promise<HttpAnswer>,
): HttpHandler {
  return request => {
    const refusal = options.refusal()
    if (refusal !== null) throw refusal
    return options.waitFor(handle(options, request))
  }
}

/** The account that what a request stores is charged to. */
export function accountOf({ account = `credential:${anonymous.name}` }: HttpRequest): string {
  return account
}

/** Says who makes a call, as upstream and the limits are told. */
export function requestedBy(
  { safety }: Pick<CreateCallOptions, 'safety'>,
  request: HttpRequest,
): Pick<CreatedCall, 'address' | 'passed'> {
  return { address: request.address, passed: passedHeaders(request, safety) }
}

/**
 * Has a key minted, and remembers for whom.
 * @throws GatewayError as upstream's calls do, `limit_reached` when too much is stored for the account, or `store_unavailable`
 */
export async function mintKey(
  { calls, ephemeralKeys, safety }: Pick<CreateCallOptions, 'calls' | 'ephemeralKeys' | 'safety'>,
  request: HttpRequest,
  keyRequest: KeyRequest,
  { alias = null, isPinned = false, assistant = null }: KeyUse = {},
): Promise<EphemeralKey & CallingKey> {
  const key = await calls.mintKey(keyRequest, passedHeaders(request, safety))
  const { instructions, tools = [], prompt } = key.raw.session ?? keyRequest.session
  const purpose = purposeOf(keyRequest.session)
  const settings = { instructions, tools, prompt: prompt ?? undefined }
  // Those of a transcription are its client's.
  const pinned = JSON.stringify(purpose === 'transcription' ? null : settings)
  const { principal: owner = anonymous } = request
  const minted = {
    owner,
    model: keyRequest.session.model ?? '',
    ...(alias !== null && { alias }),
    ...(purpose === 'transcription' && { purpose }),
    ...(isPinned && { isPinned }),
    ...(assistant !== null && { assistant: assistant.name }),
    pinned,
  }
  await ephemeralKeys.remember(key.value, minted, key.expiresAt, accountOf(request))
  return { ...key, model: minted.model, pinned }
}

/** What a session is for whose type stands in a request; without one it is a conversation. */
export function purposeOf({ type }: { readonly type?: unknown }): Purpose {
  return type === 'transcription' ? 'transcription' : 'conversation'
}

/**
 * Makes a call, and connects it with its session.
 * @param session finds or makes the session, once there is a call
 */
export async function createCall(
  options: CreateCallOptions,
  { sdp, filtered, address, passed }: CreatedCall,
  { value, model, pinned, turnDetection }: CallingKey,
  session: () => Promise<CallRecord>,
): Promise<Awaited<ReturnType<Calls['offer']>>> {
  const { calls, log, target, callMade } = options
  const call = await calls.offer(sdp, value, filtered, passed)
  const record = await connect(
    options,
    { callId: call.callId, model, pinned, address, ...(turnDetection !== undefined && { turnDetection }) },
    session,
  )
  if (record instanceof GatewayError) {
    // Nobody could find this call again to end it.
    await calls.hangUp(call.callId, passed).catch(() => undefined)
    throw record
  }
  log.info('sideband.webrtc.connected', {
    session_id: record.sessionId,
    call_id: call.callId,
    provider: target.provider,
    webrtc_connected: true,
    websocket_connected: false,
  })
  callMade(record, passed)
  return call
}

/** @returns the session as it is now; why there is none when it is gone, too much is stored, or the store is away */
async function connect(
  { records }: CreateCallOptions,
  made: Parameters<CallRecords['connect']>[1],
  session: () => Promise<CallRecord>,
): Promise<CallRecord | GatewayError> {
  const unremembered = new GatewayError(
    'store_unavailable',
    'The call was made but could not be remembered, so it was ended; try again',
  )
  try {
    const record = await session()
    if (!(await records.connect(record, made))) return unremembered
    return await records.find(record.sessionId, record.owner)
  } catch (fault) {
    return fault instanceof GatewayError && fault.code === 'limit_reached' ? fault : unremembered
  }
}
