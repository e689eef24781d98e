/**
 * The connection to Redis. Commands are bounded in time; while Redis is away they fail at once, the
 * connection is tried again with backoff, and all heals by itself.
 */
import { createClient } from 'redis'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'

export interface RedisOptions {
  /** `redis://` or `rediss://`; a password in it never reaches a log. */
  readonly url: string
  /** Entra ID in place of a password (Azure Managed Redis). */
  readonly credentialsProvider?: NonNullable<Parameters<typeof createClient>[0]>['credentialsProvider']
  /** Time for one command (ms); default 1000. */
  readonly commandTimeoutMs?: number
  /** A connection on which nothing was heard for this long is given up for another (ms); default 10,000. */
  readonly silentMs?: number
  readonly log: Log
}

export type Client = ReturnType<typeof connectTo>

const defaultCommandTimeoutMs = 1000
const defaultSilentMs = 10_000
const connectTimeoutMs = 5000
const firstRetryMs = 50
const lastRetryMs = 2000

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

/** Doubles the wait up to the last; half of it at random, so that replicas do not come back all at once. */
function reconnectStrategy(retries: number): number {
  const full = Math.min(lastRetryMs, firstRetryMs * 2 ** retries)
  return Math.round(full * (0.5 + Math.random() / 2))
}

export class RedisConnection {
  readonly #options: RedisOptions
  #client: Client
  #state: 'connecting' | 'ready' | 'closed' = 'connecting'
  /** When Redis last said something (ms that only go forward). */
  #heardAt = 0

  constructor(options: RedisOptions) {
    this.#options = options
    this.#client = this.#connect()
  }

  /** Why no command can be sent now; null while one can. */
  unavailable(): string | null {
    return this.#state === 'ready' ? null : 'Redis cannot be reached'
  }

  /**
   * Runs a command. The library's own timeout ends when the command is written; its answer is bounded here.
   * @throws GatewayError `store_unavailable`
   */
  async run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    const reason = this.unavailable()
    if (reason !== null) throw new GatewayError('store_unavailable', reason, { retryAfterMs: lastRetryMs })
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
      throw new GatewayError('store_unavailable', 'Redis did not answer', {
        cause,
        retryAfterMs: lastRetryMs,
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Safe to call twice. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#client.destroy()
  }

  #connect(): Client {
    const { log } = this.#options
    const client = connectTo(this.#options)
    client.on('ready', () => {
      if (this.#state === 'closed') return
      this.#state = 'ready'
      this.#heardAt = performance.now()
      log.info('store.connected')
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

  #replace(): void {
    this.#client.destroy()
    this.#client = this.#connect()
  }

  #lost(reason: string): void {
    this.#state = 'connecting'
    this.#options.log.warn('store.lost', { reason })
  }
}
