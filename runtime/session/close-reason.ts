/** How a session ends: who ended it, and what the client's close frame says. */
import { GatewayError, isSendableCloseCode } from '../core/errors.ts'

export interface CloseReason {
  readonly by: 'client' | 'upstream' | 'gateway'
  readonly code: number
  readonly reason: string
  /** Present when something failed. */
  readonly error?: GatewayError
}

/** The process is going away: reconnect at once (1012, IANA WebSocket close code registry). */
export const goingAway: CloseReason = { by: 'gateway', code: 1012, reason: 'draining' }

/** A close frame that had no code (RFC 6455 section 7.1.5). */
const noStatusReceived = 1005

/** Ends with a failure: its close code, and its name as the reason. */
export function endWith(by: CloseReason['by'], error: GatewayError): CloseReason {
  return { by, code: error.close, reason: error.code, error }
}

/** Ends with a refused dial as upstream itself ended it, where its close frame can be sent; else as with any failure. */
export function endAsRefused(error: GatewayError): CloseReason {
  const close = error.refusal?.close ?? null
  return close === null ? endWith('upstream', error) : { by: 'upstream', ...close, error }
}

/**
 * What upstream's end means for the client: upstream's own code and reason where they are legal to
 * send, a normal end where it gave none, `upstream_lost` where there was no close frame at all.
 * @param error why the gateway itself gave the connection up, if it did
 */
export function endByUpstream(code: number, reason: string, error?: GatewayError): CloseReason {
  if (error !== undefined) return endWith('upstream', error)
  if (isSendableCloseCode(code)) return { by: 'upstream', code, reason }
  if (code === noStatusReceived) return { by: 'upstream', code: 1000, reason }
  return endWith('upstream', new GatewayError('upstream_lost', 'The connection to upstream was lost'))
}
