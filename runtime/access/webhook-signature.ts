/**
 * Signatures of webhooks by Standard Webhooks 1.0, as both vendors sign: HMAC-SHA256 of `id.timestamp.body`, base64,
 * in `webhook-signature` as `v1,…`, several of them while a secret is rotated.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'

export interface SignedBy {
  readonly id: string
  /** Unix time (s), as it was sent: it is signed as text. */
  readonly timestamp: string
  readonly signatures: readonly Buffer[]
}

/** Why a webhook is not signed as it must be; a label of metrics. */
export type SignatureFault =
  | 'missing_header'
  | 'malformed_header'
  | 'too_old'
  | 'too_new'
  | 'no_signature'
  | 'wrong_signature'

/** The cause of a refusal, for log and metrics; the sender is not told it. */
export class SignatureError extends Error {
  readonly fault: SignatureFault

  constructor(fault: SignatureFault, message: string) {
    super(message)
    this.name = 'SignatureError'
    this.fault = fault
  }
}

/** How far the time of a webhook may be from ours, either way (s). */
export const toleranceSec = 300

/** Longer ids than any that is sent; what is kept in the store is as long for each (characters). */
const idPattern = /^[\x21-\x7e]{1,256}$/
const timestampPattern = /^\d{1,12}$/

/** More than a rotation needs: each costs a comparison. */
const maxSignatures = 16
const signatureBytes = 32

/**
 * Reads what a webhook says of its signature; nothing of its body is looked at.
 * @param headers by lower-case name
 * @param now Unix time (ms)
 * @throws GatewayError `unauthorized`: a header is missing or malformed, or the time is too far off
 */
export function readSignature(headers: ReadonlyMap<string, string>, now: number): SignedBy {
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(name => {
    const value = headers.get(name)
    if (value === undefined) throw unsigned('missing_header', `missing required header: ${name}`)
    return value
  }) as [string, string, string]
  if (!idPattern.test(id)) throw unsigned('malformed_header', 'webhook-id is malformed')
  if (!timestampPattern.test(timestamp)) throw unsigned('malformed_header', 'webhook-timestamp is malformed')
  const lateSec = Math.floor(now / 1000) - Number(timestamp)
  if (lateSec > toleranceSec) throw unsigned('too_old', 'webhook-timestamp is too old')
  if (lateSec < -toleranceSec) throw unsigned('too_new', 'webhook-timestamp is too new')
  const signatures = signature
    .split(' ', maxSignatures)
    .filter(part => part.startsWith('v1,'))
    .map(part => Buffer.from(part.slice('v1,'.length), 'base64'))
    .filter(bytes => bytes.length === signatureBytes)
  if (signatures.length === 0)
    throw unsigned('no_signature', 'webhook-signature holds no signature of version 1')
  return { id, timestamp, signatures }
}

/**
 * Holds a body against its signatures. All keys and signatures are compared, each in constant time.
 * @param body as it came; it is not parsed
 * @throws GatewayError `unauthorized`
 */
export function checkSignature(
  { id, timestamp, signatures }: SignedBy,
  body: Uint8Array,
  keys: readonly Buffer[],
): void {
  let fits = false
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
    for (const signature of signatures) if (timingSafeEqual(expected, signature)) fits = true
  }
  if (!fits) throw unsigned('wrong_signature', 'no signature fits')
}

/** The answer says no more than that; the cause is for the log. */
function unsigned(fault: SignatureFault, reason: string): GatewayError {
  return new GatewayError('unauthorized', 'The webhook is not signed as it must be', {
    cause: new SignatureError(fault, reason),
  })
}
