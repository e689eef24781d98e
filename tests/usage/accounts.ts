/** Accounts of sessions for tests that look at something else: sums and ends go nowhere. */
import { readFileSync } from 'node:fs'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { UsageLedger } from '../../runtime/usage/ledger.ts'
import { Pricing, readPrices } from '../../runtime/usage/prices.ts'
import type { AccountParts } from '../../runtime/usage/session-account.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** The price list that ships. */
export const shippedPrices = new Pricing(
  readPrices(readFileSync(new URL('../../runtime/usage/prices.yaml', import.meta.url), 'utf8')),
  new Map(),
)

export function silentAccounts(parts: Partial<AccountParts> = {}): AccountParts {
  const now = parts.now ?? Date.now
  return {
    ledger: new UsageLedger({ store: createMemoryStore(), now, log: silent }),
    pricing: shippedPrices,
    now,
    sessionEnded: () => undefined,
    conversationEnded: () => undefined,
    conversationKept: () => undefined,
    ...parts,
  }
}
