/** The store that replicas and revisions share. */
import { keyPrefix, unitsKey } from '../core/contract.ts'
import type { Client, RedisOptions } from './redis-connection.ts'
import { RedisConnection } from './redis-connection.ts'
import {
  accumulateScript,
  chargeScript,
  compareAndSetScript,
  createUnlessThereScript,
  dischargeScript,
  enlistScript,
  incrementScript,
  listScript,
  pageScript,
  renewScript,
  unitsScript,
  updateAndReadScript,
  updateScript,
} from './scripts.ts'
import type { Change, Charge, Fields, NumberedWrite, Quota, Store, UpdatedRecord } from './store.ts'

/** Stands for the number of a write that is not repeated. */
const unnumbered: NumberedWrite = { field: '', number: 0 }

/** Connects in the background: a gateway starts, and says so in `/readyz`, while Redis is away. */
export function createRedisStore(options: RedisOptions): Store {
  return new RedisStore(options)
}

class RedisStore implements Store {
  readonly #connection: RedisConnection

  constructor(options: RedisOptions) {
    this.#connection = new RedisConnection(options)
  }

  unavailable(): string | null {
    return this.#connection.unavailable()
  }

  get(key: string): Promise<string | null> {
    return this.#run(client => client.get(keyPrefix + key))
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.#run(client =>
      client.set(keyPrefix + key, value, { expiration: { type: 'PX', value: ttlMs } }),
    )
  }

  async compareAndSet(key: string, was: number, text: string, ttlMs: number): Promise<boolean> {
    return (await this.#script(compareAndSetScript, key, [String(was), text, String(ttlMs)])) === 1
  }

  async claim(key: string, value: string, ttlMs: number): Promise<boolean> {
    const options = { condition: 'NX', expiration: { type: 'PX', value: ttlMs } } as const
    return (await this.#run(client => client.set(keyPrefix + key, value, options))) !== null
  }

  async renew(key: string, value: string, ttlMs: number): Promise<boolean> {
    return (await this.#script(renewScript, key, [value, String(ttlMs)])) === 1
  }

  take(key: string): Promise<string | null> {
    return this.#run(client => client.getDel(keyPrefix + key))
  }

  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    return Number(await this.#script(incrementScript, key, [String(by), String(ttlMs)]))
  }

  async delete(key: string): Promise<void> {
    await this.#run(client => client.del(keyPrefix + key))
  }

  async create(key: string, fields: Fields, ttlMs: number): Promise<void> {
    const name = keyPrefix + key
    await this.#run(client =>
      client
        .multi()
        .del(name)
        .hSet(name, { ...fields })
        .pExpire(name, ttlMs)
        .exec(),
    )
  }

  async createUnlessThere(key: string, fields: Fields, ttlMs: number): Promise<boolean> {
    return (await this.#script(createUnlessThereScript, key, [String(ttlMs), ...wordsOf(fields)])) === 1
  }

  async read(key: string): Promise<Record<string, string> | null> {
    const fields = await this.#run(client => client.hGetAll(keyPrefix + key))
    return Object.keys(fields).length === 0 ? null : { ...fields }
  }

  async update(key: string, change: Change, ttlMs: number): Promise<boolean> {
    return (await this.#script(updateScript, key, wordsOfChange(change, ttlMs))) === 1
  }

  async updateAndRead(key: string, change: Change, ttlMs: number): Promise<UpdatedRecord | null> {
    const answer = await this.#script(updateAndReadScript, key, wordsOfChange(change, ttlMs))
    const [changed, flat] = answer as [number, string[]]
    if (flat.length === 0) return null
    const fields: Record<string, string> = {}
    for (let at = 0; at < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? ''
    return { isChanged: changed === 1, fields }
  }

  async accumulate(
    key: string,
    add: Readonly<Record<string, number>>,
    ttlMs: number,
    { field, number }: NumberedWrite = unnumbered,
  ): Promise<void> {
    await this.#script(accumulateScript, key, [String(ttlMs), field, String(number), ...wordsOf(add)])
  }

  async list(name: string, member: string, ttlMs: number): Promise<void> {
    await this.#script(listScript, name, [member, String(ttlMs)])
  }

  async enlist(name: string, member: string, most: number, ttlMs: number): Promise<boolean> {
    const words = [member, most, ttlMs].map(String)
    return (await this.#script(enlistScript, name, words)) === 1
  }

  async unlist(name: string, member: string): Promise<void> {
    await this.#run(client => client.zRem(keyPrefix + name, member))
  }

  async page(name: string, offset: number, count: number): Promise<{ members: string[]; total: number }> {
    const words = [offset, offset + count - 1].map(String)
    const [members, total] = (await this.#script(pageScript, name, words)) as [string[], number]
    return { members, total }
  }

  async charge(account: string, entry: string, { bytes, ttlMs }: Charge, quota: Quota): Promise<boolean> {
    const words = [entry, bytes, ttlMs, quota.entries, quota.bytes].map(String)
    return (await this.#accountScript(chargeScript, account, words)) === 1
  }

  async discharge(account: string, entry: string): Promise<void> {
    await this.#accountScript(dischargeScript, account, [entry])
  }

  async publishUnits(group: string, member: string, units: number, ttlMs: number): Promise<void> {
    const keys = [
      `${keyPrefix}units:{${group}}:expiry`,
      `${keyPrefix}units:{${group}}:members`,
      unitsKey(group),
    ]
    const words = [member, String(Math.round(units * 1000)), String(ttlMs)]
    await this.#run(client => client.eval(unitsScript, { keys, arguments: words }))
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  #script(script: string, key: string, words: string[]): Promise<unknown> {
    return this.#run(client => client.eval(script, { keys: [keyPrefix + key], arguments: words }))
  }

  /** The braces put both keys of an account into one slot of a cluster. */
  #accountScript(script: string, account: string, words: string[]): Promise<unknown> {
    const keys = [`${keyPrefix}account:{${account}}:expiry`, `${keyPrefix}account:{${account}}:bytes`]
    return this.#run(client => client.eval(script, { keys, arguments: words }))
  }

  #run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    return this.#connection.run(command)
  }
}

function wordsOf(fields: Fields): string[] {
  return Object.entries(fields).flatMap(([name, value]) => [name, String(value)])
}

/** Writes a change as the arguments of its scripts. */
function wordsOfChange(change: Change, ttlMs: number): string[] {
  const { set = {}, add = {}, unless = '', when = [], once = unnumbered } = change
  const conditions = when.flatMap(({ field, is }) => [field, is])
  const sets = wordsOf(set)
  const counted = (words: readonly string[]) => [String(words.length), ...words]
  const words = [String(ttlMs), once.field, String(once.number), unless]
  return [...words, ...counted(conditions), ...counted(sets), ...wordsOf(add)]
}
