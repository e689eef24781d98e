/**
 * Connections between processes, as TCP has them: each direction keeps its order, a message takes any time, and a
 * connection may be cut at any point; what was under way then arrives up to some message and no further. One end may
 * learn of that much later than the other, or only by missing what it expects.
 */
import type { Process, World } from './world.ts'

/** What an end is told. Nothing after `closed`. */
export interface EndListener {
  message(data: Buffer): void
  /** A ping or a pong; a pong has the payload of its ping. */
  control?(kind: 'ping' | 'pong', payload: string): void
  /** @param code 1006 where there was no close frame */
  closed(code: number, reason: string): void
}

type Packet =
  | { readonly kind: 'message'; readonly data: Buffer }
  | { readonly kind: 'ping' | 'pong'; readonly payload: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }

/** How long a packet takes (ms): most are quick, some are not. */
const quickMs = [0.2, 5] as const
const slowMs = [20, 800] as const
const slowShare = 0.05

/** A connection that is cut passes what was sent before some moment within this (ms). */
const cutWithinMs = 20

/** RFC 6455 section 7.1.5: a connection that ends without a close frame. */
export const abnormalClosure = 1006

export class Connection {
  readonly near: End
  readonly far: End
  readonly #world: World

  constructor(world: World, near: Process, far: Process, name: string) {
    this.#world = world
    this.near = new End(world, near, `${name} ${near.name} > ${far.name}`)
    this.far = new End(world, far, `${name} ${far.name} > ${near.name}`)
    this.near.peer = this.far
    this.far.peer = this.near
  }

  get isOpen(): boolean {
    return this.near.isOpen || this.far.isOpen
  }

  /**
   * Cuts it: nothing passes any more.
   * @param noticeMs when each end is told; Infinity where it must find out by itself
   */
  cut(noticeMs: readonly [near: number, far: number]): void {
    this.#world.note('network', `cut: ${this.near.name}`)
    for (const end of [this.near, this.far]) end.losePackets(cutWithinMs)
    this.near.lose(noticeMs[0])
    this.far.lose(noticeMs[1])
  }
}

export class End {
  readonly name: string
  readonly process: Process
  peer!: End
  listener: EndListener | null = null
  readonly #world: World
  readonly #forgetProcess: () => void
  /** Of the last packet that was sent from here (ms). */
  #lastArrival = 0
  /** Packets that leave here after this time never arrive (ms); those under way then arrive in part. */
  #cutAt = Number.POSITIVE_INFINITY
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(world: World, process: Process, name: string) {
    this.#world = world
    this.process = process
    this.name = name
    // What the system had taken of a process that dies is sent; the peer is told by the system, too.
    this.#forgetProcess = process.onEnd(() => {
      this.#state = 'closed'
      this.losePackets(slowMs[1])
      this.peer.losePackets(0)
      this.peer.lose(this.#world.between(0, 50))
    })
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether something that one side sends now is lost; neither side may have been told. */
  get isCut(): boolean {
    return this.#world.now >= Math.min(this.#cutAt, this.peer.#cutAt)
  }

  send(data: string | Uint8Array): void {
    if (this.#state !== 'open') return
    this.#transmit({ kind: 'message', data: Buffer.from(data as string) })
  }

  ping(payload = ''): void {
    if (this.#state === 'open') this.#transmit({ kind: 'ping', payload })
  }

  /** Sends a close frame behind what was sent; this end is told nothing but the peer's close. */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#transmit({ kind: 'close', code, reason })
    this.#state = 'closing'
  }

  /** Ends this side at once; the peer notices as of a connection that is cut. */
  destroy(): void {
    if (this.#state === 'closed') return
    this.#over()
    this.peer.lose(this.#world.between(0.2, 50))
  }

  /** Nothing passes any more. @param noticeMs when this end is told */
  lose(noticeMs: number): void {
    if (noticeMs === Number.POSITIVE_INFINITY) return
    this.#world.after(noticeMs, this.process, () => this.#tellClosed(abnormalClosure, ''))
  }

  /** Of what is sent from here, nothing arrives after some moment. @param withinMs when that is, at the latest */
  losePackets(withinMs: number): void {
    this.#cutAt = Math.min(this.#cutAt, this.#world.now + this.#world.between(0, withinMs))
  }

  #transmit(packet: Packet): void {
    if (!this.process.effect(() => `${this.name}: ${describe(packet)}`)) return
    const world = this.#world
    if (world.now >= this.#cutAt) return
    const [from, to] = world.chance(slowShare) ? slowMs : quickMs
    const arrival = Math.max(this.#lastArrival, world.now + world.between(from, to))
    this.#lastArrival = arrival
    world.after(arrival - world.now, this.peer.process, () => {
      if (world.now <= this.#cutAt) this.peer.#arrive(packet)
    })
  }

  #arrive(packet: Packet): void {
    if (this.#state === 'closed') return
    if (this.#world.trace !== null)
      this.#world.note(this.process.name, `gets ${this.peer.name}: ${describe(packet)}`)
    switch (packet.kind) {
      case 'message':
        if (this.#state === 'open') this.listener?.message(packet.data)
        return
      case 'ping':
        if (this.#state === 'open') this.#transmit({ kind: 'pong', payload: packet.payload })
        return this.listener?.control?.('ping', packet.payload)
      case 'pong':
        return this.listener?.control?.('pong', packet.payload)
      case 'close': {
        // RFC 6455 section 5.5.1: it is answered by the same.
        if (this.#state === 'open') this.#transmit(packet)
        return this.#tellClosed(packet.code, packet.reason)
      }
    }
  }

  #tellClosed(code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#over()
    this.listener?.closed(code, reason)
  }

  #over(): void {
    this.#state = 'closed'
    this.#forgetProcess()
  }
}

const shownChars = 160

function describe(packet: Packet): string {
  switch (packet.kind) {
    case 'message':
      return packet.data.toString().slice(0, shownChars)
    case 'close':
      return `close ${packet.code} ${packet.reason}`
    default:
      return packet.kind
  }
}
