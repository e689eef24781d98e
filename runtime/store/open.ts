/** Chooses the store by configuration. */
import type { Log } from '../observability/log.ts'
import { createMemoryStore } from './memory.ts'
import type { Store } from './store.ts'

export interface StoreConfig {
  readonly url: string
  readonly auth: 'url' | 'entra'
}

/**
 * Opens the store.
 * @param redis null keeps state in this process's memory
 */
export async function openStore(redis: StoreConfig | null, log: Log): Promise<Store> {
  if (redis === null) return createMemoryStore()
  const { createRedisStore } = await import('./redis.ts')
  if (redis.auth === 'url') return createRedisStore({ url: redis.url, log })
  const [{ DefaultAzureCredential }, { EntraIdCredentialsProviderFactory, REDIS_SCOPE_DEFAULT }] =
    await Promise.all([import('@azure/identity'), import('@redis/entraid')])
  const credentialsProvider = EntraIdCredentialsProviderFactory.createForDefaultAzureCredential({
    credential: new DefaultAzureCredential(),
    scopes: REDIS_SCOPE_DEFAULT,
    tokenManagerConfig: { expirationRefreshRatio },
  })
  return createRedisStore({ url: redis.url, credentialsProvider, log })
}

/** A token is renewed when this much of its life is over. */
const expirationRefreshRatio = 0.8
