/**
 * What every caller has used, by the day, assistant and deployment, for all replicas together. Amounts are added up here
 * for a moment and then written; while the store is away they wait, within a limit. A write that the store did not
 * confirm may have reached it: it is repeated as it was, under its number, and so counts once.
 */
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import { describeFault } from '../core/fault-boundary.ts'
import type { Log } from '../observability/log.ts'
import type { Store } from '../store/store.ts'
import { readTally, type Tally, type TallyKind, tallyKinds } from './tally.ts'

/** Whose usage it is. */
export interface UsageOwner {
  /** The principal's name. */
  readonly principal: string
  readonly assistant: string
}

export interface UsageRow extends UsageOwner {
  /** ISO 8601 date, UTC. */
  readonly day: string
  readonly deployment: string
  readonly tally: Tally
}

export interface LedgerOptions {
  readonly store: Pick<Store, 'accumulate' | 'list' | 'page' | 'read'>
  /** Unix time (ms). */
  readonly now: () => number
  readonly log: Log
}

const dayMs = 24 * 60 * 60_000

/** Days that can be asked for, today included. */
export const keptDays = 62

/** What is added up before it is written (ms); a process that is killed loses no more than that. */
const writeIntervalMs = 500

/** What could not be written is tried again after this (ms). */
const retryIntervalMs = 2000

/** Sums that wait for the store at once; of more, those that are new are not counted. */
const maxPendingSums = 20_000

/** A field of a record that begins so has the number of a writer's last write. */
const writerPrefix = 'writer:'
const writerIdBytes = 6

interface UnconfirmedWrite {
  readonly number: number
  readonly fields: ReadonlyMap<string, number>
}

/** Callers of one day that are listed to an operator. */
const maxPrincipals = 1000

