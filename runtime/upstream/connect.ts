/**
 * One attempt to reach upstream over WebSocket, and the connection that comes of it.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import { GatewayError } from '../core/errors.ts'
import { enter, type FaultOwner } from '../core/fault-boundary.ts'
import type { Upstream, UpstreamListener } from '../core/ports.ts'
import { readRequestId, requestIdHeader } from '../core/request-id.ts'
import { eventType } from '../events/type.ts'
import { Heartbeat, type Watching } from '../session/heartbeat.ts'
import { messageOverheadBytes } from '../session/outbox.ts'
import { DirectReader, type Reading } from './direct-reader.ts'
import { DirectWriter } from './direct-writer.ts'
import { isProxied, openTunnel, type ProxySettings } from './proxy.ts'
import { brokenProtocol, type Ending, refusalByEvent, refusalByStatus, unreachable } from './refusal.ts'

export interface ConnectOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** The provider's name, for messages. */
  readonly label: string
  /** What serves the session, as logs and metrics name it. */
  readonly deployment?: string
  /** Whether upstream speaks first; it does not where a running call is joined (default true). */
  readonly greets?: boolean
  /** Time in which the session must exist (ms). */
  readonly timeoutMs: number
  readonly maxMessageBytes: number
  readonly heartbeatMs: number
  /** null, or absent: none. Connections without TLS take none. */
  readonly proxy?: ProxySettings | null
}

/** What an attempt comes to: one of the two, once. */
export interface Attempt {
  /** Who is told of the session once it exists; the attempt itself can be forgotten then. */
  readonly listener: Pick<UpstreamListener, 'event' | 'closed' | 'fault'>
  opened(upstream: Upstream): void
  failed(error: GatewayError): void
}

/** OpenAI often answers a close frame with nothing but the end of the stream: do not wait long for it (ms). */
const closeTimeoutMs = 2000

/** The close that belongs to a refusal comes right behind its event: the refusal is told without it after this (ms). */
const refusalCloseMs = 1000

/**
 * Connects, and waits for the first event: OpenAI refuses only after the upgrade, with an `error` event
 * and a close, so a session exists when its first event is something else. Where upstream does not speak
 * first, the upgrade is all there is to wait for.
 * @returns aborts the attempt; nothing is told after that
 */
export function connect(options: ConnectOptions, attempt: Attempt): () => void {
  const connection = new UpstreamConnection(options, attempt)
  return () => connection.abort()
}

/** Of wss, where an address names none. */
const securePort = 443

type SocketOptions = Parameters<DirectReader['connect']>[0]

/** Takes a socket that is opened later, as `createConnection` of Node's `http.request` does. */
type Opened = (fault: Error | null, socket?: Socket) => void

class UpstreamConnection implements Upstream, Reading, Watching, FaultOwner {
  readonly deployment: string | undefined
  requestId: string | undefined
  readonly maxMessageBytes: number
  readonly #label: string
  #attempt: Attempt | null
  /** Null until the session exists. */
  #listener: Attempt['listener'] | null = null
  wasHeard = false
  readonly #socket: UpstreamSocket
  readonly #reader: DirectReader
  /** Whether the listener asked for nothing more for now. */
  #isPaused = false
  #writer: DirectWriter | null = null
  #deadline: NodeJS.Timeout | undefined
  /** When the dial's time is over (ms of `performance.now()`). */
  readonly #endsAt: number
  readonly #heartbeatMs: number
  readonly #greets: boolean
  /** Null until the session exists: the deadline watches over what comes before. */
  #heartbeat: Heartbeat | null = null
  #state: 'opening' | 'refused' | 'open' | 'over' = 'opening'
  /** Tells of a refusal with the close that followed it. Set while that is waited for. */
  #refuse: ((ending: Ending) => void) | null = null
  /** Of the dial; null once the session exists. */
  #headers: ConnectOptions['headers'] | null
  /** Messages that wait behind others for the network: what they cost is more than their bytes. */
  #queued = 0
  /** One for all messages that wait; made with the first. */
  #taken: (() => void) | null = null
  /** Why the gateway itself gave the connection up. */
  #lost: GatewayError | undefined

