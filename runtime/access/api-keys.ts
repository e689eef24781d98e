/** API keys of clients. Only their SHA-256 is held, and every one is compared, so that time tells nothing. */
import { hash, timingSafeEqual } from 'node:crypto'
import type { ApiKey } from '../config/access.ts'
import type { Principal } from '../core/ports.ts'

/** Makes the check of a secret. @returns whose key it is, or null */
export function createKeyCheck(keys: readonly ApiKey[]): (secret: string) => Principal | null {
  return secret => {
    const digest = hash('sha256', secret, 'buffer')
    let found: ApiKey | null = null
    for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key
    return found === null ? null : { name: `key:${found.name}`, by: 'key' }
  }
}
