/** Where each vendor looks for a key, and which keys are good. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Vendor } from '../session/context.ts'
import type { Secrets } from './secrets.ts'

const ephemeralPrefix = 'ek_'
const refusedKeys = /^(bad|invalid)/i
const keySubprotocol = 'openai-insecure-api-key.'
const shownKeyCharacters = 4

/** What was presented: a key that opens the address (`ek_` ones have a life of their own), a wrong one, or none. */
export interface Credential {
  verdict: 'good' | 'bad' | 'missing'
  key: string
  ephemeral: boolean
}

/** What a request brings, apart from its body. */
export interface Presented {
  headers: IncomingHttpHeaders
  query: URLSearchParams
  subprotocols: readonly string[]
}

/**
 * Reads the key of a request. Any non-empty key is good, except one that starts with `bad` or `invalid`,
 * and an `ek_` key that was not minted here or has expired.
 */
export function credentialOf(vendor: Vendor, presented: Presented, secrets: Secrets): Credential {
  const key = vendor === 'azure' ? azureKey(presented) : openAiKey(presented)
  const ephemeral = key.startsWith(ephemeralPrefix)
  if (key === '') return { verdict: 'missing', key, ephemeral }
  const good = ephemeral ? secrets.find(key) !== null : !refusedKeys.test(key)
  return { verdict: good ? 'good' : 'bad', key, ephemeral }
}

/** A key as error messages show it: its first and last characters. */
export function maskedKey(key: string): string {
  if (key.length <= 2 * shownKeyCharacters) return '*'.repeat(key.length)
  const hidden = '*'.repeat(key.length - 2 * shownKeyCharacters)
  return key.slice(0, shownKeyCharacters) + hidden + key.slice(-shownKeyCharacters)
}

function openAiKey({ headers, subprotocols }: Presented): string {
  const named = subprotocols.find(name => name.startsWith(keySubprotocol))
  return bearer(headers) || (named?.slice(keySubprotocol.length) ?? '')
}

function azureKey({ headers, query }: Presented): string {
  const header = headers['api-key']
  return bearer(headers) || (typeof header === 'string' ? header : '') || (query.get('api-key') ?? '')
}

function bearer({ authorization }: IncomingHttpHeaders): string {
  return authorization?.match(/^Bearer\s+(.+)$/i)?.[1]?.trim() ?? ''
}
