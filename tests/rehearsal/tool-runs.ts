/** The runs of the one tool that runs on the server, as it counts them in Redis. */
import { createClient } from 'redis'
import { until } from '../gateway/within.ts'

/** Hashes: what was said → how often. */
export const beganKey = 'rehearsal:began'
export const endedKey = 'rehearsal:ended'
/** While it is there, no run ends. */
export const heldKey = 'rehearsal:held'

/** How often runs began and ended, by what was said to the model. */
export interface RunCounts {
  readonly began: Readonly<Record<string, number>>
  readonly ended: Readonly<Record<string, number>>
}

const clientOf = (url: string) => createClient({ url })
type Redis = ReturnType<typeof clientOf>

export class ToolRuns {
  readonly #redis: Redis

  private constructor(redis: Redis) {
    this.#redis = redis
  }

  /** @param url `redis://…` */
  static async connect(url: string): Promise<ToolRuns> {
    const redis = clientOf(url)
    redis.on('error', () => undefined)
    await redis.connect()
    return new ToolRuns(redis)
  }

  /** Runs that begin from now on do not end until `release`. */
  async hold(): Promise<void> {
    await this.#redis.set(heldKey, '1')
  }

  async release(): Promise<void> {
    await this.#redis.del(heldKey)
  }

  async counts(): Promise<RunCounts> {
    return { began: await this.#read(beganKey), ended: await this.#read(endedKey) }
  }

  /** Waits until so many runs have begun. @throws Error when that takes longer than 30 s */
  untilBegun(count: number): Promise<void> {
    return until(async () => (await this.#redis.hLen(beganKey)) >= count, `${count} tools do not run`)
  }

  close(): void {
    this.#redis.destroy()
  }

  async #read(key: string): Promise<Record<string, number>> {
    const counts = Object.entries(await this.#redis.hGetAll(key))
    return Object.fromEntries(counts.map(([said, count]) => [said, Number(count)]))
  }
}
