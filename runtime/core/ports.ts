/** What parts hand to each other: the two ends of a session, requests, routes. */
import type { GatewayError } from './errors.ts'

/** The side of a session that a browser, an SDK or a device holds. */
export interface Client {
  /** Connection id, unique in this process; the key of every log line about the connection. */
  readonly id: string
  /**
   * Queues one message. Bytes go out as they are: text frame unless `isBinary`.
   * @returns true when the network took it at once; false when it waits in `buffered()`
   */
  send(message: string | Uint8Array, isBinary?: boolean): boolean
  /** Bytes accepted by `send` that the network has not taken yet. */
  buffered(): number
  /** Sends a ping at once. @param heard called at the first ping or pong after it, once; a message calls nothing */
  probe(heard: () => void): void
  /** Sends what is buffered, then a close frame. Safe to call twice. */
  close(code: number, reason: string): void
}

/** What the client asked for when it dialled; a copy, as the server's request does not outlive the upgrade. */
export interface UpgradeRequest {
  readonly path: string
  readonly query: URLSearchParams
  readonly subprotocols: readonly string[]
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  /** The client's own address; a proxy's forwarding header counts only where that proxy is trusted. */
  readonly address: string
  /** Aborted when the client leaves before its upgrade is answered. */
  readonly gone?: AbortSignal
  /** Who asks; absent until the request is admitted. */
  readonly principal?: Principal
  /** What is stored for the session is charged to this account; absent until the request is admitted. */
  readonly account?: string
}

/** A request whose credential was checked. */
export type AdmittedRequest = UpgradeRequest & Required<Pick<UpgradeRequest, 'principal' | 'account'>>

/** The credential that opened a connection or made a request. What it made belongs to it. */
export interface Principal {
  /** `key:NAME`, `entra:TENANT/OBJECT`, or `anonymous` where no credential is asked for. No secret; safe to log. */
  readonly name: string
  /** `ephemeral`: a key that this principal had minted for a browser; it opens sessions and calls, no more. */
  readonly by: 'none' | 'key' | 'entra' | 'ephemeral'
  /** Roles of its Entra token (claim `roles`); absent where it has none. */
  readonly roles?: readonly string[]
  /** Its ticket or ephemeral key was made for this assistant, and opens no other; absent: for any that it may use. */
  readonly assistant?: string
}

/** Counts what a session spends, for whoever is behind it. */
export interface Meter {
  /** @param frame a `response.done` as upstream sent it; its usage is counted */
  responseDone(frame: Uint8Array): void
  /** A turn was written down, or the time of a session is over. @param usage tokens in all, or seconds of sound where there are none */
  spent(usage: {
    readonly input: number
    readonly output: number
    readonly total: number
    readonly seconds: number
  }): void
}

/** What a handler returns: the reactions of one connection. */
export interface Connection {
  /** One message from the client. `data` is gone when the call returns. */
  message(data: Uint8Array, isBinary: boolean): void
  /** A ping or a pong of the client's arrived. Native code answers pings. */
  controlFrame?(): void
  /** What is kept for this connection beyond `Client.buffered()` (bytes): messages that wait for upstream, or for a conversation. */
  held?(): number
  /** The client's socket has taken some of what was buffered. */
  writable(): void
  /** The process is going away: tells the client, and how to come back. Nothing ends yet. */
  announce(deadlineMs: number): void | Promise<void>
  /** Ends this connection in good order, before `deadlineMs` (from now) is over. */
  drain(deadlineMs: number): void
  /** The connection's time is nearly over: tell the client, and bring what is said to an end. @param deadlineMs from now */
  expiring?(deadlineMs: number): void
  /** This connection's own code failed, or the client broke a rule of the server's: end it with that error. */
  fault(error: GatewayError): void
  /** The client's socket is closed. @param reason what the close frame said, or the gateway's own error code */
  closed(code: number, reason: string): void
}

/** The side of a session that the Realtime API holds. */
export interface Upstream {
  /** The deployment that serves it, as logs and metrics name it. */
  readonly deployment?: string | undefined
  /** Queues one message; `data` may be reused when the call returns. */
  send(data: string | Uint8Array, isBinary?: boolean): void
  /** Bytes accepted by `send` that the network has not taken yet; what it costs to keep each message is counted too. */
  buffered(): number
  /** Stops reading, so that upstream's own sending is held back. */
  pause(): void
  resume(): void
  /** Starts the closing handshake; the socket is cut if the peer does not complete it. Safe to call twice. */
  close(code: number, reason: string): void
  /** Tells another listener from now on: whoever dialed for it steps aside, and events take no longer way. */
  relay?(listener: Pick<UpstreamListener, 'event' | 'closed' | 'fault'>): void
  /** Cuts the socket: the listener is told `closed` with this error, and no event any more. */
  giveUp(error: GatewayError): void
}

/** What a dial tells. Either `failed` once, or `opened` once, then events, then `closed` once. */
export interface UpstreamListener {
  opened(upstream: Upstream): void
  /** @param frame gone when the call returns: its memory is used again */
  event(frame: Buffer, isBinary: boolean): void
  /** @param error why the gateway itself gave the connection up, if it did */
  closed(code: number, reason: string, error?: GatewayError): void
  failed(error: GatewayError): void
  /** The listener's own code failed on what it was told; nothing is told any more. */
  fault(fault: unknown): void
}

/**
 * Dials upstream.
 * @param headers sent beside those that authenticate
 * @returns aborts the dial; nothing is told after that
 */
export type Dial = (listener: UpstreamListener, headers?: Readonly<Record<string, string>>) => () => void

/** Names and shapes of the Realtime API: generally available, or the 2024-25 preview. */
export type Dialect = 'ga' | 'preview'

export type Provider = 'azure' | 'openai' | 'simulator'
