/** Has keys minted and calls made, and remembers whose they are: for `/sideband` and for the SDK addresses. */
import type { EphemeralKeys } from '../access/ephemeral-keys.ts'
import { anonymous } from '../access/gate.ts'
import type { CallRecord } from '../calls/record.ts'
import type { CallRecords } from '../calls/records.ts'
import { GatewayError } from '../errors.ts'
import type { HttpAnswer, HttpHandler, HttpRequest } from '../http.ts'
import type { Log } from '../log.ts'
import type { ModelChoice } from '../model-choice.ts'
import type { Target } from '../target.ts'
import type { Principal } from '../types.ts'
import type { Calls, EphemeralKey } from '../upstream/calls.ts'

export interface PlacingOptions {
  readonly target: Target
  readonly models: ModelChoice
  readonly calls: Calls
  readonly records: CallRecords
  readonly ephemeralKeys: EphemeralKeys
  readonly log: Log
  /** Why nothing new is taken now; null while it is. */
  readonly refusal: () => GatewayError | null
  /** A call was made: watches it from now on, where calls are watched. */
  readonly callMade: (record: CallRecord) => void
}

/** What a call is made with. */
export interface CallingKey {
  readonly value: string
  /** JSON of the instructions and tools that a pinned session is put back to. */
  readonly pinned: string
}

export interface Placed {
  readonly sdp: string
  readonly filtered: boolean
  /** Of whoever makes the call. */
  readonly address: string
}

/** What is asked of upstream; `session` names its model. */
export interface KeyWish {
  readonly session: { readonly model: string; readonly instructions?: unknown; readonly tools?: unknown }
}

/** Makes a handler that makes keys or calls: a replica that drains could not hear a call for long. */
export function unlessDraining<O extends PlacingOptions>(
  options: O,
  handle: (options: O, request: HttpRequest) => Promise<HttpAnswer>,
): HttpHandler {
  return request => {
    const refusal = options.refusal()
    if (refusal !== null) throw refusal
    return handle(options, request)
  }
}

/**
 * Has a key minted, and remembers for whom.
 * @param alias what the client called the model of `wish`; null where by its own name
 * @throws GatewayError as upstream's calls do, or `store_unavailable`
 */
export async function mintKey(
  { calls, ephemeralKeys }: Pick<PlacingOptions, 'calls' | 'ephemeralKeys'>,
  owner: Principal = anonymous,
  wish: KeyWish,
  alias: string | null = null,
): Promise<EphemeralKey & CallingKey> {
  const key = await calls.mintKey(wish)
  const { instructions, tools = [] } = key.raw.session ?? wish.session
  const pinned = JSON.stringify({ instructions, tools })
  const minted = { owner, model: wish.session.model, ...(alias !== null && { alias }), pinned }
  await ephemeralKeys.remember(key.value, minted, key.expiresAt)
  return { ...key, pinned }
}

/**
 * Makes a call, and connects it with its session.
 * @param session finds or makes the session, once there is a call
 */
export async function placeCall(
  options: PlacingOptions,
  { sdp, filtered, address }: Placed,
  { value, pinned }: CallingKey,
  session: () => Promise<CallRecord>,
): Promise<{ sdp: string; callId: string }> {
  const { calls, log, target, callMade } = options
  const call = await calls.offer(sdp, value, filtered)
  const record = await connect(options, { callId: call.callId, pinned, address }, session)
  if (record === null) {
    // Nobody could find this call again to end it.
    await calls.hangUp(call.callId).catch(() => undefined)
    throw new GatewayError(
      'store_unavailable',
      'The call was made but could not be remembered, so it was ended; try again',
    )
  }
  log.info('sideband.webrtc.connected', {
    session_id: record.sessionId,
    call_id: call.callId,
    provider: target.provider,
    webrtc_connected: true,
    websocket_connected: false,
  })
  callMade(record)
  return call
}

/** @returns the session as it is now; null when it is gone, or the store is away */
async function connect(
  { records }: PlacingOptions,
  made: Pick<CallRecord, 'callId' | 'pinned' | 'address'>,
  session: () => Promise<CallRecord>,
): Promise<CallRecord | null> {
  try {
    const record = await session()
    if (!(await records.connect(record, made))) return null
    return await records.find(record.sessionId, record.owner)
  } catch {
    return null
  }
}
