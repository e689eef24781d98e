/**
 * The store that replicas and revisions share. Commands are bounded in time; while Redis is away they
 * fail at once, the connection is tried again with backoff, and all heals by itself.
 */
import { createClient } from 'redis'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'
import { incrementScript, renewScript, updateScript } from './scripts.ts'
import type { Change, Fields, Store } from './store.ts'

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`; a password in it never reaches a log. */
  readonly url: string
  /** Entra ID in place of a password (Azure Managed Redis). */
  readonly credentialsProvider?: NonNullable<Parameters<typeof createClient>[0]>['credentialsProvider']
  /** Time for one command (ms); default 1000. */
  readonly commandTimeoutMs?: number
  readonly log: Log
}

/** Names the layout of the entries: a revision that changes it takes another number, and both can run. */
const prefix = 'gateway:1:'

const defaultCommandTimeoutMs = 1000
const connectTimeoutMs = 5000
const firstRetryMs = 50
const lastRetryMs = 2000

/** Finds a connection whose peer has gone without a word. */
const pingIntervalMs = 5000

/** More commands than this waiting for an answer means that Redis does not answer. */
const maxQueuedCommands = 10_000

type Client = ReturnType<typeof connectTo>

/** Connects in the background: a gateway starts, and says so in `/readyz`, while Redis is away. */
export function createRedisStore(options: RedisStoreOptions): Store {
  return new RedisStore(options)
}

function connectTo({
  url,
  credentialsProvider,
  commandTimeoutMs = defaultCommandTimeoutMs,
}: RedisStoreOptions) {
  return createClient({
    url,
    ...(credentialsProvider && { credentialsProvider }),
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxQueuedCommands,
    pingInterval: pingIntervalMs,
    commandOptions: { timeout: commandTimeoutMs },
    socket: { connectTimeout: connectTimeoutMs, reconnectStrategy },
  })
}

/** Doubles the wait up to the last; half of it at random, so that replicas do not come back all at once. */
function reconnectStrategy(retries: number): number {
  const full = Math.min(lastRetryMs, firstRetryMs * 2 ** retries)
  return Math.round(full * (0.5 + Math.random() / 2))
}

class RedisStore implements Store {
  readonly #client: Client
  readonly #timeoutMs: number
  #state: 'connecting' | 'ready' | 'closed' = 'connecting'

  constructor(options: RedisStoreOptions) {
    const { log } = options
    this.#timeoutMs = options.commandTimeoutMs ?? defaultCommandTimeoutMs
    this.#client = connectTo(options)
    this.#client.on('ready', () => {
      this.#state = 'ready'
      log.info('store.connected')
    })
    this.#client.on('error', (fault: Error & { code?: string }) => {
      if (this.#state === 'ready') log.warn('store.lost', { reason: fault.code ?? fault.name })
      if (this.#state !== 'closed') this.#state = 'connecting'
    })
    // Only a client that was closed meanwhile rejects: every other failure is tried again.
    this.#client.connect().catch(() => undefined)
  }

  unavailable(): string | null {
    return this.#state === 'ready' ? null : 'Redis cannot be reached'
  }

  get(key: string): Promise<string | null> {
    return this.#run(client => client.get(prefix + key))
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.#run(client => client.set(prefix + key, value, { expiration: { type: 'PX', value: ttlMs } }))
  }

  async claim(key: string, value: string, ttlMs: number): Promise<boolean> {
    const options = { condition: 'NX', expiration: { type: 'PX', value: ttlMs } } as const
    return (await this.#run(client => client.set(prefix + key, value, options))) !== null
  }

  async renew(key: string, value: string, ttlMs: number): Promise<boolean> {
    return (await this.#script(renewScript, key, [value, String(ttlMs)])) === 1
  }

  take(key: string): Promise<string | null> {
    return this.#run(client => client.getDel(prefix + key))
  }

  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    return Number(await this.#script(incrementScript, key, [String(by), String(ttlMs)]))
  }

  async delete(key: string): Promise<void> {
    await this.#run(client => client.del(prefix + key))
  }

  async create(key: string, fields: Fields, ttlMs: number): Promise<void> {
    const name = prefix + key
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
    const fields = await this.#run(client => client.hGetAll(prefix + key))
    return Object.keys(fields).length === 0 ? null : { ...fields }
  }

  async update(key: string, { set = {}, add = {}, unless = '' }: Change, ttlMs: number): Promise<boolean> {
    const sets = Object.entries(set).flatMap(([name, value]) => [name, String(value)])
    const adds = Object.entries(add).flatMap(([name, by]) => [name, String(by)])
    const words = [String(ttlMs), unless, String(sets.length), ...sets, ...adds]
    return (await this.#script(updateScript, key, words)) === 1
  }

  async list(name: string, member: string, ttlMs: number): Promise<void> {
    const key = prefix + name
    const entry = { score: Date.now() + ttlMs, value: member }
    await this.#run(client =>
      client.multi().zAdd(key, entry).pExpire(key, ttlMs, 'GT').pExpire(key, ttlMs, 'NX').exec(),
    )
  }

  async unlist(name: string, member: string): Promise<void> {
    await this.#run(client => client.zRem(prefix + name, member))
  }

  async page(name: string, offset: number, count: number): Promise<{ members: string[]; total: number }> {
    const key = prefix + name
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

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#client.destroy()
  }

  #script(script: string, key: string, words: string[]): Promise<unknown> {
    return this.#run(client => client.eval(script, { keys: [prefix + key], arguments: words }))
  }

  /** The library's timeout ends when a command is written; its answer is bounded here. */
  async #run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    const reason = this.unavailable()
    if (reason !== null) throw new GatewayError('store_unavailable', reason, { retryAfterMs: lastRetryMs })
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), this.#timeoutMs)
    })
    try {
      return await Promise.race([command(this.#client), deadline])
    } catch (cause) {
      throw new GatewayError('store_unavailable', 'Redis did not answer', {
        cause,
        retryAfterMs: lastRetryMs,
      })
    } finally {
      clearTimeout(timer)
    }
  }
}
