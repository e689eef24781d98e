/**
 * A bad network between clients and the ingress: a TCP proxy that delays, falls silent in one direction, and resets
 * connections in the middle of a handshake or of a frame. What befalls a connection follows from the seed and from how
 * many came before it.
 */
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'
import { createRandom } from '../../runtime/simulator/ids.ts'
import { reset } from '../wire/peer.ts'
import { FrameBoundaries } from './frame-boundaries.ts'

export const networkFaults = [
  'reset in the handshake',
  'reset in a frame',
  'silent to the client',
  'silent to the gateway',
] as const
export type NetworkFault = (typeof networkFaults)[number]

export interface BadNetwork {
  /** Where clients dial (`ws://host:port`). */
  readonly url: string
  /** The same, but connections to it meet their fault only once they are released. */
  readonly sparedUrl: string
  /** From now on the spared connections meet their faults. */
  release(): void
  /** What befell the connection that came from a port of the client's; null where nothing did. */
  faultOf(clientPort: number): NetworkFault | null
  /** How many connections there were, and how many met each fault. */
  counts(): NetworkCounts
  stop(): void
}

export type NetworkCounts = Readonly<Record<NetworkFault | 'connections', number>>

/** Times in ms. */
interface Plan {
  readonly fault: NetworkFault | null
  /** Of every chunk in each direction. */
  readonly delayMs: number
  /** At the most, on top of the delay, for each chunk anew. */
  readonly jitterMs: number
  /** From the first byte, or the release, to the fault; a reset in a frame waits for the next frame then. */
  readonly faultAfterMs: number
  /** Who writes what is cut. */
  readonly cutSide: 'client' | 'gateway'
  /** Where a handshake is cut (part of its message). */
  readonly cutAt: number
  /** Draws the jitter. */
  readonly random: () => number
}

/** Of a hundred connections, so many meet a fault. */
const shares: Readonly<Record<NetworkFault, number>> = {
  'reset in the handshake': 12,
  'reset in a frame': 16,
  'silent to the client': 8,
  'silent to the gateway': 8,
}

const delaysMs = [2, 40] as const
const jittersMs = [0, 30] as const
/** So many of a hundred faults come soon: while a conversation begins, or is taken up again. */
const early = 40
const earlyMs = 250
/** All others come within this time of a connection's beginning. */
const longestLifeMs = 12_000

/** A direction holds this much back for its delay before it stops reading (bytes). */
const maxDelayedBytes = 1024 * 1024

/** Draws what befalls one connection. @param number counts connections from 0 */
export function planConnection(seed: number, number: number): Plan {
  const random = createRandom(seed * 100_003 + number)
  const between = ([least, most]: readonly [number, number]) => least + random() * (most - least)
  let left = random() * 100
  const fault = networkFaults.find(name => {
    left -= shares[name]
    return left < 0
  })
  return {
    fault: fault ?? null,
    delayMs: between(delaysMs),
    jitterMs: between(jittersMs),
    faultAfterMs: random() * (random() * 100 < early ? earlyMs : longestLifeMs),
    cutSide: random() < 0.5 ? 'client' : 'gateway',
    cutAt: random(),
    random,
  }
}

