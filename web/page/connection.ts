/** A page's socket: opens it, keeps it alive, opens another when it goes. */
import { CredentialNeeded } from '../access/access.ts'
import { say } from '../language/language.ts'
import { retryDelay } from './backoff.ts'

/**
 * `draining`: still open, but this server takes no new turn.
 * `waiting`: gone; the next try is `retryInMs` away. `reason`: the server's own words, where it gave some.
 * `isOffline`: this device has no network.
 * `refused`: a credential is needed; it goes on when there is one.
 * `closed`: the page itself ended it.
 */
export type ConnectionState =
  | { phase: 'connecting' }
  | { phase: 'open' }
  | { phase: 'draining' }
  | { phase: 'waiting'; retryInMs: number; reason: string; code: number; isOffline: boolean }
  | { phase: 'refused' }
  | { phase: 'closed' }

/** What a connection carries and tells. */
export interface ConnectionOptions<Message extends { type: string }> {
  /** The address of the next dial. @throws CredentialNeeded where the person must be asked first */
  address(): Promise<string>
  /** Sent by and by so that silence means something; undefined where the server knows none. */
  heartbeat: object | undefined
  /** @returns undefined for what this page does not know */
  read(data: unknown): Message | undefined
  onMessage(message: Message): void
  onState(state: ConnectionState): void
  /** A dial ended before it was open. */
  onDialFailed(): void
}

const heartbeatMs = 25_000
const openTimeoutMs = 10_000
/** When the browser says that there is no network, the gateway is asked; it may be on this machine. */
const offlineCheckMs = 3000
const healthPath = '/healthz'
/** A socket that lived this long was a good one: the waits start small again. */
const settledMs = 5000
const normalClosure = 1000
const serviceRestart = 1012
/** What a browser reports where the socket ended without a close frame. */
const noCloseFrame = 1006

/** A connection that comes back by itself until the page ends it. */
export class Connection<Message extends { type: string }> {
  readonly #options: ConnectionOptions<Message>
  readonly #networkOnOnline = () => this.retryNow()
  readonly #networkOnOffline = () => void this.#checkNetwork()
  readonly #timers = { retry: 0, heartbeat: 0, settled: 0, opening: 0 }
  #state: ConnectionState = { phase: 'closed' }
  #socket: WebSocket | undefined
  /** Numbers the dials, so that an address that comes late opens nothing. */
  #dials = 0
  #attempt = 0
  #heardSinceHeartbeat = true

  constructor(options: ConnectionOptions<Message>) {
    this.#options = options
  }

  /** Dials for the first time. Later dials follow by themselves. */
  open(): void {
    window.addEventListener('online', this.#networkOnOnline)
    window.addEventListener('offline', this.#networkOnOffline)
    this.#dial()
  }

  /** Sends one request; false where no socket can take it now. */
  send(request: object): boolean {
    return this.sendText(JSON.stringify(request))
  }

  /** Sends one text frame; false where no socket can take it now. */
  sendText(frame: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(frame)
    return true
  }

  /** Skips what is left of a wait. */
  retryNow(): void {
    if (this.#state.phase === 'waiting' || this.#state.phase === 'refused') this.#dial()
  }

  /** Whether a new turn may be sent now. */
  ready(): boolean {
    return this.#state.phase === 'open'
  }

  /** Ends it for good. Safe to call twice. */
  close(): void {
    window.removeEventListener('online', this.#networkOnOnline)
    window.removeEventListener('offline', this.#networkOnOffline)
    this.#dials++
    this.#clearTimers()
    this.#drop()
    // Who opens it again does so on purpose, and waits for nothing that went wrong before.
    this.#attempt = 0
    if (this.#state.phase !== 'closed') this.#enter({ phase: 'closed' })
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    this.#options.onState(state)
  }

  #clearTimers(): void {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer)
  }

  #dial(): void {
    this.#clearTimers()
    this.#dials++
    const dial = this.#dials
    this.#enter({ phase: 'connecting' })
    this.#timers.opening = window.setTimeout(() => this.#abandon(), openTimeoutMs)
    this.#options.address().then(
      address => dial === this.#dials && this.#connect(address),
      cause => dial === this.#dials && this.#addressFailed(cause),
    )
  }

  #addressFailed(cause: unknown): void {
    if (cause instanceof CredentialNeeded) {
      this.#clearTimers()
      this.#enter({ phase: 'refused' })
    } else this.#lose(noCloseFrame, cause instanceof Error ? cause.message : String(cause))
  }

  #connect(address: string): void {
    const socket = new WebSocket(address)
    this.#socket = socket
    socket.onopen = () => this.#socketOnOpen()
    socket.onmessage = ({ data }) => this.#socketOnMessage(data)
    socket.onclose = ({ code, reason }) => {
      if (this.#state.phase === 'connecting') this.#options.onDialFailed()
      this.#lose(code, reason)
    }
  }

  #socketOnOpen(): void {
    this.#clearTimers()
    this.#heardSinceHeartbeat = true
    const { heartbeat } = this.#options
    if (heartbeat) this.#timers.heartbeat = window.setInterval(() => this.#beat(heartbeat), heartbeatMs)
    this.#timers.settled = window.setTimeout(() => {
      this.#attempt = 0
    }, settledMs)
    this.#enter({ phase: 'open' })
  }

  #socketOnMessage(data: unknown): void {
    this.#heardSinceHeartbeat = true
    const message = this.#options.read(data)
    if (!message) return
    if (message.type === 'server.draining') this.#enter({ phase: 'draining' })
    this.#options.onMessage(message)
  }

  #beat(heartbeat: object): void {
    if (this.#heardSinceHeartbeat) this.send(heartbeat)
    else this.#abandon()
    this.#heardSinceHeartbeat = false
  }

  /** A dead network never closes its sockets: this one is given up without waiting for it. */
  #abandon(): void {
    this.#dials++
    this.#drop()
    this.#lose(noCloseFrame, say('the server does not answer'))
  }

  /** A socket does not notice that the network is gone: it would seem to be open until a heartbeat fails. */
  async #checkNetwork(): Promise<void> {
    const { phase } = this.#state
    if (phase !== 'open' && phase !== 'draining' && phase !== 'connecting') return
    const dial = this.#dials
    const isThere = await fetch(healthPath, {
      cache: 'no-store',
      signal: AbortSignal.timeout(offlineCheckMs),
    }).then(
      () => true,
      () => false,
    )
    if (!isThere && dial === this.#dials) this.#abandon()
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    socket.onopen = null
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }

  #lose(code: number, reason: string): void {
    this.#clearTimers()
    this.#socket = undefined
    const atOnce = this.#state.phase === 'draining' || code === serviceRestart
    if (code === normalClosure) this.#attempt = 0
    const retryInMs = retryDelay(this.#attempt, atOnce, Math.random)
    this.#attempt++
    this.#timers.retry = window.setTimeout(() => this.#dial(), retryInMs)
    this.#enter({ phase: 'waiting', retryInMs, reason, code, isOffline: !navigator.onLine })
  }
}
