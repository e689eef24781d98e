/** One client's socket: what a handler sees of it, and the heartbeat over it. */
import { fitCloseReason, GatewayError } from '../core/errors.ts'
import { describeFault, enter, enterLater, type FaultOwner, internalError } from '../core/fault-boundary.ts'
import type { Client, Connection } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import { Heartbeat, type Watching } from '../session/heartbeat.ts'
import type { Accepted } from './handler.ts'

/** The part of uWebSockets.js's WebSocket that is used here. */
export interface NativeSocket {
  /** 1: sent; 0: queued; 2: dropped. */
  send(message: string | Uint8Array, isBinary: boolean): number
  getBufferedAmount(): number
  /** @param payload comes back in the pong (RFC 6455 section 5.5.3); 125 bytes at most */
  ping(payload?: string): number
  /** Sends a close frame after what is buffered; calls the close handler at once. */
  end(code: number, reason: string): void
  /** Cuts the socket; calls the close handler at once. */
  close(): void
}

export interface ClientSocketOptions {
  readonly heartbeatMs: number
  readonly maxMessageBytes: number
  readonly log: Log
}

const sentAtOnce = 1

/**
 * A client that is slow to read has this long to take what is buffered before its close frame (ms). Native code
 * would send it later too, but not once the process is gone, and the drain waits for open sockets alone.
 */
const lingerMs = 10_000

/** RFC 6455 section 7.4.1: what a close without a close frame is reported as. */
const abnormalClosure = 1006

/**
 * - open: messages pass both ways
 * - ending: the close frame waits for what is buffered; nothing is said or heard any more
 * - closed: the native socket must not be touched
 */
type Phase = 'open' | 'ending' | 'closed'

export class ClientSocket implements Client, Watching, FaultOwner {
  readonly id: string
  wasHeard = false
  readonly #options: ClientSocketOptions
  #heartbeat: Heartbeat | null = null
  readonly #native: NativeSocket
  readonly #connection: Connection
  #phase: Phase = 'open'
  /** What the close frame will say; set while `ending`. */
  #ending: { readonly code: number; readonly reason: string; timer: NodeJS.Timeout | null } | null = null
  /** Probes that were sent: each one's number is the payload of its ping. */
  #probes = 0
  /** Who waits for the pong of the last one. */
  #onAnswered: (() => void) | null = null
  /** The peer no longer reads, so a close frame would wait for ever. */
  #peerGone = false

  /** @param options shared by all, as one of many idle sockets should cost little */
  constructor(
    native: NativeSocket,
    id: string,
    { handler, context }: Pick<Accepted, 'handler' | 'context'>,
    options: ClientSocketOptions,
  ) {
    this.#native = native
    this.#options = options
    this.id = id
    this.#connection = handler(this, context)
    // The handler may have closed it already.
    if (this.phase === 'open') this.#heartbeat = new Heartbeat(options.heartbeatMs, this)
  }

  get phase(): Phase {
    return this.#phase
  }

  get connection(): Connection {
    return this.#connection
  }

