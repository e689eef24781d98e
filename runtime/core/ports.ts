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
  /**
   * Sends a ping at once.
   * @param answered called once, at the pong to this very ping: the client has all that was sent before. It is not called
   *   after another probe
   */
  probe(answered?: () => void): void
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
  /** Makes the signal that is aborted when the client leaves before its upgrade is answered; most upgrades need none. */
  readonly gone?: () => AbortSignal
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

/** Counts what a session and its conversation use, for whoever is behind it. Frames are events as upstream sent them. */
export interface Meter {
  /** Id of the conversation; the same in all sessions that it has. */
  readonly conversation: string
  /** Name of whoever is behind it. */
  readonly principal: string
  /** Name of the assistant that serves it; `default` where none was named. */
  readonly assistant: string
  /** The trace that the client's request belongs to, as `traceparent` writes it; null where it named none. */
  readonly traceparent: string | null
  /** The trace of the conversation's sessions before; null where there were none, or they had none. */
  readonly tracedBefore: TraceLinks | null
  /** Knows the trace of this session; null where tracing is off. */
  trace: { links(): TraceLinks } | null
  /** Names the assistant that serves the session. */
  serve(assistant: string): void
  /** Upstream's session exists. @param deployment as logs name it */
  opened(deployment: string | undefined): void
  /** @param frame a `session.created` or `session.updated`: it names the model that writes down what is said */
  configured(frame: Uint8Array): void
  /** @param frame a `response.done` */
  responseDone(frame: Uint8Array): void
  /** The model that writes down what is said now. */
  readonly transcription: string
  /**
   * @param frame a `conversation.item.input_audio_transcription.completed`
   * @param model that wrote it down; default: the one that writes down what is said now
   */
  transcribed(frame: Uint8Array, model?: string): void
  /**
   * Words of a turn came whose price upstream does not tell.
   * @param soundBytes its sound, as it was sent, in base64 (bytes)
   * @returns how long it is (s)
   */
  heard(soundBytes: number, model: string): number
  /** The time of a session that is paid by it is over (s). */
  translated(seconds: number): void
  /** The session goes on with a conversation. @param stored what `stored` gave; anything else begins a new one */
  resume(stored: unknown): void
  /** What the conversation's next session must know, as JSON. */
  stored(): object
  /** The conversation is in the store, and can be resumed for so long (ms). */
  kept(lifeMs: number): void
  /** The session is over. Safe to call twice. */
  ended(end: SessionEnd): void
}

/** Spans of a conversation's sessions, as `traceparent` writes them: the first one's, and the last one's. */
export interface TraceLinks {
  readonly root: string
  readonly last: string
}

/** How a session ended. */
export interface SessionEnd {
  readonly by: 'client' | 'upstream' | 'gateway'
  /** Close code of the client's socket. */
  readonly code: number
  /** The gateway's code of what failed. */
  readonly error?: string
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
  /** Of the request that opened it, where upstream told one. */
  readonly requestId?: string | undefined
  /**
   * Queues one message; `data` may be reused when the call returns.
   * @param type its event type, null when it has none; absent: whoever wants to know it reads it
   */
  send(data: string | Uint8Array, isBinary?: boolean, type?: string | null): void
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
  /**
   * @param frame gone when the call returns: its memory is used again
   * @param type its event type, null when it has none; absent: nobody has read it yet
   */
  event(frame: Buffer, isBinary: boolean, type?: string | null): void
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