  constructor(options: ConnectOptions, attempt: Attempt) {
    const { label, timeoutMs, heartbeatMs, maxMessageBytes } = options
    this.#label = label
    this.#attempt = attempt
    this.deployment = options.deployment
    this.maxMessageBytes = maxMessageBytes
    this.#headers = options.headers
    this.#reader = new DirectReader(this)
    this.#socket = this.#dial(options)
    const late = () => {
      // A refusal that was read meanwhile has a deadline of its own.
      if (this.#state === 'refused') return
      this.#fail(new GatewayError('upstream_timeout', `${label} did not answer within ${timeoutMs} ms`))
    }
    this.#endsAt = performance.now() + timeoutMs
    // An answer that came while this process itself was held up is read first.
    this.#deadline = setTimeout(() => setImmediate(() => enter(this, late)), timeoutMs)
    this.#heartbeatMs = heartbeatMs
    this.#greets = options.greets ?? true
  }

  abort(): void {
    this.#state = 'over'
    clearTimeout(this.#deadline)
    this.#heartbeat?.stop()
    this.#socket.terminate()
  }

  send(data: string | Uint8Array, isBinary = false): void {
    if (!this.isOpen) return
    if (this.#writer?.write(data, isBinary)) return
    if (this.buffered() === 0) return this.#socket.send(data, { binary: isBinary })
    this.#queued += 1
    this.#taken ??= () => {
      this.#queued -= 1
    }
    this.#socket.send(data, { binary: isBinary }, this.#taken)
  }

  buffered(): number {
    const bytes = this.#writer?.buffered() ?? this.#socket.bufferedAmount
    return bytes + this.#queued * messageOverheadBytes
  }

  pause(): void {
    // Pongs stay unread while paused: that silence is ours, not upstream's.
    this.#heartbeat?.hold(true)
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#heartbeat?.hold(false)
    this.#isPaused = false
    this.caughtUp()
  }

  caughtUp(): void {
    if (!this.#isPaused && !this.#reader.isBehind) this.#socket.resume()
  }

  relay(listener: Attempt['listener']): void {
    this.#listener = listener
  }

  close(code: number, reason: string): void {
    // A paused socket could never read the peer's answer to the close frame.
    this.#isPaused = false
    this.caughtUp()
    this.#socket.close(code, reason)
  }

  giveUp(error: GatewayError): void {
    this.#lost ??= error
    this.#socket.terminate()
  }

  intervalOver(): void {
    if (this.isOpen) this.#socket.ping()
  }

  peerSilent(): void {
    this.giveUp(new GatewayError('upstream_silent', `${this.#label} stopped answering`))
  }

  text(frame: Buffer): void {
    enter(this, UpstreamConnection.#take, this, frame, false)
  }

  /** Whoever listens failed on what it was told: the connection is cut, and the listener decides what ends with it. */
  onFault(fault: unknown): void {
    const listener = this.#listener ?? this.#attempt?.listener
    this.abort()
    listener?.fault(fault)
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  #dial({ url, headers, maxMessageBytes, proxy = null, timeoutMs }: ConnectOptions): UpstreamSocket {
    const secure = url.protocol === 'wss:'
    const port = Number(url.port || securePort)
    const open =
      proxy !== null && secure && isProxied(proxy.except, url.hostname, port)
        ? (given: SocketOptions, opened: Opened) => this.#tunnel(proxy.url, given, timeoutMs, opened)
        : (given: SocketOptions) => this.#reader.connect(given, secure)
    const options: ClientOptions & { closeTimeout: number } = {
      headers,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      closeTimeout: closeTimeoutMs,
      createConnection: open as unknown as NonNullable<ClientOptions['createConnection']>,
    }
    return new UpstreamSocket(url, options, this)
  }

  /** A dial that is given up meanwhile destroys the socket that it is handed. */
  #tunnel(proxy: URL, given: SocketOptions, timeoutMs: number, opened: Opened): void {
    const { host = '', port } = given
    openTunnel(proxy, host, Number(port), timeoutMs).then(
      tunnel => opened(null, this.#reader.connect(given, true, tunnel)),
      fault => opened(fault),
    )
  }

  /** The socket has been upgraded. */
  upgraded(): void {
    this.#reader.opened()
    if (this.#reader.socket !== null) this.#writer = new DirectWriter(this.#reader.socket)
    if (!this.#greets && this.#state === 'opening') this.#open()
  }

  /** One frame that the direct reader left to `ws`. */
  frame(frame: Buffer, isBinary: boolean): void {
    enter(this, UpstreamConnection.#take, this, frame, isBinary)
  }

  /** The upgrade was answered with another status than 101. */
  async refusedByStatus(response: IncomingMessage): Promise<void> {
    this.#fail(await refusalByStatus(this.#label, response, this.#headers ?? {}))
  }

  /** The socket failed; `closed` follows. */
  broke(cause: Error & { code?: string }): void {
    if (this.#state === 'opening') this.#fail(unreachable(this.#label, cause))
    else this.#lost ??= brokenProtocol(this.#label, cause)
  }

  static #take(connection: UpstreamConnection, frame: Buffer, isBinary: boolean): void {
    connection.#receive(frame, isBinary)
  }

  #receive(frame: Buffer, isBinary: boolean): void {
    this.wasHeard = true
    if (this.#state === 'over' || this.#state === 'refused') return
    if (this.#state === 'opening') {
      if (!isBinary && eventType(frame) === 'error') return this.#awaitClose(frame.toString())
      this.#open()
    }
    this.#listener?.event(frame, isBinary)
  }

  /** Upstream refused by an event: its close frame belongs to what it says. */
  #awaitClose(event: string): void {
    this.#state = 'refused'
    const headers = this.#headers ?? {}
    this.#refuse = ending => this.#fail(refusalByEvent(this.#label, event, ending, headers))
    clearTimeout(this.#deadline)
    const waitMs = Math.min(refusalCloseMs, this.#endsAt - performance.now())
    this.#deadline = setTimeout(() => enter(this, () => this.#refuse?.(null)), waitMs)
  }

  #open(): void {
    this.#headers = null
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    this.#state = 'open'
    this.#heartbeat = new Heartbeat(this.#heartbeatMs, this)
    const attempt = this.#attempt
    this.#attempt = null
    this.#listener = attempt?.listener ?? null
    attempt?.opened(this)
  }

  /** The socket is closed. */
  closed(code: number, reason: string): void {
    if (this.#state === 'opening') {
      const message = `${this.#label} closed the connection (${code}) before a session existed`
      this.#fail(new GatewayError('upstream_unavailable', message))
    } else if (this.#state === 'refused') {
      this.#refuse?.({ code, reason })
    } else if (this.#state === 'open') {
      this.abort()
      this.#listener?.closed(code, reason, this.#lost)
    }
  }

  #fail(error: GatewayError): void {
    if (this.#state !== 'opening' && this.#state !== 'refused') return
    this.abort()
    this.#attempt?.failed(error)
  }
}

/**
 * The socket of a connection. Its listeners are those of all sockets and find their connection by the socket, as
 * closures of its own, and a table of them, would be kept for as long as a session lasts.
 */
class UpstreamSocket extends WebSocket {
  readonly connection: UpstreamConnection

  constructor(url: URL, options: ClientOptions, connection: UpstreamConnection) {
    super(url, [], options)
    this.connection = connection
  }

  /** @returns whether somebody listens: `ws` itself handles a refused upgrade where nobody does */
  override emit(word: string | symbol, ...given: unknown[]): boolean {
    const listener = listeners.get(word)
    listener?.apply(this, given)
    return listener !== undefined
  }
}

/** Every listener takes what `ws` says that it gives with its word. */
type Listener = (this: UpstreamSocket, ...given: unknown[]) => void

const listenersByWord = {
  upgrade(this: UpstreamSocket, response: IncomingMessage) {
    this.connection.requestId = readRequestId(response.headers[requestIdHeader])
  },
  open(this: UpstreamSocket) {
    enter(this.connection, () => this.connection.upgraded())
  },
  message(this: UpstreamSocket, frame: Buffer, isBinary: boolean) {
    this.connection.frame(frame, isBinary)
  },
  ping: noteHeard,
  pong: noteHeard,
  'unexpected-response'(this: UpstreamSocket, _request: unknown, response: IncomingMessage) {
    enter(this.connection, () => this.connection.refusedByStatus(response))
  },
  error(this: UpstreamSocket, cause: Error & { code?: string }) {
    enter(this.connection, () => this.connection.broke(cause))
  },
  close(this: UpstreamSocket, code: number, reason: Buffer) {
    enter(this.connection, () => this.connection.closed(code, reason.toString()))
  },
}

const listeners: ReadonlyMap<string | symbol, Listener> = new Map(
  Object.entries(listenersByWord as Record<string, Listener>),
)

function noteHeard(this: UpstreamSocket): void {
  this.connection.wasHeard = true
}
