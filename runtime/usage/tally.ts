/** A sum of what was used, by the deployment that served it. */

import { type Fields, isFields } from '../events/fields.ts'
import { type Amounts, type UsageKind, usageKinds } from '../events/usage.ts'
import { formatMoney } from './prices.ts'

/** What is added up: kinds of usage, responses, and the estimate in billionths of the currency's unit. */
export const tallyKinds = [...usageKinds, 'responses', 'estimated_nanos', 'unpriced'] as const

export type TallyKind = UsageKind | 'responses' | 'estimated_nanos' | 'unpriced'

/** Whole numbers; what is absent is 0. */
export type Tally = Readonly<Partial<Record<TallyKind, number>>>

/** Deployments of one tally; more are counted together as `other`. */
const maxDeployments = 16

const noSums: ReadonlyMap<string, Partial<Record<TallyKind, number>>> = new Map()

export class UsageTally {
  /** Made when there is something to add: each session has two tallies, and many end before that. */
  #made: Map<string, Partial<Record<TallyKind, number>>> | null = null

  get #sums(): ReadonlyMap<string, Partial<Record<TallyKind, number>>> {
    return this.#made ?? noSums
  }

  add(deployment: string, tally: Tally): void {
    this.#made ??= new Map()
    const sums = this.#made
    const name = sums.has(deployment) || sums.size < maxDeployments ? deployment : 'other'
    const sum = sums.get(name) ?? {}
    sums.set(name, sum)
    for (const kind of tallyKinds) if (tally[kind] !== undefined) sum[kind] = (sum[kind] ?? 0) + tally[kind]
  }

  sumOf(kind: TallyKind): number {
    return [...this.#sums.values()].reduce((sum, tally) => sum + (tally[kind] ?? 0), 0)
  }

  /** One entry a deployment, as it is stored. */
  toJSON(): Record<string, Tally> {
    return Object.fromEntries(this.#sums)
  }

  /** Reads what `toJSON` wrote; what is no amount is left out. */
  static restore(stored: unknown): UsageTally {
    const tally = new UsageTally()
    for (const [deployment, sums] of Object.entries(isFields(stored) ? stored : {}))
      tally.add(deployment, readTally(isFields(sums) ? sums : {}))
    return tally
  }

  /** One entry a deployment, as people and webhooks read it. */
  describe(): object[] {
    return [...this.#sums].map(([deployment, tally]) => ({ deployment, ...describeTally(tally) }))
  }
}

/** Reads fields whose writer nobody vouches for. */
export function readTally(fields: Fields): Tally {
  const tally: Partial<Record<TallyKind, number>> = {}
  for (const kind of tallyKinds) {
    const amount = Number(fields[kind])
    if (Number.isSafeInteger(amount) && amount > 0) tally[kind] = amount
  }
  return tally
}

/** What `describeTally` tells, in its order. */
export const describedKinds = [
  'responses',
  ...usageKinds.slice(0, 8).map(kind => `${kind}_tokens` as const),
  'transcription_seconds',
  'translation_seconds',
  'estimated_cost',
  'unpriced',
] as const

/** Names a tally as people read it: tokens by kind, seconds, and the estimate in the currency's unit. */
export function describeTally(tally: Tally): Record<(typeof describedKinds)[number], number> {
  const told = Object.fromEntries(
    usageKinds.slice(0, 8).map(kind => [`${kind}_tokens`, tally[kind] ?? 0] as const),
  )
  return {
    responses: tally.responses ?? 0,
    ...told,
    transcription_seconds: (tally.transcription_ms ?? 0) / 1000,
    translation_seconds: (tally.translation_ms ?? 0) / 1000,
    estimated_cost: formatMoney(tally.estimated_nanos ?? 0),
    unpriced: tally.unpriced ?? 0,
  } as Record<(typeof describedKinds)[number], number>
}

/** What a tally adds up of some amounts. */
export function tallyOf(
  amounts: Amounts,
  { nanos, unpriced }: { readonly nanos: number; readonly unpriced: number },
  responses: number,
): Tally {
  return {
    ...amounts,
    ...(responses > 0 && { responses }),
    ...(nanos > 0 && { estimated_nanos: nanos }),
    ...(unpriced > 0 && { unpriced }),
  }
}
