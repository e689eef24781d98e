/** The headers that authenticate a dial, with a deadline over whatever has to be asked for them. */

import { GatewayError } from '../core/errors.ts'
import type { Credential } from './credentials/credentials.ts'

/**
 * Asks a credential for its headers.
 * @param timeoutMs how long it may take (ms)
 * @throws GatewayError the credential's own, else `credential_unavailable`; never before the call has returned
 */
export async function headersWithin(
  credential: Credential,
  timeoutMs: number,
): Promise<Readonly<Record<string, string>>> {
  try {
    const headers = credential.headers()
    return headers instanceof Promise ? await within(headers, timeoutMs) : headers
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('credential_unavailable', 'No credential for upstream could be had', { cause })
  }
}

async function within<T>(asked: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const message = `No credential for upstream could be had within ${Math.round(timeoutMs)} ms`
  const timer = setTimeout(() => late.reject(new GatewayError('credential_unavailable', message)), timeoutMs)
  // A dial that was aborted does not keep the process.
  timer.unref()
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