  send(message: string | Uint8Array, isBinary = false): boolean {
    if (this.#phase !== 'open') return true
    return this.#native.send(message, isBinary) === sentAtOnce
  }

  buffered(): number {
    return this.#phase === 'closed' ? 0 : this.#native.getBufferedAmount()
  }

  /** What is kept for this client (bytes): what it has not taken, and what waits for upstream. */
  held(): number {
    return this.buffered() + (this.#phase === 'closed' ? 0 : (this.#connection.held?.() ?? 0))
  }

  close(code: number, reason: string): void {
    if (this.#phase !== 'open') return
    this.#heartbeat?.stop()
    this.#phase = 'ending'
    const ending = { code, reason: fitCloseReason(reason), timer: null as NodeJS.Timeout | null }
    this.#ending = ending
    if (this.#peerGone || this.#native.getBufferedAmount() === 0) this.#end()
    else ending.timer = enterLater(this, lingerMs, () => this.#end())
  }

  /**
   * Ends the client at once: what is buffered is lost. From a call that the native server made for it, only
   * so does the native server stop reading a socket on which more has arrived already.
   */
  cut(error: GatewayError): void {
    // Also one that has ended is told: it is remembered for having been cut.
    this.#fault(error)
    // Nothing was buffered, and the close frame has ended it.
    if (this.phase === 'closed') return
    this.#phase = 'closed'
    this.#native.close()
  }

  /** A message arrived. One connection's fault ends that connection and no other. */
  receive(data: ArrayBuffer, isBinary: boolean): void {
    this.wasHeard = true
    if (this.#phase === 'open') enter(this, ClientSocket.#takeMessage, this, data, isBinary)
  }

  probe(answered: (() => void) | null = null): void {
    this.#probes += 1
    this.#onAnswered = answered
    if (this.#phase === 'open') this.#native.ping(String(this.#probes))
  }

  /** A ping or a pong arrived. @param pong payload of the pong; null for a ping */
  heard(pong: ArrayBuffer | null): void {
    this.wasHeard = true
    if (this.#phase === 'open') enter(this, ClientSocket.#takeControlFrame, this, pong)
  }

  drained(): void {
    // A client that takes what is sent lives, also where its pong waits behind megabytes.
    this.wasHeard = true
    if (this.#phase === 'open') enter(this, ClientSocket.#becomeWritable, this)
    else if (this.#phase === 'ending' && this.#native.getBufferedAmount() === 0) this.#end()
  }

  /** The native socket is closed. */
  closed(code: number, reason: string): void {
    this.#phase = 'closed'
    clearTimeout(this.#ending?.timer ?? undefined)
    this.#heartbeat?.stop()
    enter(this, ClientSocket.#tellClosed, this, code === 0 ? abnormalClosure : code, reason)
  }

  /** The handler's own code failed: its connection ends with `internal`. */
  onFault(fault: unknown): void {
    this.#options.log.error('connection.failed', { connection: this.id, ...describeFault(fault) })
    if (this.#phase === 'open') this.#fault(internalError(fault))
  }

  intervalOver(): void {
    if (this.#phase === 'open') this.#native.ping()
  }

  peerSilent(): void {
    this.#peerGone = true
    this.#fault(new GatewayError('client_silent', 'The client stopped answering'))
  }

  /** Lets the handler end the connection, and ends it where the handler does not. */
  #fault(error: GatewayError): void {
    try {
      this.#connection.fault(error)
    } catch (fault) {
      this.#options.log.error('connection.failed', { connection: this.id, ...describeFault(fault) })
    }
    this.close(error.close, error.code)
  }

  #end(): void {
    if (this.#phase !== 'ending' || this.#ending === null) return
    const { code, reason } = this.#ending
    this.#phase = 'closed'
    if (this.#peerGone) this.#native.close()
    else this.#native.end(code, reason)
  }

  // Static, and handed to the boundary with their socket: the hot path allocates no closure.
  static #takeMessage(socket: ClientSocket, data: ArrayBuffer, isBinary: boolean): unknown {
    const { maxMessageBytes } = socket.#options
    if (data.byteLength <= maxMessageBytes) return socket.#connection.message(new Uint8Array(data), isBinary)
    const message = `The message has ${data.byteLength} bytes; ${maxMessageBytes} are allowed`
    return socket.#fault(new GatewayError('message_too_big', message))
  }
  static #takeControlFrame(socket: ClientSocket, pong: ArrayBuffer | null): unknown {
    const answered = socket.#onAnswered
    if (answered !== null && pong !== null && Buffer.from(pong).toString() === String(socket.#probes)) {
      socket.#onAnswered = null
      answered()
    }
    return socket.#connection.controlFrame?.()
  }
  static #becomeWritable(socket: ClientSocket): unknown {
    return socket.#connection.writable()
  }
  static #tellClosed(socket: ClientSocket, code: number, reason: string): unknown {
    return socket.#connection.closed(code, reason)
  }
}
