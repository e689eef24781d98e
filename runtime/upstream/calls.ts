/** Calls over upstream's HTTP interface: ephemeral keys, WebRTC offers, decisions on telephone calls, hang-ups. */

import { z } from 'zod'
import { GatewayError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { readRequestId, requestIdHeader } from '../core/request-id.ts'
import { readAnswerText } from './answer-text.ts'
import { headersWithin } from './credential-headers.ts'
import { type Credential, credentialOfEphemeralKey } from './credentials/credentials.ts'
import { asRefusal } from './refusal.ts'
import { restUrl, type Target, translationsPath } from './target.ts'

export interface Calls {
  /**
   * Mints a key that a browser may hold.
   * @param keyRequest its `session`: what a session made with it begins with
   * @param headers sent beside those that authenticate
   */
  mintKey(
    keyRequest: { readonly session: object },
    headers?: Readonly<Record<string, string>>,
  ): Promise<EphemeralKey>
  /**
   * Makes a call of a WebRTC offer.
   * @param key an ephemeral one
   * @param filtered Azure only: hides prompt and tools from the browser's data channel
   * @param headers sent beside those that authenticate
   * @returns the SDP answer and the call's id
   */
  offer(
    sdp: string,
    key: string,
    filtered: boolean,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ sdp: string; callId: string; requestId?: string | undefined }>
  /** Ends a call. @param headers as of `accept`; likewise below @returns false when there was none (any more) */
  hangUp(callId: string, headers?: Readonly<Record<string, string>>): Promise<boolean>
  /**
   * Answers a telephone call that rings.
   * @param session names its model
   * @param headers sent beside those that authenticate
   * @returns false when there was none (any more); likewise below
   */
  accept(callId: string, session: object, headers?: Readonly<Record<string, string>>): Promise<boolean>
  /** Refuses a telephone call that rings. @param status SIP status; upstream's own default (603) without one */
  reject(callId: string, status?: number, headers?: Readonly<Record<string, string>>): Promise<boolean>
  /** Transfers a telephone call. @param target `tel:` or `sip:` address */
  refer(callId: string, target: string, headers?: Readonly<Record<string, string>>): Promise<boolean>
}

export interface EphemeralKey {
  readonly value: string
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** Upstream's whole answer; `session` is what the key's sessions begin with. */
  readonly raw: { readonly session?: Readonly<Record<string, unknown>> | undefined }
  /** Of the request, where upstream told one; likewise below. */
  readonly requestId?: string | undefined
}

export interface CallsOptions {
  readonly target: Target
  readonly credential: Credential
  /** Time for one request (ms). */
  readonly timeoutMs: number
  readonly fetch?: typeof globalThis.fetch
}

const mintedKey = z.looseObject({
  value: z.string().min(1),
  expires_at: z.number(),
  session: z.record(z.string(), z.unknown()).optional(),
})

/** The call's id is the last segment of `Location`, whose path is no address (it lacks Azure's prefix). */
const callIdPattern = /\/(rtc_[A-Za-z0-9_-]{1,128})\/?$/

/** No vendor documents the form of the id of a call that translates, or that there is one. */
const translationCallIdPattern = /\/calls\/([A-Za-z0-9_-]{1,128})\/?$/

/** A larger answer is given up (bytes): keys and descriptions take some kilobytes. */
const maxAnswerBytes = 256 * 1024

/**
 * Makes the client of upstream's calls.
 * Each function throws GatewayError: `upstream_rate_limited`, `upstream_timeout`, `upstream_unreachable`,
 * `upstream_unavailable`, `upstream_refused`, `upstream_broke_protocol` or `credential_unavailable`.
 */
export function createCalls(options: CallsOptions): Calls {
  const { target } = options
  return {
    mintKey: (keyRequest, passed) => mintKeyAt(options, 'client_secrets', keyRequest, passed),
    offer: async (sdp, key, filtered, passed) => {
      const url = restUrl(target, 'calls')
      if (target.provider === 'azure' && filtered) url.searchParams.set('webrtcfilter', 'on')
      const { answer, location, requestId } = await offerAt(options, url, sdp, key, passed)
      const callId = callIdPattern.exec(location)?.[1]
      if (callId === undefined) throw broken(target, 'a call')
      return { sdp: answer, callId, ...named(requestId) }
    },
    hangUp: (callId, passed) => act(options, callId, 'hangup', undefined, passed),
    accept: (callId, session, passed) => act(options, callId, 'accept', session, passed),
    reject: (callId, status, passed) =>
      act(options, callId, 'reject', status === undefined ? {} : { status_code: status }, passed),
    refer: (callId, uri, passed) => act(options, callId, 'refer', { target_uri: uri }, passed),
  }
}

/** Upstream's addresses of live translation. */
export interface TranslationClient extends Pick<Calls, 'mintKey'> {
  /**
   * Makes a call of a WebRTC offer.
   * @param key an ephemeral one, minted for translation: its session names the model
   * @param headers sent beside those that authenticate
   * @returns the SDP answer, and the call's id; null where upstream tells none
   */
  offer(
    sdp: string,
    key: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ sdp: string; callId: string | null; requestId?: string | undefined }>
}

/** Makes the client of upstream's translations. It throws what that of its calls does. */
export function createTranslationClient(options: CallsOptions): TranslationClient {
  return {
    mintKey: (keyRequest, passed) =>
      mintKeyAt(options, `${translationsPath}/client_secrets`, keyRequest, passed),
    offer: async (sdp, key, passed) => {
      const url = restUrl(options.target, `${translationsPath}/calls`)
      const { answer, location, requestId } = await offerAt(options, url, sdp, key, passed)
      return {
        sdp: answer,
        callId: translationCallIdPattern.exec(location)?.[1] ?? null,
        ...named(requestId),
      }
    },
  }
}

async function mintKeyAt(
  options: CallsOptions,
  path: string,
  keyRequest: { readonly session: object },
  passed?: Readonly<Record<string, string>>,
): Promise<EphemeralKey> {
  const { target, credential, timeoutMs } = options
  const own = await headersWithin(credential, timeoutMs)
  const headers = { ...passed, ...own, 'Content-Type': 'application/json' }
  const asked = JSON.stringify(keyRequest)
  const { text, requestId } = await request(options, restUrl(target, path), headers, asked)
  const minted = mintedKey.safeParse(parseJson(text))
  if (!minted.success) throw broken(target, 'an ephemeral key')
  return {
    value: minted.data.value,
    expiresAt: minted.data.expires_at,
    raw: minted.data,
    ...named(requestId),
  }
}

function named(requestId: string | undefined): { readonly requestId?: string } {
  return requestId === undefined ? {} : { requestId }
}

/** Both vendors take a raw offer with an ephemeral key; Azure takes nothing else. */
async function offerAt(
  options: CallsOptions,
  url: URL,
  sdp: string,
  key: string,
  passed?: Readonly<Record<string, string>>,
): Promise<{ answer: string; location: string; requestId: string | undefined }> {
  const own = await credentialOfEphemeralKey(key).headers()
  const headers = { ...passed, ...own, 'Content-Type': 'application/sdp' }
  const { text, location, requestId } = await request(options, url, headers, sdp)
  if (!text.startsWith('v=')) throw broken(options.target, 'a call')
  return { answer: text, location, requestId }
}

/** Does something to a call. @returns false when there was none (any more) */
async function act(
  options: CallsOptions,
  callId: string,
  action: 'accept' | 'reject' | 'refer' | 'hangup',
  body?: object,
  passed: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const { target, credential, timeoutMs } = options
  const url = restUrl(target, `calls/${encodeURIComponent(callId)}/${action}`)
  try {
    const own = await headersWithin(credential, timeoutMs)
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' }
    const text = body === undefined ? undefined : JSON.stringify(body)
    await request(options, url, { ...passed, ...own, ...type }, text)
    return true
  } catch (fault) {
    if (fault instanceof GatewayError && fault.upstreamStatus === 404) return false
    throw fault
  }
}

async function request(
  { target, timeoutMs, fetch = globalThis.fetch }: CallsOptions,
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<{ text: string; location: string; requestId: string | undefined }> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: body ?? null,
      signal,
      redirect: 'error',
    })
    const text = await readAnswerText(target.label, answer, maxAnswerBytes, signal)
    const requestId = readRequestId(answer.headers.get(requestIdHeader))
    const retryAfter = answer.headers.get('retry-after') ?? undefined
    if (!answer.ok) throw asRefusal(target.label, answer.status, text, { retryAfter, requestId })
    return { text, location: answer.headers.get('location') ?? '', requestId }
  } catch (fault) {
    throw asNetworkError(target.label, timeoutMs, fault)
  }
}

function asNetworkError(label: string, timeoutMs: number, fault: unknown): GatewayError {
  if (fault instanceof GatewayError) return fault
  if (fault instanceof DOMException && fault.name === 'TimeoutError') {
    return new GatewayError('upstream_timeout', `${label} did not answer within ${timeoutMs} ms`, {
      cause: fault,
    })
  }
  const cause = fault instanceof Error ? (fault.cause as { code?: string } | undefined) : undefined
  return new GatewayError(
    'upstream_unreachable',
    `${label} cannot be reached: ${cause?.code ?? 'no connection'}`,
    {
      cause: fault,
    },
  )
}

function broken(target: Target, wanted: string): GatewayError {
  return new GatewayError(
    'upstream_broke_protocol',
    `${target.label} was asked for ${wanted} and answered something else`,
  )
}