/** Starts the network. @param target port of the ingress */
export async function startBadNetwork(target: number, seed: number): Promise<BadNetwork> {
  const connections = new Set<Connection>()
  const faults = new Map<number, NetworkFault>()
  const counts = { connections: 0, ...Object.fromEntries(networkFaults.map(name => [name, 0])) } as Record<
    NetworkFault | 'connections',
    number
  >
  const released = Promise.withResolvers<void>()
  const accept = (client: Socket, isSpared: boolean) => {
    const plan = planConnection(seed, counts.connections)
    counts.connections += 1
    // A port may come again.
    const port = client.remotePort ?? 0
    faults.delete(port)
    const connection = new Connection(client, target, plan, {
      struck: fault => {
        faults.set(port, fault)
        counts[fault] += 1
      },
      over: () => void connections.delete(connection),
    })
    connections.add(connection)
    if (isSpared) void released.promise.then(() => connection.arm())
    else connection.arm()
  }
  const servers = [
    await listen(socket => accept(socket, false)),
    await listen(socket => accept(socket, true)),
  ]
  const [url = '', sparedUrl = ''] = servers.map(
    server => `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
  )
  return {
    url,
    sparedUrl,
    release: () => released.resolve(),
    faultOf: clientPort => faults.get(clientPort) ?? null,
    counts: () => ({ ...counts }),
    stop: () => {
      for (const server of servers) server.close()
      for (const connection of [...connections]) connection.reset()
    },
  }
}

async function listen(accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, accept)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

interface Watcher {
  struck(fault: NetworkFault): void
  over(): void
}

/** One connection: two directions, and the fault that both share. */
class Connection {
  readonly #plan: Plan
  readonly #client: Socket
  readonly #gateway: Socket
  readonly #watcher: Watcher
  readonly #fromClient: Direction
  readonly #fromGateway: Direction
  #state: 'sound' | 'due' | 'struck' | 'over' = 'sound'
  #timer: NodeJS.Timeout | null = null

  constructor(client: Socket, target: number, plan: Plan, watcher: Watcher) {
    this.#plan = plan
    this.#client = client
    this.#gateway = dial({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#watcher = watcher
    const [one, other] = [client, this.#gateway]
    this.#fromClient = new Direction(one, other, plan, (chunk, frames) => this.#cut('client', chunk, frames))
    this.#fromGateway = new Direction(other, one, plan, (chunk, frames) =>
      this.#cut('gateway', chunk, frames),
    )
    for (const direction of [this.#fromClient, this.#fromGateway]) {
      // A reset arrives behind what was sent before it; a silent sender's does not. Behind an end it changes nothing.
      direction.from.on('error', () => {
        if (!direction.from.readableEnded) direction.finally(() => this.reset())
      })
      direction.from.once('close', () => client.destroyed && this.#gateway.destroyed && this.#end())
    }
  }

  /** From now on it may meet its fault. */
  arm(): void {
    const { fault, faultAfterMs } = this.#plan
    if (this.#state !== 'sound' || fault === null) return
    if (fault === 'reset in the handshake') this.#state = 'due'
    else this.#timer = setTimeout(() => this.#fallDue(fault), faultAfterMs)
  }

  /** Safe to call twice. */
  reset(): void {
    this.#end()
    for (const socket of [this.#client, this.#gateway]) reset(socket)
  }

  #fallDue(fault: NetworkFault): void {
    if (this.#state !== 'sound') return
    this.#state = fault === 'reset in a frame' ? 'due' : 'struck'
    if (this.#state === 'due') return
    const direction = fault === 'silent to the client' ? this.#fromGateway : this.#fromClient
    direction.fallSilent()
    this.#watcher.struck(fault)
  }

  /** @returns what is done when so many bytes of a chunk have gone on; null where all of them go on */
  #cut(side: Plan['cutSide'], chunk: Buffer, frames: FrameBoundaries): Cut | null {
    const { fault, cutSide, cutAt } = this.#plan
    if (this.#state !== 'due' || fault === null || side !== cutSide) return null
    const isHandshake = fault === 'reset in the handshake'
    if (isHandshake && frames.isPastHead) return null
    const bytes = isHandshake ? Math.floor(chunk.length * cutAt) : frames.middleOfFrame(chunk)
    if (bytes === null) return null
    this.#state = 'struck'
    this.#watcher.struck(fault)
    return { bytes, run: () => this.reset() }
  }

  #end(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#fromClient.fallSilent()
    this.#fromGateway.fallSilent()
    this.#watcher.over()
  }
}

interface Cut {
  readonly bytes: number
  run(): void
}

/** Chunks of one direction, in their order, each behind its delay. */
class Direction {
  readonly from: Socket
  readonly #to: Socket
  readonly #plan: Plan
  readonly #frames = new FrameBoundaries()
  /** What goes on, and when (ms, of `performance.now`). */
  readonly #queue: { readonly at: number; run(): void }[] = []
  #timer: NodeJS.Timeout | null = null
  #state: 'running' | 'cut' | 'silent' = 'running'
  #delayedBytes = 0

  /** @param cut where a chunk is cut; null where it is not */
  constructor(
    from: Socket,
    to: Socket,
    plan: Plan,
    cut: (chunk: Buffer, frames: FrameBoundaries) => Cut | null,
  ) {
    this.from = from
    this.#to = to
    this.#plan = plan
    from.on('data', chunk => {
      if (this.#state !== 'running') return
      const found = cut(chunk, this.#frames)
      this.#frames.pass(chunk)
      this.#delay(found === null ? chunk : chunk.subarray(0, found.bytes))
      if (found === null) return
      this.finally(() => found.run())
      this.#state = 'cut'
    })
    from.once('end', () => this.finally(() => to.end()))
    to.on('drain', () => this.#readOn())
  }

  /** Runs something behind all that goes on; where nothing does, never. */
  finally(run: () => void): void {
    this.#later(run)
  }

  /** Nothing goes on any more. What is sent is not read either: the sender's buffers fill. */
  fallSilent(): void {
    this.#state = 'silent'
    this.#queue.length = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.from.pause()
  }

  #delay(chunk: Buffer): void {
    this.#delayedBytes += chunk.length
    if (this.#delayedBytes > maxDelayedBytes) this.from.pause()
    this.#later(() => {
      this.#delayedBytes -= chunk.length
      // Where the other side has ended, writing would reset a connection whose last bytes are still under way.
      const isHeard = this.#to.writable && !this.#to.readableEnded
      if (isHeard && !this.#to.write(chunk)) this.from.pause()
      else this.#readOn()
    })
  }

  #readOn(): void {
    if (this.#state === 'running' && this.#delayedBytes <= maxDelayedBytes && !this.#to.writableNeedDrain)
      this.from.resume()
  }

  #later(run: () => void): void {
    if (this.#state !== 'running') return
    const { delayMs, jitterMs, random } = this.#plan
    const at = performance.now() + delayMs + random() * jitterMs
    // A chunk never overtakes the one before it.
    this.#queue.push({ at: Math.max(at, this.#queue.at(-1)?.at ?? 0), run })
    this.#timer ??= setTimeout(() => this.#runDue(), at - performance.now())
  }

  #runDue(): void {
    this.#timer = null
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const leftMs = next.at - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#runDue(), leftMs)
        return
      }
      this.#queue.shift()
      next.run()
    }
  }
}