export class UsageLedger {
  readonly #options: LedgerOptions
  /** Record → field → amount. */
  #pending = new Map<string, Map<string, number>>()
  /** Record → the write that the store has not confirmed. */
  readonly #unconfirmed = new Map<string, UnconfirmedWrite>()
  /** Sums of both. */
  #pendingSums = 0
  /** Of this process among the writers of a record. */
  readonly #writerField = `${writerPrefix}${randomBytes(writerIdBytes).toString('hex')}`
  #lastWrite = 0
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> | null = null
  #state: 'open' | 'closed' = 'open'
  /** Whether it was logged that sums are lost. */
  #isLossTold = false

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  /** Adds to today's sums. Never throws. */
  add({ principal, assistant }: UsageOwner, deployment: string, tally: Tally): void {
    const record = recordKey(dayOf(this.#options.now()), principal)
    for (const kind of tallyKinds) {
      const amount = tally[kind]
      if (amount !== undefined && amount !== 0)
        this.#addOne(record, fieldOf(deployment, assistant, kind), amount)
    }
    this.#writeLater(writeIntervalMs)
  }

  /**
   * Reads what one caller used, written sums alone.
   * @param days ISO 8601 dates
   * @throws GatewayError `store_unavailable`
   */
  async read(principal: string, days: readonly string[]): Promise<UsageRow[]> {
    await this.flush()
    const records = await Promise.all(days.map(day => this.#options.store.read(recordKey(day, principal))))
    return records.flatMap((record, index) => rowsOf(record ?? {}, principal, days[index] ?? ''))
  }

  /** Reads what all callers used, up to 1000 of each day. @throws GatewayError `store_unavailable` */
  async readAll(days: readonly string[]): Promise<UsageRow[]> {
    await this.flush()
    const rows: UsageRow[] = []
    for (const day of days) {
      const { members } = await this.#options.store.page(listKey(day), 0, maxPrincipals)
      for (const principal of members.toSorted()) {
        const record = await this.#options.store.read(recordKey(day, principal))
        rows.push(...rowsOf(record ?? {}, principal, day))
      }
    }
    return rows
  }

  /** Writes what waits. @returns resolves, and never rejects, when that is over */
  async flush(): Promise<void> {
    // What was added after its start is not in it.
    await this.#writing
    await this.#write()
  }

  /** Writes what waits, and then no more. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.flush()
  }

  #addOne(record: string, field: string, amount: number): void {
    const fields = this.#pending.get(record) ?? new Map<string, number>()
    if (!fields.has(field)) {
      if (this.#pendingSums >= maxPendingSums) return this.#lose()
      this.#pendingSums += 1
    }
    this.#pending.set(record, fields)
    fields.set(field, (fields.get(field) ?? 0) + amount)
  }

  #lose(): void {
    if (this.#isLossTold) return
    this.#isLossTold = true
    this.#options.log.warn('usage.unwritten', {
      reason: `more than ${maxPendingSums} sums wait for the store`,
    })
  }

  #writeLater(ms: number): void {
    if (this.#state === 'closed' || this.#timer !== null || this.#writing !== null) return
    this.#timer = setTimeout(() => void this.#write(), ms).unref()
  }

  /** One write is under way at a time: a second one shares it. Never rejects. */
  #write(): Promise<void> {
    if (this.#writing !== null) return this.#writing
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#pending.size === 0 && this.#unconfirmed.size === 0) return Promise.resolve()
    this.#writing = this.#writePending().finally(() => {
      this.#writing = null
      if (this.#pending.size > 0 || this.#unconfirmed.size > 0) this.#writeLater(retryIntervalMs)
    })
    return this.#writing
  }

  async #writePending(): Promise<void> {
    this.#numberPending()
    await this.#writeNumbered()
    if (this.#unconfirmed.size > 0) return
    // What waited behind a repeated write.
    this.#numberPending()
    await this.#writeNumbered()
  }

  /** Of one record, one write is under way: what is added meanwhile waits for its confirmation. */
  #numberPending(): void {
    for (const [record, fields] of [...this.#pending]) {
      if (this.#unconfirmed.has(record)) continue
      this.#lastWrite += 1
      this.#unconfirmed.set(record, { number: this.#lastWrite, fields })
      this.#pending.delete(record)
    }
  }

  async #writeNumbered(): Promise<void> {
    const { store, log } = this.#options
    for (const [record, write] of [...this.#unconfirmed]) {
      const { number, fields } = write
      const once = { field: this.#writerField, number }
      try {
        await store.accumulate(record, Object.fromEntries(fields), keptDays * dayMs, once)
      } catch (fault) {
        if (fault instanceof GatewayError) continue
        log.error('usage.unwritten', describeFault(fault))
        this.#settle(record, write)
        continue
      }
      this.#settle(record, write)
      const { day, principal } = ownerOf(record)
      // The sums are written; that a caller is listed is made good with its next one.
      await store.list(listKey(day), principal, keptDays * dayMs).catch(() => undefined)
    }
  }

  #settle(record: string, { number, fields }: UnconfirmedWrite): void {
    if (this.#unconfirmed.get(record)?.number !== number) return
    this.#unconfirmed.delete(record)
    this.#pendingSums -= fields.size
  }
}

/** ISO 8601 date, UTC. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** Lists the days from one to another, at most `keptDays`. @param from ISO 8601 dates, both included */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = []
  for (let at = Date.parse(from); at <= Date.parse(to) && days.length < keptDays; at += dayMs)
    days.push(dayOf(at))
  return days
}

const recordKey = (day: string, principal: string) => `usage:${day}:${principal}`
const listKey = (day: string) => `usage-principals:${day}`

const dayChars = '2026-01-01'.length

function ownerOf(record: string): { day: string; principal: string } {
  const rest = record.slice('usage:'.length)
  return { day: rest.slice(0, dayChars), principal: rest.slice(dayChars + 1) }
}

/** Stands between the parts of a field's name; none of them has it. */
const separator = '\t'

function fieldOf(deployment: string, assistant: string, kind: TallyKind): string {
  return [deployment, assistant, kind].map(part => part.replaceAll(separator, ' ')).join(separator)
}

function rowsOf(record: Readonly<Record<string, string>>, principal: string, day: string): UsageRow[] {
  const rows = new Map<string, { deployment: string; assistant: string; fields: Record<string, unknown> }>()
  for (const [field, amount] of Object.entries(record)) {
    if (field.startsWith(writerPrefix) && !field.includes(separator)) continue
    const [deployment = '', assistant = '', kind = ''] = field.split(separator)
    const key = `${deployment}${separator}${assistant}`
    const row = rows.get(key) ?? { deployment, assistant, fields: {} }
    rows.set(key, row)
    row.fields[kind] = amount
  }
  return [...rows.values()]
    .map(({ deployment, assistant, fields }) => ({
      day,
      principal,
      assistant,
      deployment,
      tally: readTally(fields),
    }))
    .toSorted((a, b) => a.deployment.localeCompare(b.deployment) || a.assistant.localeCompare(b.assistant))
}
