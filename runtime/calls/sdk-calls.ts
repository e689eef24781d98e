/**
 * The HTTP addresses at which official SDKs make WebRTC calls, as at the API itself: `client_secrets` and
 * `calls`. Media never passes through here. A call is a sideband session, too.
 */
import { z } from 'zod'
import { anonymous } from '../access/authenticator.ts'
import { findCredential } from '../access/credential-sources.ts'
import { isEphemeral, principalOf } from '../access/ephemeral-keys.ts'
import type { Assistant } from '../assistants/assistant.ts'
import { checkOffered, chosenBy } from '../assistants/choice.ts'
import { callPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { requestIdHeaders } from '../core/request-id.ts'
import { mergeSession } from '../dialect/merge-session.ts'
import { type HttpAnswer, type HttpRequest, type HttpRoute, jsonAnswer } from '../server/http.ts'
import { checkedBy, parseJson, readJsonBody } from '../server/json-body.ts'
import { omitPinnedFields, pinnedPolicy } from '../session/session-policy.ts'
import { chooseModel } from '../upstream/model-choice.ts'
import { findForbiddenModel } from '../upstream/model-permit.ts'
import {
  accountOf,
  assistantOf,
  type CallingKey,
  type CreateCallOptions,
  createCall,
  type KeyRequest,
  mintKey,
  purposeOf,
  refuseWhileDraining,
  requestedBy,
  sessionFor,
  withoutAnswers,
} from './create-call.ts'
import { readOffer } from './offer.ts'
import { ownerOf } from './ownership.ts'

export interface SdkCallsOptions extends CreateCallOptions {
  /** Calls keep the instructions and tools of their key. */
  readonly pinSession: boolean
}

const modelName = z.string().min(1).max(128).optional()

/** What the gateway must know of a session; upstream judges the rest. */
const sessionSettings = z.looseObject({
  type: z.enum(['realtime', 'transcription'], 'must be "realtime" or "transcription"').default('realtime'),
  model: modelName,
})

/** `model` stands beside `session` in requests that were written for the preview's `/realtime/sessions`. */
const secretBody = z.looseObject({ session: sessionSettings.optional(), model: modelName })

/** Makes the routes. */
export function createSdkCalls(options: SdkCallsOptions): [path: string, route: HttpRoute][] {
  return callPaths.flatMap((base): [string, HttpRoute][] => [
    [`${base}/client_secrets`, { POST: refuseWhileDraining(options, makeSecret) }],
    [`${base}/calls`, { POST: refuseWhileDraining(options, makeCall) }],
  ])
}

/** `POST client_secrets`: upstream's answer as it came, but for a model that was asked for by an alias. */
async function makeSecret(options: SdkCallsOptions, request: HttpRequest): Promise<HttpAnswer> {
  const { session, model, ...rest } = readJsonBody(request, secretBody)
  if (model !== undefined && session?.model !== undefined && model !== session.model)
    throw new GatewayError('bad_request', '"model": is another than "session.model"; send one of them')
  const assistant = chosenBy(options.assistants, request)
  checkOffered(assistant, 'key')
  const asked = { ...(model !== undefined && { model }), ...session }
  const { keyRequest, alias } = keyRequestOf(options, request, assistant, asked)
  // Requests of the preview have a session's fields at the top level.
  const forbidden = findForbiddenModel(options.permit, rest, purposeOf(keyRequest.session))
  if (forbidden !== null) throw forbidden.error
  const { raw, requestId } = await mintKey(options, request, { ...rest, ...keyRequest }, { alias, assistant })
  const headers = requestIdHeaders(requestId)
  if (alias === null || raw.session === undefined) return jsonAnswer(200, raw, headers)
  return jsonAnswer(200, { ...raw, session: { ...raw.session, model: alias } }, headers)
}

/** `POST calls`: an offer becomes a call. `Location` ends in its id. */
async function makeCall(options: SdkCallsOptions, request: HttpRequest): Promise<HttpAnswer> {
  const { records } = options
  const { sdp, session } = await readOffer(request)
  const { assistant, ...key } = await keyFor(options, request, session)
  const filtered = request.query.get('webrtcfilter') === 'on' || assistant?.isPinned === true
  const owner = ownerOf(request)
  const call = await createCall(options, { sdp, filtered, ...requestedBy(options, request) }, key, async () =>
    records.find(await records.create(owner, accountOf(request), assistantOf(assistant)), owner),
  )
  const headers = {
    'Content-Type': 'application/sdp',
    'Cache-Control': 'no-store',
    // Upstream's own has the path of upstream; this one is right here.
    Location: `${request.path}/${call.callId}`,
    ...requestIdHeaders(call.requestId),
  }
  return { status: 201, headers, body: call.sdp }
}

/** The ephemeral key that was shown, or one that is minted now for whoever showed another credential. */
async function keyFor(
  options: SdkCallsOptions,
  request: HttpRequest,
  session: string | undefined,
): Promise<CallingKey & { readonly assistant: Assistant | null }> {
  const shown = findCredential(request)?.value ?? ''
  const minted = await options.ephemeralKeys.find(shown)
  const principal = minted === null ? request.principal : principalOf(minted)
  const assistant = chosenBy(options.assistants, { ...request, ...(principal && { principal }) })
  checkOffered(assistant, 'call')
  if (minted === null && !isForeign(shown, request))
    return { ...(await mintFor(options, request, assistant, session)), assistant }
  // Where a credential is asked for, a key that is not known any more has expired since the gate saw it.
  if (minted === null && (request.principal?.by === 'ephemeral' || options.pinSession))
    throw new GatewayError('unauthorized', 'This ephemeral key was not minted here, or has expired')
  if (session !== undefined)
    throw new GatewayError(
      'bad_request',
      '"session": an ephemeral key has a session already; send the offer alone',
    )
  return { value: shown, model: minted?.model ?? '', pinned: minted?.pinned ?? '{}', assistant }
}

/** Whether an ephemeral key came in as such; a gateway's own credential may look like one. */
function isForeign(shown: string, { principal = anonymous }: HttpRequest): boolean {
  return isEphemeral(shown) && (principal.by === 'none' || principal.by === 'ephemeral')
}

async function mintFor(
  options: SdkCallsOptions,
  request: HttpRequest,
  assistant: Assistant | null,
  session: string | undefined,
): Promise<CallingKey> {
  const model = request.query.get('model')
  const given =
    session === undefined ? { ...(model !== null && { model }) } : parseJson('"session":', session)
  const { keyRequest, alias } = keyRequestOf(options, request, assistant, checkedBy(sessionSettings, given))
  const { session: begun, ...later } = withoutAnswers({ ...keyRequest.session }, assistant)
  const key = await mintKey(options, request, { ...keyRequest, session: begun }, { alias, assistant })
  return { ...key, ...later }
}

/**
 * @param assistant its session is laid under the client's; of one that is pinned, what is pinned is taken alone
 * @throws GatewayError `model_not_configured` for a model of any of its fields, or `bad_request` for one that is no name
 */
function keyRequestOf(
  options: SdkCallsOptions,
  request: HttpRequest,
  assistant: Assistant | null,
  session: Partial<z.output<typeof sessionSettings>>,
): { keyRequest: KeyRequest; alias: string | null } {
  const { permit } = options
  const { type = 'realtime', model, ...settings } = session
  const purpose = purposeOf({ type })
  const forbidden = findForbiddenModel(permit, { ...settings, model }, purpose)
  if (forbidden !== null) throw forbidden.error
  // No model answers in a transcription; upstream refuses one beside that which writes down.
  if (purpose === 'transcription') {
    if (assistant !== null)
      throw new GatewayError('bad_request', '"assistant": a transcription has none; leave it out')
    return { keyRequest: { session: { type, ...settings } }, alias: null }
  }
  const { deployment, alias } = chooseModel(permit.choice, model ?? null)
  if (assistant === null) return { keyRequest: { session: { type, ...settings, model: deployment } }, alias }
  const own = assistant.isPinned ? omitPinnedFields(settings, pinnedPolicy('leave_out').fields) : settings
  const whole = mergeSession(sessionFor(options, assistant, request), own)
  const served = assistant.deployment ?? deployment
  const asked = alias ?? (model !== undefined && model !== served ? model : null)
  return { keyRequest: { session: { ...whole, type, model: served } }, alias: asked }
}
