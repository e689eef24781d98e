/** The rehearsal itself: who connects when, when the weights move, when the old revision goes. */
import { startSimulator } from '../../runtime/simulator/server.ts'
import { freePort, redisServer } from '../store/redis-server.ts'
import { ScriptedClient } from './client.ts'
import type { Options } from './options.ts'
import { type Ingress, startProxy } from './proxy.ts'
import { type Ending, Revision } from './revision.ts'
import type { ClientRecord, Mark, Phase } from './types.ts'

/** What happened, for the proofs to be drawn from. */
export interface Outcome {
  readonly marks: readonly Mark[]
  readonly clients: readonly ClientRecord[]
  readonly ending: Ending
  /** Upgrades tried at the old revision itself while it drained: their statuses (101: taken). */
  readonly knocks: readonly number[]
  /** When the old revision was told to go. */
  readonly goneAt: number
  /** Sockets that were reached by the new revision's label. */
  readonly labelled: readonly string[]
}

/** Of a hundred clients, so many do this. */
const parts: readonly [Phase, number][] = [
  ['idle', 35],
  ['speaking', 25],
  ['turns', 20],
  ['listening', 10],
  ['tool', 10],
]

const batch = 20
const settleMs = 1000

/** A conversation that has not said what it remembers by then does not remember (ms). */
const finishMs = 25_000
const knockIntervalMs = 100

export class Rehearsal {
  readonly #options: Options
  readonly #startedAt = performance.now()
  readonly #marks: Mark[] = []
  readonly #clients: ScriptedClient[] = []
  readonly #ends: (() => unknown)[] = []
  readonly #progress: (line: string) => void
  #url = ''

  constructor(options: Options, progress: (line: string) => void) {
    this.#options = options
    this.#progress = progress
  }

  readonly #now = () => Math.round(performance.now() - this.#startedAt)

