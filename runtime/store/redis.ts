/** The store that replicas and revisions share. */
import { keyPrefix, unitsKey } from '../core/contract.ts'
import type { Client, RedisOptions } from './redis-connection.ts'
import { RedisConnection } from './redis-connection.ts'
import {
  accumulateScript,
  chargeScript,
  compareAndSetScript,
  dischargeScript,
  incrementScript,
  renewScript,
  unitsScript,
  updateScript,
} from './scripts.ts'
import type { Change, Charge, Fields, NumberedWrite, Quota, Store } from './store.ts'

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

  async read(key: string): Promise<Record<string, string> | null> {
    const fields = await this.#run(client => client.hGetAll(keyPrefix + key))
    return Object.keys(fields).length === 0 ? null : { ...fields }
  }

  async update(
    key: string,
    { set = {}, add = {}, unless = '', when }: Change,
    ttlMs: number,
  ): Promise<boolean> {
    const sets = Object.entries(set).flatMap(([name, value]) => [name, String(value)])
    const adds = Object.entries(add).flatMap(([name, by]) => [name, String(by)])
    const { field = '', is = '' } = when ?? {}
    const words = [String(ttlMs), unless, field, is, String(sets.length), ...sets, ...adds]
    return (await this.#script(updateScript, key, words)) === 1
  }

  async accumulate(
    key: string,
    add: Readonly<Record<string, number>>,
    ttlMs: number,
    { field, number }: NumberedWrite = { field: '', number: 0 },
  ): Promise<void> {
    const words = Object.entries(add).flatMap(([name, by]) => [name, String(by)])
    await this.#script(accumulateScript, key, [String(ttlMs), field, String(number), ...words])
  }

  async list(name: string, member: string, ttlMs: number): Promise<void> {
    const key = keyPrefix + name
    const entry = { score: Date.now() + ttlMs, value: member }
    await this.#run(client =>
      client.multi().zAdd(key, entry).pExpire(key, ttlMs, 'GT').pExpire(key, ttlMs, 'NX').exec(),
    )
  }

  async unlist(name: string, member: string): Promise<void> {
    await this.#run(client => client.zRem(keyPrefix + name, member))
  }

  async page(name: string, offset: number, count: number): Promise<{ members: string[]; total: number }> {
    const key = keyPrefix + name
    const [, members, total] = await this.#run(client =>
      client
        .multi()
        .zRemRangeByScore(key, '-inf', Date.now())
        .zRange(key, offset, offset + count - 1)
        .zCard(key)
        .execTyped(),
    )
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
