/** One client's socket: what a handler sees of it, and the heartbeat over it. */
import { fitCloseReason, GatewayError } from './errors.ts'
import { Heartbeat, type Watching } from './heartbeat.ts'
import type { Log } from './log.ts'
import type { Client, Connection, Handler, UpgradeRequest } from './types.ts'

/** The part of uWebSockets.js's WebSocket that is used here. */
export interface NativeSocket {
  /** 1: sent; 0: queued; 2: dropped. */
  send(message: string | Uint8Array, isBinary: boolean): number
  getBufferedAmount(): number
  ping(): number
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

export class ClientSocket implements Client, Watching {
  readonly id: string
  wasHeard = false
  readonly #options: ClientSocketOptions
  readonly #heartbeat: Heartbeat
  readonly #connection: Connection
  /** Null once closed: the native socket must not be touched then. */
  #native: NativeSocket | null
  /** Set while the close frame waits for what is buffered; nothing is said or heard any more. */
  #ending: { readonly end: () => void; readonly timer: NodeJS.Timeout } | null = null
  /** Who waits for a first sign of life. */
  #onHeard: (() => void) | null = null
  /** The peer no longer reads, so a close frame would wait for ever. */
  #peerGone = false

  /** @param options shared by all, as one of many idle sockets should cost little */
  constructor(
    native: NativeSocket,
    id: string,
    handler: Handler,
    request: UpgradeRequest,
    options: ClientSocketOptions,
  ) {
    this.#native = native
    this.#options = options
    this.id = id
    this.#heartbeat = new Heartbeat(options.heartbeatMs, this)
    this.#connection = handler(this, request)
  }

  get connection(): Connection {
    return this.#connection
  }

  send(message: string | Uint8Array, isBinary = false): boolean {
    if (this.#native === null || this.#ending !== null) return true
    return this.#native.send(message, isBinary) === sentAtOnce
  }

  buffered(): number {
    return this.#native?.getBufferedAmount() ?? 0
  }

  close(code: number, reason: string): void {
    const native = this.#native
    if (native === null || this.#ending !== null) return
    this.#heartbeat.stop()
    const end = () => {
      this.#native = null
      if (this.#peerGone) native.close()
      else native.end(code, fitCloseReason(reason))
    }
    if (this.#peerGone || native.getBufferedAmount() === 0) end()
    else this.#ending = { end, timer: setTimeout(end, lingerMs) }
  }

  /** A message arrived. One connection's fault ends that connection and no other. */
  receive(data: ArrayBuffer, isBinary: boolean): void {
    this.wasHeard = true
    if (this.#native === null || this.#ending !== null) return
    try {
      if (data.byteLength > this.#options.maxMessageBytes) this.#refuseSize(data.byteLength)
      else this.#connection.message(new Uint8Array(data), isBinary)
    } catch (fault) {
      this.#options.log.error('process.failed', { connection: this.id, error: String(fault) })
      this.#connection.fault(
        new GatewayError('internal', 'The gateway failed on this message', { cause: fault }),
      )
    }
  }

  probe(heard: () => void): void {
    this.#onHeard = heard
    this.#native?.ping()
  }

  /** A ping or a pong arrived. */
  heard(): void {
    this.wasHeard = true
    if (this.#onHeard === null) return
    const heard = this.#onHeard
    this.#onHeard = null
    heard()
  }

  drained(): void {
    if (this.#native === null) return
    if (this.#ending === null) this.#connection.writable()
    else if (this.#native.getBufferedAmount() === 0) this.#ending.end()
  }

  /** The native socket is closed. */
  closed(code: number, reason: string): void {
    this.#native = null
    if (this.#ending !== null) clearTimeout(this.#ending.timer)
    this.#heartbeat.stop()
    this.#connection.closed(code === 0 ? abnormalClosure : code, reason)
  }

  #refuseSize(bytes: number): void {
    const limit = this.#options.maxMessageBytes
    this.#connection.fault(
      new GatewayError('message_too_big', `The message has ${bytes} bytes; ${limit} are allowed`),
    )
  }

  intervalOver(): void {
    this.#native?.ping()
  }

  peerSilent(): void {
    this.#peerGone = true
    this.#connection.fault(new GatewayError('client_silent', 'The client stopped answering'))
  }
}
