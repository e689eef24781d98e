/** Ephemeral keys: short-lived, good for several sessions, each with session defaults. */
import type { Ids } from '../ids.ts'
import type { SessionConfig } from '../protocol/types.ts'
import type { Dialects } from './door.ts'

const maxSecrets = 10_000
const valueLength = 32

export interface Secret {
  value: string
  /** Unix seconds. */
  expiresAt: number
  config: SessionConfig
  dialect: Dialects
}

export interface Secrets {
  mint(config: SessionConfig, lifeSec: number, dialect: Dialects): Secret
  /** The secret of this value; null when it was never minted here, or is past its life. */
  find(value: string): Secret | null
}

/**
 * Makes the store of one simulator; past 10,000 keys the oldest are forgotten.
 *
 * @param now Unix time in ms
 */
export function createSecrets(ids: Ids, now: () => number = Date.now): Secrets {
  const secrets = new Map<string, Secret>()
  return {
    mint: (config, lifeSec, dialect) => {
      const value = `ek_${ids.hex(valueLength)}`
      const secret = { value, expiresAt: Math.floor(now() / 1000) + lifeSec, config, dialect }
      secrets.set(value, secret)
      const oldest = secrets.keys().next()
      if (secrets.size > maxSecrets && oldest.done !== true) secrets.delete(oldest.value)
      return secret
    },
    find: value => {
      const secret = secrets.get(value)
      if (secret === undefined) return null
      if (secret.expiresAt * 1000 > now()) return secret
      secrets.delete(value)
      return null
    },
  }
}
