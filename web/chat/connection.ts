/** The page's socket: opens it, keeps it alive, opens another when it goes. */
import type { ChatMessage, ChatRequest } from '../../runtime/types.ts'
import { retryDelay } from './backoff.ts'
import { readMessage } from './messages.ts'

/**
 * `draining`: still open, but this server takes no new turn.
 * `waiting`: gone; the next try is `retryInMs` away. `reason`: the server's own words, where it gave some.
 */
export type ConnectionState =
  | { phase: 'connecting' }
  | { phase: 'open' }
  | { phase: 'draining' }
  | { phase: 'waiting'; retryInMs: number; reason: string }

/** What the connection tells. */
export interface ConnectionListeners {
  onMessage(message: ChatMessage): void
  onState(state: ConnectionState): void
}

const heartbeatMs = 25_000
const openTimeoutMs = 10_000
/** A socket that lived this long was a good one: the waits start small again. */
const settledMs = 5000
const serviceRestart = 1012
/** What a browser reports where the socket ended without a close frame. */
const noCloseFrame = 1006

/** A connection that comes back by itself until the page goes. */
export class Connection {
  readonly #url: string
  readonly #listeners: ConnectionListeners
  readonly #timers = { retry: 0, heartbeat: 0, settled: 0, opening: 0 }
  #state: ConnectionState = { phase: 'connecting' }
  #socket: WebSocket | undefined
  #attempt = 0
  #heardSinceHeartbeat = true

  /** @param url `ws:` or `wss:` address of `/chat` */
  constructor(url: string, listeners: ConnectionListeners) {
    this.#url = url
    this.#listeners = listeners
    window.addEventListener('online', () => this.retryNow())
  }

  /** Dials for the first time. Later dials follow by themselves. */
  open(): void {
    this.#dial()
  }

  /** Sends one request; false where no socket can take it now. */
  send(request: ChatRequest): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(JSON.stringify(request))
    return true
  }

  /** Skips what is left of a wait. */
  retryNow(): void {
    if (this.#state.phase === 'waiting') this.#dial()
  }

  /** Whether a new turn may be sent now. */
  ready(): boolean {
    return this.#state.phase === 'open'
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    this.#listeners.onState(state)
  }

  #clearTimers(): void {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer)
  }

  #dial(): void {
    this.#clearTimers()
    this.#enter({ phase: 'connecting' })
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    socket.onopen = () => this.#socketOnOpen()
    socket.onmessage = ({ data }) => this.#socketOnMessage(data)
    socket.onclose = ({ code, reason }) => this.#lose(code, reason)
    this.#timers.opening = window.setTimeout(() => this.#abandon(), openTimeoutMs)
  }

  #socketOnOpen(): void {
    this.#clearTimers()
    this.#heardSinceHeartbeat = true
    this.#timers.heartbeat = window.setInterval(() => this.#beat(), heartbeatMs)
    this.#timers.settled = window.setTimeout(() => {
      this.#attempt = 0
    }, settledMs)
    this.#enter({ phase: 'open' })
  }

  #socketOnMessage(data: unknown): void {
    this.#heardSinceHeartbeat = true
    const message = readMessage(data)
    if (!message) return
    if (message.type === 'server.draining') this.#enter({ phase: 'draining' })
    this.#listeners.onMessage(message)
  }

  #beat(): void {
    if (this.#heardSinceHeartbeat) this.send({ type: 'heartbeat' })
    else this.#abandon()
    this.#heardSinceHeartbeat = false
  }

  /** A dead network never closes its sockets: this one is given up without waiting for it. */
  #abandon(): void {
    const socket = this.#socket
    if (!socket) return
    socket.onopen = null
    socket.onmessage = null
    socket.onclose = null
    socket.close()
    this.#lose(noCloseFrame, 'the server does not answer')
  }

  #lose(code: number, reason: string): void {
    this.#clearTimers()
    this.#socket = undefined
    const atOnce = this.#state.phase === 'draining' || code === serviceRestart
    const retryInMs = retryDelay(this.#attempt, atOnce, Math.random)
    this.#attempt++
    this.#timers.retry = window.setTimeout(() => this.#dial(), retryInMs)
    this.#enter({ phase: 'waiting', retryInMs, reason })
  }
}
