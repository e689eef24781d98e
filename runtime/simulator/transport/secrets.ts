/** Ephemeral keys: short-lived, good for several sessions, each with session defaults. */
import type { Ids } from '../ids.ts'
import type { SessionConfig } from '../protocol/types.ts'
import { defaultConfig } from '../session/defaults.ts'
import type { TranslationConfig } from '../translation/shape.ts'
import type { Dialects } from './address.ts'

const maxSecrets = 10_000
const valueLength = 32

export interface Secret {
  value: string
  /** Unix seconds. */
  expiresAt: number
  config: SessionConfig
  dialect: Dialects
  /** Its sessions translate. */
  translation?: TranslationConfig
}

export interface Secrets {
  mint(config: SessionConfig, lifeSec: number, dialect: Dialects): Secret
  mintTranslation(translation: TranslationConfig, lifeSec: number): Secret
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
  const keep = (lifeSec: number, given: Pick<Secret, 'config' | 'dialect' | 'translation'>) => {
    const value = `ek_${ids.hex(valueLength)}`
    const secret = { value, expiresAt: Math.floor(now() / 1000) + lifeSec, ...given }
    secrets.set(value, secret)
    const oldest = secrets.keys().next()
    if (secrets.size > maxSecrets && oldest.done !== true) secrets.delete(oldest.value)
    return secret
  }
  return {
    mint: (config, lifeSec, dialect) => keep(lifeSec, { config, dialect }),
    mintTranslation: (translation, lifeSec) =>
      keep(lifeSec, { config: defaultConfig('', 'realtime'), dialect: 'ga', translation }),
    find: value => {
      const secret = secrets.get(value)
      if (secret === undefined) return null
      if (secret.expiresAt * 1000 > now()) return secret
      secrets.delete(value)
      return null
    },
  }
}
