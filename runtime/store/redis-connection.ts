/**
 * The connection to Redis. Commands are bounded in time; while Redis is away they fail at once, the
 * connection is tried again with backoff, and all heals by itself. A write is tried at an interval, since a
 * Redis that is connected may answer nothing, or refuse writes. One that is read-only was the primary before a failover:
 * it keeps its connections, so another is made, to whatever the address leads to now.
 */
import { createClient, ErrorReply } from 'redis'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../observability/log.ts'

export interface RedisOptions {
  /** `redis://` or `rediss://`; a password in it never reaches a log. */
  readonly url: string
  /** Entra ID in place of a password (Azure Managed Redis). */
  readonly credentialsProvider?: NonNullable<Parameters<typeof createClient>[0]>['credentialsProvider']
  /** Time for one command (ms); default 1000. */
  readonly commandTimeoutMs?: number
  /** A connection on which nothing was heard for this long is given up for another (ms); default 10,000. */
  readonly silentMs?: number
  /** Time between two writes that try whether Redis takes writes (ms); default 2000. */
  readonly probeMs?: number
  readonly log: Log
}

export type Client = ReturnType<typeof connectTo>

const defaultCommandTimeoutMs = 1000
const defaultSilentMs = 10_000
const defaultProbeMs = 2000
const connectTimeoutMs = 5000

/** Written at an interval, below the prefix that a user of Redis may be confined to; expires by itself. */
const probeKey = 'gateway:1:probe'
const probeTtlMs = 60_000
const reconnectBackoff: BackoffBounds = { firstMs: 50, lastMs: 2000 }

/** More commands than this waiting for an answer means that Redis does not answer. */
const maxQueuedCommands = 10_000

function connectTo({
  url,
  credentialsProvider,
  commandTimeoutMs = defaultCommandTimeoutMs,
  silentMs = defaultSilentMs,
}: RedisOptions) {
  return createClient({
    url,
    ...(credentialsProvider && { credentialsProvider }),
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxQueuedCommands,
    // An idle connection has something to hear, too.
    pingInterval: silentMs / 2,
    commandOptions: { timeout: commandTimeoutMs },
    socket: { connectTimeout: connectTimeoutMs, socketTimeout: silentMs, reconnectStrategy },
  })
}

/** @param retries so far, from 0 */
function reconnectStrategy(retries: number): number {
  return Math.round(backoffMs(reconnectBackoff, retries + 1))
}

const unreachable = 'Redis cannot be reached'

const readOnly = 'Redis refuses writes: it is read-only'

/** What Redis says when it refuses a write (redis.io, "Redis serialization protocol", errors by their first word). */
const refusals: Readonly<Record<string, string>> = {
  OOM: 'Redis refuses writes: it is out of memory',
  READONLY: readOnly,
  MISCONF: 'Redis refuses writes: it cannot save to its disk',
  NOREPLICAS: 'Redis refuses writes: it has too few replicas',
  LOADING: 'Redis is loading its data',
  NOPERM: 'Redis refuses writes: this user has no permission',
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof ErrorReply)) return 'Redis does not answer'
  const [word = ''] = cause.message.split(' ')
  // An error within a script begins with the word of the command that failed.
  return refusals[word] ?? 'Redis refused a command'
}

export class RedisConnection {
  readonly #options: RedisOptions
  #client: Client
  /** `moving`: connecting, as the server before is read-only. */
  #state: 'connecting' | 'moving' | 'ready' | 'closed' = 'connecting'
  /** When Redis last said something (ms that only go forward). */
  #heardAt = 0
  /** Why the last write that was tried failed; null when it did not. */
  #fault: string | null = null
  #probe: 'idle' | 'running' = 'idle'
  readonly #prober: NodeJS.Timeout

  constructor(options: RedisOptions) {
    this.#options = options
    this.#client = this.#connect()
    this.#prober = setInterval(() => void this.#tryWrite(), options.probeMs ?? defaultProbeMs).unref()
  }

