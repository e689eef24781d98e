/**
 * The contract of every path that takes WebSocket upgrades. A route decides before the 101 which handler serves a
 * request and in which context; the handler is called once for each connection, after the 101, as
 * `(client, context) => hooks`. What stands between the two is in `layers.ts`.
 */
import type {
  AdmittedRequest,
  Client,
  Connection,
  Dial,
  Meter,
  Principal,
  UpgradeRequest,
} from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import type { FoundTicket, Redeemed } from '../resume/resume-store.ts'
import type { StateMigration } from '../resume/stored-state.ts'
import type { CloseReason } from '../session/close-reason.ts'
import type { Limits } from '../session/session.ts'

export type { FoundTicket }

export interface TicketOfRequest {
  /** What the ticket that the request came by was found to be good for; absent: it came by none, or the path takes none. */
  readonly ticket?: FoundTicket | undefined
}

/** What a connection may use. */
export interface ConnectionLimits {
  /** Sizes (bytes) and times (ms) of its session. */
  readonly bounds: Limits
  /** What is stored for it is charged to this account. */
  readonly account: string
  /** Counts what it spends; absent where nothing is limited. */
  readonly meter?: Meter
}

/**
 * What a handler is called with; the same for every path. It is as large as the request: a handler takes what it needs
 * of it, and does not keep it for as long as the connection lasts.
 */
export interface Context {
  readonly request: UpgradeRequest
  /** `anonymous` where no credential is asked for. */
  readonly principal: Principal
  readonly limits: ConnectionLimits
  /** What the client's ticket was worth; null where it came without one, or the path takes none. */
  readonly resumed: Redeemed | null
  /** Dials the upstream that was chosen for the request, with the headers that are passed on. */
  readonly dial: Dial
  readonly log: Log
}

/** Runs once for each connection; its closure is the connection's state. @returns the connection's hooks */
export type Handler = (client: Client, context: Context) => Connection

/** A path that takes WebSocket upgrades. */
export interface SocketRoute {
  /** Largest message of a client's (bytes); absent: that of the server. */
  readonly maxMessageBytes?: number
  /** Set where the path takes conversations up again; absent: it does not look at `?resume=`. */
  readonly resumable?: Resumable
  /**
   * Decides before the upgrade is answered.
   * @throws GatewayError whose status and message refuse the upgrade
   */
  accept(request: AdmittedRequest & TicketOfRequest): Accepted | Promise<Accepted>
}

export interface Resumable {
  /** Its handler dials upstream when it is called (default: when its client first says something). */
  readonly dialsAtOnce?: boolean
  /** What the path tells a client last whose connection ends before its handler is called. */
  readonly endMessages: (end: CloseReason) => readonly string[]
}

export interface Accepted {
  readonly handler: Handler
  readonly context: Context
  /** Longest session (ms), where it is shorter than that of its credential. */
  readonly sessionMs?: number
  /** Brings what tools have stored with a conversation to the version of the assistant; absent where there is none. */
  readonly migration?: StateMigration
  /** The upgrade came to nothing: gives back what is held for it. Called in place of the handler, once at most. */
  readonly abandon?: () => void
  /** Of the answer to the upgrade, besides those that every one has. */
  readonly headers?: Readonly<Record<string, string>>
  /** The one subprotocol to answer with; never one that carries a credential. */
  readonly subprotocol?: string
}

/** Makes the context of an admitted request as its route gives it: without a meter, and without what a ticket was worth. */
export function contextOf(
  request: AdmittedRequest,
  { bounds, dial, log }: { readonly bounds: Limits; readonly dial: Dial; readonly log: Log },
): Context {
  const { principal, account } = request
  return { request, principal, limits: { bounds, account }, resumed: null, dial, log }
}
