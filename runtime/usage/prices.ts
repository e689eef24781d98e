/** What models cost, by the day: reads a price list, and estimates what was used. An invoice may differ. */
import { parse } from 'yaml'
import { z } from 'zod'
import type { Amounts } from '../events/usage.ts'
import { findModel } from '../models/models.ts'

/** Money is counted in billionths of the currency's unit, as a token may cost less than a millionth. */
export const nanosPerUnit = 1_000_000_000

const price = z.number().min(0).max(1_000_000)
const ofTokens = z.strictObject({
  input: price.optional(),
  cached: price.optional(),
  output: price.optional(),
})

const row = z.strictObject({
  from: z.iso.date(),
  text: ofTokens.optional(),
  audio: ofTokens.optional(),
  image: ofTokens.optional(),
  minute: price.optional(),
})

const priceFile = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/),
  models: z.record(z.string().min(1).max(256), z.array(row).min(1)),
})

/** Prices of one model from one day on: of a million tokens, and of a minute of sound, in the list's currency. */
export type PriceRow = z.output<typeof row>

/** Whole billionths of the currency's unit; `unpriced` tokens and milliseconds have no price and are not in it. */
export interface CostEstimate {
  readonly nanos: number
  readonly unpriced: number
}

export interface PriceList {
  /** ISO 4217. */
  readonly currency: string
  /** The prices of a model or deployment on a day. @param at Unix time (ms) @returns null where the list has none */
  rowOf(name: string, at: number): PriceRow | null
}

/**
 * Reads a price list.
 * @param text YAML
 * @throws Error that says what is wrong, and where
 */
export function readPrices(text: string): PriceList {
  const parsed = priceFile.safeParse(parse(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(`"${issue?.path.join('.')}": ${issue?.message}`)
  }
  const { currency, models } = parsed.data
  const rows = new Map(
    Object.entries(models).map(([name, all]) => [name, all.toSorted((a, b) => b.from.localeCompare(a.from))]),
  )
  const rowOf = (name: string, at: number) => {
    const all = rows.get(name) ?? rows.get(findModel(name)?.name ?? '')
    const day = new Date(at).toISOString().slice(0, 10)
    return all?.find(({ from }) => from <= day) ?? null
  }
  return { currency, rowOf }
}

const millisecondsPerMinute = 60_000
/** Billionths of a unit for one token, of a price for a million of them. */
const nanosPerToken = nanosPerUnit / 1_000_000

/** Estimates what was used. Cached input has its own price, or that of other input where the list names none. */
export function estimateCost(row: PriceRow | null, amounts: Amounts): CostEstimate {
  let nanos = 0
  let unpriced = 0
  const add = (amount: number, price: number | undefined, unit: number) => {
    if (amount <= 0) return
    if (price === undefined) unpriced += amount
    else nanos += amount * price * unit
  }
  for (const kind of ['text', 'audio', 'image'] as const) {
    const prices = row?.[kind]
    const cached = amounts[`cached_${kind}`] ?? 0
    add((amounts[`input_${kind}`] ?? 0) - cached, prices?.input, nanosPerToken)
    add(cached, prices?.cached ?? prices?.input, nanosPerToken)
    if (kind !== 'image') add(amounts[`output_${kind}`] ?? 0, prices?.output, nanosPerToken)
  }
  const perMs = nanosPerUnit / millisecondsPerMinute
  add(amounts.transcription_ms ?? 0, row?.minute, perMs)
  add(amounts.translation_ms ?? 0, row?.minute, perMs)
  return { nanos: Math.round(nanos), unpriced }
}

/** Finds the price of a deployment: its own, or that of its model. */
export class Pricing {
  readonly list: PriceList
  readonly #modelOf: ReadonlyMap<string, string>

  /** @param modelOf deployments that are named otherwise than their models */
  constructor(list: PriceList, modelOf: ReadonlyMap<string, string>) {
    this.list = list
    this.#modelOf = modelOf
  }

  /** @param deployment as logs name it: with its endpoint's host where there are several @param at Unix time (ms) */
  rowOf(deployment: string, at: number): PriceRow | null {
    const name = deployment.split('@', 1)[0] ?? ''
    return this.list.rowOf(name, at) ?? this.list.rowOf(this.#modelOf.get(name) ?? '', at)
  }

  estimate(deployment: string, amounts: Amounts, at: number): CostEstimate {
    return estimateCost(this.rowOf(deployment, at), amounts)
  }
}

/** Writes an estimate in the currency's unit. */
export function formatMoney(nanos: number): number {
  return nanos / nanosPerUnit
}