  /** Why Redis is of no use now: it cannot be reached, does not answer, or refuses writes; null while all is well. */
  unavailable(): string | null {
    if (this.#state === 'moving') return readOnly
    return this.#state === 'ready' ? this.#fault : unreachable
  }

  /**
   * Runs a command. The library's own timeout ends when the command is written; its answer is bounded here.
   * @throws GatewayError `store_unavailable`
   */
  async run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    if (this.#state !== 'ready') {
      const reason = this.unavailable() ?? unreachable
      throw new GatewayError('store_unavailable', reason, { retryAfterMs: reconnectBackoff.lastMs })
    }
    const client = this.#client
    const { commandTimeoutMs = defaultCommandTimeoutMs } = this.#options
    const { promise: deadline, reject } = Promise.withResolvers<never>()
    const late = () => {
      reject(new Error('no answer in time'))
      this.#giveUpIfSilent(client)
    }
    // An answer that came while this process itself was held up is read first.
    const timer = setTimeout(() => setImmediate(late), commandTimeoutMs)
    try {
      const answer = await Promise.race([command(client), deadline])
      this.#heardAt = performance.now()
      return answer
    } catch (cause) {
      // It may have been moved on while this command waited.
      const reason = this.#isMoving() ? readOnly : reasonOf(cause)
      throw new GatewayError('store_unavailable', reason, {
        cause,
        retryAfterMs: reconnectBackoff.lastMs,
      })
    } finally {
      clearTimeout(timer)
    }
  }

  #isMoving(): boolean {
    return this.#state === 'moving'
  }

  /** Safe to call twice. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearInterval(this.#prober)
    this.#client.destroy()
  }

  #connect(): Client {
    const { log } = this.#options
    const client = connectTo(this.#options)
    // The library keeps a socket that opens after its client was destroyed.
    client.on('connect', () => {
      if (this.#state === 'closed' || client !== this.#client) client.destroy()
    })
    client.on('ready', () => {
      if (this.#state === 'closed') return
      this.#state = 'ready'
      this.#heardAt = performance.now()
      // Where writes were refused before, the next one that is tried tells.
      if (this.#fault === null) log.info('store.connected')
    })
    client.on('ping-interval', () => {
      this.#heardAt = performance.now()
    })
    client.on('error', (fault: Error & { code?: string }) => {
      if (client !== this.#client || this.#state !== 'ready') return
      this.#lost(fault.code ?? fault.name)
      // After nonsense, or a ping that could not be sent, the library goes on with that connection.
      if (client.isReady) this.#replace()
    })
    // Only a client that was closed meanwhile rejects: every other failure is tried again.
    client.connect().catch(() => undefined)
    return client
  }

  /** A peer that went without a word leaves a connection behind that TCP holds on to for a quarter of an hour. */
  #giveUpIfSilent(client: Client): void {
    const { silentMs = defaultSilentMs } = this.#options
    if (this.#state !== 'ready' || client !== this.#client) return
    if (performance.now() - this.#heardAt < silentMs) return
    this.#lost('silent')
    this.#replace()
  }

  /** Tries a write, and keeps what came of it. Never rejects. */
  async #tryWrite(): Promise<void> {
    if (this.#state !== 'ready' || this.#probe === 'running') return
    this.#probe = 'running'
    const expiration = { type: 'PX', value: probeTtlMs } as const
    const fault = await this.run(client => client.set(probeKey, '1', { expiration })).then(
      () => null,
      (error: GatewayError) => error.message,
    )
    this.#probe = 'idle'
    // A connection that was lost meanwhile is told by its own state.
    if (this.#state !== 'ready') return
    if (fault !== this.#fault) this.#noteWrite(fault)
    if (fault !== readOnly) return
    this.#state = 'moving'
    this.#replace()
  }

  #noteWrite(fault: string | null): void {
    this.#fault = fault
    const { log } = this.#options
    if (fault === null) log.info('store.connected')
    else log.warn('store.lost', { reason: fault })
  }

  #replace(): void {
    this.#client.destroy()
    this.#client = this.#connect()
  }

  #lost(reason: string): void {
    this.#state = 'connecting'
    this.#options.log.warn('store.lost', { reason })
  }
}
