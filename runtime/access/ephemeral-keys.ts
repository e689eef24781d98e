/**
 * Ephemeral keys that were minted here. They are upstream's own (`ek_…`) and safe for a browser; here
 * they speak for whoever had them minted, at the SDK addresses, until they expire. One is good for
 * several calls, as at the API itself.
 */
import { hash } from 'node:crypto'
import type { Principal } from '../core/ports.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'

export interface MintedKey {
  /** Who had it minted. */
  readonly owner: Principal
  /** The deployment that its sessions are of; '' for a transcription, whose sessions name their own. */
  readonly model: string
  /** What its sessions are for; absent: conversations. */
  readonly purpose?: 'transcription' | 'translation'
  /** The gateway's own instructions are in its sessions, and are neither shown nor replaced. */
  readonly isPinned?: boolean
  /** The assistant that its sessions are of, and no other; absent: none. */
  readonly assistant?: string
  /** What its owner called that deployment; absent where by its own name. */
  readonly alias?: string
  /** JSON of the instructions and tools that its sessions begin with. */
  readonly pinned: string
}

export interface EphemeralKeysOptions {
  readonly store: Pick<Store, 'get' | 'set'>
  readonly quota: Pick<StorageQuota, 'charge'>
  /** Unix time (ms). */
  readonly now: () => number
}

const keyPattern = /^ek_\S+$/

/** No key is remembered for less, should upstream's clock be behind ours (ms). */
const shortestLifeMs = 10_000

export class EphemeralKeys {
  readonly #options: EphemeralKeysOptions

  constructor(options: EphemeralKeysOptions) {
    this.#options = options
  }

  /**
   * Remembers a key until it expires.
   * @param expiresAt unix time (s)
   * @throws GatewayError `limit_reached` when too much is stored for the account; `store_unavailable`
   */
  async remember(key: string, minted: MintedKey, expiresAt: number, account: string): Promise<void> {
    const { store, quota, now } = this.#options
    const text = JSON.stringify(minted)
    const ttlMs = Math.max(shortestLifeMs, expiresAt * 1000 - now())
    await quota.charge(account, keyOf(key), text.length, ttlMs)
    await store.set(keyOf(key), text, ttlMs)
  }

  /** @returns null for what is no ephemeral key, was not minted here or has expired. @throws GatewayError `store_unavailable` */
  async find(key: string): Promise<MintedKey | null> {
    if (!isEphemeral(key)) return null
    const text = await this.#options.store.get(keyOf(key))
    return text === null ? null : (JSON.parse(text) as MintedKey)
  }
}

/** Who comes by an ephemeral key. */
export function principalOf({ owner, assistant }: MintedKey): Principal {
  return { ...owner, by: 'ephemeral', ...(assistant !== undefined && { assistant }) }
}

/** Whether a credential has the form of an ephemeral key. */
export function isEphemeral(credential: string): boolean {
  return keyPattern.test(credential)
}

/** The store holds no key, so that who reads it cannot use one. */
function keyOf(key: string): string {
  return `ephemeral:${hash('sha256', key)}`
}
