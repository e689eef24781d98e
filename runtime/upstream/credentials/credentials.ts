/** How the gateway proves itself to upstream: one credential a process, asked before each dial. */
import type { Target } from '../target.ts'

export interface Credential {
  /**
   * The headers that authenticate a request; a promise where they have to be asked for.
   * @throws GatewayError `credential_unavailable` with the cause, when there is none to be had
   */
  headers(): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
}

/** An ephemeral key, which both vendors take as a bearer token. */
export function credentialOfEphemeralKey(key: string): Credential {
  const headers = { Authorization: `Bearer ${key}` }
  return { headers: () => headers }
}

/** A key that is minted for each session. @param mint as `Calls.mintKey` does, and throws */
export function mintedCredential(mint: () => Promise<{ readonly value: string }>): Credential {
  return { headers: async () => credentialOfEphemeralKey((await mint()).value).headers() }
}

/** A standing key: `api-key` at Azure, a bearer token elsewhere. */
export function keyCredential(target: Target, key: string): Credential {
  const headers = target.provider === 'azure' ? { 'api-key': key } : { Authorization: `Bearer ${key}` }
  return { headers: () => headers }
}
