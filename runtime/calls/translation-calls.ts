/**
 * The HTTP addresses around live translation: keys, and WebRTC calls. They are passed through, as far as models and
 * credentials allow. A call is no sideband session: the API has no way to join one that translates.
 */
import { z } from 'zod'
import { anonymous } from '../access/authenticator.ts'
import { findCredential } from '../access/credential-sources.ts'
import { isEphemeral } from '../access/ephemeral-keys.ts'
import { translationPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { type HttpAnswer, type HttpRequest, type HttpRoute, jsonAnswer } from '../server/http.ts'
import { checkedBy, parseJson, readJsonBody } from '../server/json-body.ts'
import type { Calls, EphemeralKey } from '../upstream/calls.ts'
import { findForbiddenModel } from '../upstream/model-permit.ts'
import { accountOf, type CreateCallOptions, refuseWhileDraining, requestedBy } from './create-call.ts'
import { readOffer } from './offer.ts'

export interface TranslationCallsOptions extends CreateCallOptions {
  /** Upstream's addresses below `translations`. */
  readonly translations: Pick<Calls, 'mintKey' | 'offer'>
  /** What every call spends is counted, which nobody can do of one that cannot be joined. */
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
  const { session, ...rest } = readJsonBody(request, secretBody)
  return jsonAnswer(200, (await mint(options, request, session, rest)).raw)
}

/** `POST calls`: an offer becomes a call. `Location` ends in its id. */
async function makeCall(options: TranslationCallsOptions, request: HttpRequest): Promise<HttpAnswer> {
  if (options.countsCalls)
    throw new GatewayError(
      'forbidden',
      'Tokens are limited here, and what a call that translates spends cannot be counted; translate over a WebSocket',
    )
  const { sdp, session } = await readOffer(request)
  const key = await keyFor(options, request, session)
  const call = await options.translations.offer(sdp, key, false, requestedBy(options, request).passed)
  const headers = {
    'Content-Type': 'application/sdp',
    'Cache-Control': 'no-store',
    Location: `${request.path}/${call.callId}`,
  }
  return { status: 201, headers, body: call.sdp }
}

/** The ephemeral key that was shown, or one that is minted now for whoever showed another credential. */
async function keyFor(
  options: TranslationCallsOptions,
  request: HttpRequest,
  session: string | undefined,
): Promise<string> {
  const shown = findCredential(request)?.value ?? ''
  const minted = await options.ephemeralKeys.find(shown)
  const { principal = anonymous } = request
  const isForeign = isEphemeral(shown) && (principal.by === 'none' || principal.by === 'ephemeral')
  if (minted === null && !isForeign) {
    const model = request.query.get('model')
    const given =
      session === undefined ? { ...(model !== null && { model }) } : parseJson('"session":', session)
    return (await mint(options, request, checkedBy(sessionSettings, given))).value
  }
  if (minted === null && principal.by === 'ephemeral')
    throw new GatewayError('unauthorized', 'This ephemeral key was not minted here, or has expired')
  if (minted !== null && minted.purpose !== 'translation')
    throw new GatewayError('forbidden', 'This ephemeral key was minted for something else than translation')
  return shown
}

/** @throws GatewayError `model_not_configured`, or as upstream's calls do */
async function mint(
  { translations, ephemeralKeys, safety, permit }: TranslationCallsOptions,
  request: HttpRequest,
  session: z.output<typeof sessionSettings>,
  rest: object = {},
): Promise<EphemeralKey> {
  const forbidden = findForbiddenModel(permit, session, 'translation')
  if (forbidden !== null) throw forbidden.error
  const { model = permit.translation[0] } = session
  const { passed } = requestedBy({ safety }, request)
  const key = await translations.mintKey({ ...rest, session: { ...session, model } }, passed)
  const { principal: owner = anonymous } = request
  const minted = { owner, model, purpose: 'translation', pinned: 'null' } as const
  await ephemeralKeys.remember(key.value, minted, key.expiresAt, accountOf(request))
  return key
}
