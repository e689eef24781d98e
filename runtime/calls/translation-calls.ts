/**
 * The HTTP addresses around live translation: keys, and WebRTC calls. They are passed through, as far as models and
 * credentials allow. A call is no sideband session: the API documents no way to control one that translates.
 */
import { z } from 'zod'
import { anonymous } from '../access/authenticator.ts'
import { findCredential } from '../access/credential-sources.ts'
import { isEphemeral } from '../access/ephemeral-keys.ts'
import { translationPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { requestIdHeaders } from '../core/request-id.ts'
import { type HttpAnswer, type HttpRequest, type HttpRoute, jsonAnswer } from '../server/http.ts'
import { checkedBy, parseJson, readJsonBody } from '../server/json-body.ts'
import type { EphemeralKey, TranslationClient } from '../upstream/calls.ts'
import { findForbiddenModel } from '../upstream/model-permit.ts'
import { checkTranslates } from '../upstream/target.ts'
import { accountOf, type CreateCallOptions, refuseWhileDraining, requestedBy } from './create-call.ts'
import { readOffer } from './offer.ts'
import { ownerOf } from './ownership.ts'
import type { TranslationMeters } from './translation-meter.ts'

export interface TranslationCallsOptions extends CreateCallOptions {
  readonly translations: TranslationClient
  /** Counts the seconds of calls; null where none is joined. */
  readonly meters: Pick<TranslationMeters, 'watch'> | null
  /** What every call spends must be counted. */
  readonly countsCalls: boolean
}

/** What the gateway must know of a session; upstream judges the rest. */
const sessionSettings = z.looseObject({ model: z.string().min(1).max(128).optional() })

const secretBody = z.looseObject({ session: sessionSettings.default({}) })

/** Makes the routes. */
export function createTranslationCalls(options: TranslationCallsOptions): [path: string, route: HttpRoute][] {
  return translationPaths.flatMap((base): [string, HttpRoute][] => [
    [`${base}/client_secrets`, { POST: refuseWhileDraining(options, makeSecret) }],
    [`${base}/calls`, { POST: refuseWhileDraining(options, makeCall) }],
  ])
}

/** `POST client_secrets`: upstream's answer as it came. */
async function makeSecret(options: TranslationCallsOptions, request: HttpRequest): Promise<HttpAnswer> {
  checkTranslates(options.target)
  const { session, ...rest } = readJsonBody(request, secretBody)
  const { raw, requestId } = await mint(options, request, session, rest)
  return jsonAnswer(200, raw, requestIdHeaders(requestId))
}

/** `POST calls`: an offer becomes a call. `Location` ends in its id. */
async function makeCall(options: TranslationCallsOptions, request: HttpRequest): Promise<HttpAnswer> {
  const { meters, countsCalls, translations, target } = options
  checkTranslates(target)
  if (countsCalls && meters === null)
    throw new GatewayError(
      'forbidden',
      'Tokens are limited here, and what a call that translates spends is not counted; translate over a WebSocket, or set TRANSLATION_CALLS_METERED',
    )
  const { sdp, session } = await readOffer(request)
  const key = await keyFor(options, request, session)
  const { address, passed } = requestedBy(options, request)
  const call = await translations.offer(sdp, key.value, passed)
  // Nobody could join it or end it; the browser cannot connect without the answer.
  if (call.callId === null && countsCalls)
    throw new GatewayError(
      'upstream_broke_protocol',
      `${target.label} made a call without an id, and what it spends could not be counted`,
    )
  if (call.callId !== null)
    meters?.watch({
      callId: call.callId,
      payer: { owner: ownerOf(request), address },
      model: key.model,
      passed,
    })
  const headers = {
    'Content-Type': 'application/sdp',
    'Cache-Control': 'no-store',
    ...(call.callId !== null && { Location: `${request.path}/${call.callId}` }),
    ...requestIdHeaders(call.requestId),
  }
  return { status: 201, headers, body: call.sdp }
}

/** What a call is made with. `model` is '' where a key was not minted here. */
interface TranslationKey {
  readonly value: string
  readonly model: string
}

/** The ephemeral key that was shown, or one that is minted now for whoever showed another credential. */
async function keyFor(
  options: TranslationCallsOptions,
  request: HttpRequest,
  session: string | undefined,
): Promise<TranslationKey> {
  const shown = findCredential(request)?.value ?? ''
  const minted = await options.ephemeralKeys.find(shown)
  const { principal = anonymous } = request
  const isForeign = isEphemeral(shown) && (principal.by === 'none' || principal.by === 'ephemeral')
  if (minted === null && !isForeign) {
    const model = request.query.get('model')
    const given =
      session === undefined ? { ...(model !== null && { model }) } : parseJson('"session":', session)
    return mint(options, request, checkedBy(sessionSettings, given))
  }
  if (minted === null && principal.by === 'ephemeral')
    throw new GatewayError('unauthorized', 'This ephemeral key was not minted here, or has expired')
  if (minted !== null && minted.purpose !== 'translation')
    throw new GatewayError('forbidden', 'This ephemeral key was minted for something else than translation')
  return { value: shown, model: minted?.model ?? '' }
}

/** @throws GatewayError `model_not_configured`, or as upstream's calls do */
async function mint(
  { translations, ephemeralKeys, safety, permit }: TranslationCallsOptions,
  request: HttpRequest,
  session: z.output<typeof sessionSettings>,
  rest: object = {},
): Promise<EphemeralKey & TranslationKey> {
  const forbidden = findForbiddenModel(permit, session, 'translation')
  if (forbidden !== null) throw forbidden.error
  const { model = permit.translation[0] } = session
  const { passed } = requestedBy({ safety }, request)
  const key = await translations.mintKey({ ...rest, session: { ...session, model } }, passed)
  const { principal: owner = anonymous } = request
  const minted = { owner, model, purpose: 'translation', pinned: 'null' } as const
  await ephemeralKeys.remember(key.value, minted, key.expiresAt, accountOf(request))
  return { ...key, model }
}