  async run(): Promise<Outcome> {
    try {
      return await this.#perform()
    } finally {
      for (const client of this.#clients) client.stop()
      for (const end of this.#ends.reverse()) await end()
    }
  }

  async #perform(): Promise<Outcome> {
    const { sessions, duration, mode, label, plant } = this.#options
    const [blue, green] = await this.#startRevisions()
    const proxy = await this.#startIngress(blue, green)
    await proxy.setWeights({ blue: 100, green: 0 })
    this.#mark('weights 100/0')
    await this.#open('first', sessions)
    await sleep(duration * 1000)
    await proxy.setWeights({ blue: 50, green: 50 })
    this.#mark('weights 50/50')
    await this.#open('half', Math.max(10, Math.ceil(sessions / 10)))
    if (plant !== 'ignore-weight') await proxy.setWeights({ blue: 0, green: 100 })
    this.#mark('weights 0/100')
    await this.#open('new', Math.max(6, Math.ceil(sessions / 10)))
    const labelled = label ? await this.#reachByLabel() : []
    for (const client of this.#clients) client.beginPart()
    await sleep(settleMs)
    const goneAt = this.#now()
    this.#mark(mode === 'kill' ? 'kill -9' : 'SIGTERM')
    const knocking = this.#knock(blue)
    const ending = await blue.end(mode === 'kill' ? 'SIGKILL' : 'SIGTERM')
    this.#mark(`${blue.name} has ended`)
    const knocks = await knocking.stop()
    this.#progress('asking every conversation what it remembers …')
    await withDeadline(Promise.all(this.#clients.map(client => client.finish())), finishMs)
    this.#mark('done')
    return {
      marks: this.#marks,
      clients: this.#clients.map(({ record }) => record),
      ending,
      knocks,
      goneAt,
      labelled,
    }
  }

  async #startRevisions(): Promise<[Revision, Revision]> {
    const { grace, pingInterval, plant, mode } = this.#options
    const stage = { teardown: (end: () => unknown) => void this.#ends.push(end) }
    this.#progress('starting Redis, the simulator, two revisions and HAProxy …')
    const redis = await redisServer(stage)
    const simulator = await startSimulator({ rate: 8 })
    this.#ends.push(() => simulator.close())
    const env = {
      REDIS_URL: redis.url,
      OPENAI_API_KEY: 'sk-rehearsal',
      OPENAI_BASE_URL: `${simulator.url}/v1`,
      REALTIME_ALLOWED_EVENT_TYPES: '*',
      REALTIME_AUTO_CLOSE: 'false',
    }
    const common = { graceSec: grace, pingIntervalSec: pingInterval, env, plant }
    const [old, young] = mode === 'scale-in' ? ['app', 'app'] : ['blue', 'green']
    const blue = await Revision.start({ ...common, name: old, replica: 'blue-1' })
    this.#ends.push(() => blue.stop())
    const green = await Revision.start({ ...common, name: young, replica: 'green-1' })
    this.#ends.push(() => green.stop())
    return [blue, green]
  }

  async #startIngress(blue: Revision, green: Revision): Promise<Ingress> {
    const servers = { blue: blue.port, green: green.port }
    // Somebody else may have taken the port meanwhile.
    const proxy = await startProxy(await freePort(), servers).catch(async () =>
      startProxy(await freePort(), servers),
    )
    this.#ends.push(() => proxy.stop())
    this.#url = `ws://127.0.0.1:${proxy.port}`
    return proxy
  }

  async #open(cohort: string, count: number): Promise<void> {
    this.#progress(`opening ${count} conversations (${cohort}) …`)
    for (let opened = 0; opened < count; opened += batch) {
      const clients = Array.from({ length: Math.min(batch, count - opened) }, (_, place) =>
        this.#client(cohort, opened + place),
      )
      await Promise.all(clients.map(client => client.start()))
    }
  }

  #client(cohort: string, place: number, headers: Record<string, string> = {}): ScriptedClient {
    const id = this.#clients.length + 1
    const client = new ScriptedClient({
      id,
      phase: phaseOf(place),
      cohort,
      url: this.#url,
      headers,
      now: this.#now,
    })
    this.#clients.push(client)
    return client
  }

  async #reachByLabel(): Promise<string[]> {
    const client = this.#client('label', 0, { Host: 'green---app.example' })
    await client.start()
    this.#mark('reached by label')
    return [client.link?.replica ?? '']
  }

  /** Tries to get into the old revision while it goes. */
  #knock(old: Revision): { stop(): Promise<number[]> } {
    const statuses: number[] = []
    let going = true
    const knocking = (async () => {
      // The very first moment belongs to the signal.
      await sleep(knockIntervalMs)
      while (going) {
        const status = await knockOnce(old.port)
        if (status !== null) statuses.push(status)
        await sleep(knockIntervalMs)
      }
    })()
    return {
      stop: async () => {
        going = false
        await knocking
        return statuses
      },
    }
  }

  #mark(what: string): void {
    this.#marks.push({ at: this.#now(), what })
    this.#progress(`${(this.#now() / 1000).toFixed(1).padStart(6)} s  ${what}`)
  }
}

/** The statuses of an upgrade tried at a port; null when nobody is there. */
async function knockOnce(port: number): Promise<number | null> {
  const { WebSocket } = await import('ws')
  return new Promise(resolve => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
    socket.once('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.once('unexpected-response', (request, response) => {
      request.destroy()
      resolve(response.statusCode ?? 0)
    })
    socket.once('error', () => resolve(null))
  })
}

function phaseOf(place: number): Phase {
  let below = 0
  for (const [phase, share] of parts) {
    below += share
    // Spread, so that a few clients have every phase among them.
    if ((place * 37) % 100 < below) return phase
  }
  return 'idle'
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

async function withDeadline(work: Promise<unknown>, ms: number): Promise<void> {
  await Promise.race([work, sleep(ms)])
}
