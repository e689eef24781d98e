/**
 * Proves the gateway to Azure OpenAI with Entra ID, by the official library. On Container Apps the
 * managed identity alone is asked, on AKS the workload identity alone (a chain would hide what failed
 * behind what was never meant to work); elsewhere the library's default chain, which ends with a
 * developer's own sign-in.
 * Source: "Credential chains in the Azure Identity library for JavaScript", learn.microsoft.com.
 */

import type { Log } from '../../observability/log.ts'
import type { Credential } from './credentials.ts'
import { type AccessToken, TokenCache } from './token-cache.ts'

export interface EntraOptions {
  /** What the token is for: `https://cognitiveservices.azure.com/.default`. */
  readonly scope: string
  /** The user-assigned identity to use; undefined means the system-assigned one. */
  readonly clientId: string | undefined
  readonly identity: 'managed' | 'workload' | 'default'
  readonly log: Log
  readonly now: () => number
  readonly random: () => number
  readonly after: (ms: number, run: () => void) => () => void
}

export interface EntraCredential extends Credential {
  headers(): Promise<Readonly<Record<string, string>>>
  /** Why there is no token; null while there is one. */
  unready(): string | null
  /** Ends the renewals. Safe to call twice. */
  stop(): void
}

const labels = {
  managed: 'ManagedIdentityCredential',
  workload: 'WorkloadIdentityCredential',
  default: 'DefaultAzureCredential',
} as const

const advice = {
  managed: 'Is the identity assigned to this app, and is AZURE_CLIENT_ID its client id?',
  workload: 'Is the service account federated with the identity of AZURE_CLIENT_ID?',
  default: 'Sign in with "az login", assign a managed identity, or set AZURE_OPENAI_API_KEY',
} as const

/** Starts to fetch the token and keeps it fresh; one a process. */
export function startEntraCredential(options: EntraOptions): EntraCredential {
  const { clientId, identity } = options
  const which = clientId === undefined ? '' : ` (AZURE_CLIENT_ID ${clientId})`
  const cache = new TokenCache({
    ...options,
    label: `${labels[identity]}${which}`,
    advice: advice[identity],
    fetchToken: createFetch(options),
  })
  cache.start()
  return {
    headers: async () => ({ Authorization: `Bearer ${await cache.token()}` }),
    // Told by the cache alone: an unready replica is sent nobody whose dial could show that it is well again.
    unready: () =>
      cache.isReady ? null : (cache.fault?.message ?? 'The first Entra token is being fetched'),
    stop: () => cache.stop(),
  }
}

/** The library is loaded with the first token: it takes longer than the rest of the start. */
function createFetch({ scope, clientId, identity }: EntraOptions): () => Promise<AccessToken> {
  let credential: Promise<{ getToken(scope: string): Promise<AccessToken | null> }> | null = null
  return async () => {
    credential ??= loadCredential(identity, clientId)
    const token = await (await credential).getToken(scope)
    if (token === null) throw new Error('no credential of the chain is set up')
    return token
  }
}

async function loadCredential(identity: EntraOptions['identity'], clientId: string | undefined) {
  const { DefaultAzureCredential, ManagedIdentityCredential, WorkloadIdentityCredential } = await import(
    '@azure/identity'
  )
  // Renewals are spaced here; retries inside the library would only delay what is told about a failure.
  const retryOptions = { maxRetries: 0 }
  if (identity === 'managed') {
    return new ManagedIdentityCredential(
      clientId === undefined ? { retryOptions } : { clientId, retryOptions },
    )
  }
  if (identity === 'workload') {
    return new WorkloadIdentityCredential(
      clientId === undefined ? { retryOptions } : { clientId, retryOptions },
    )
  }
  return new DefaultAzureCredential(
    clientId === undefined
      ? { retryOptions }
      : { retryOptions, managedIdentityClientId: clientId, workloadIdentityClientId: clientId },
  )
}
