/**
 * Layers: what stands between a client's socket and the handler of its path. They are composed once, at the start, from
 * the outside in. A layer acts at the points that it has:
 *
 * | point       | when                                                              |
 * |-------------|-------------------------------------------------------------------|
 * | `refusal`   | an upgrade arrives; and again right before its 101                |
 * | `accept`    | before the 101: refuses, or changes handler and context           |
 * | `began`     | after the 101: the handler was called, the connection is open     |
 * | `loopShare` | each message, ping and pong of the client's, before anything else |
 * | `over`      | the client's socket is closed                                     |
 */
import { GatewayError } from '../core/errors.ts'
import type { AdmittedRequest, UpgradeRequest } from '../core/ports.ts'
import type { ClientSocket } from './client-socket.ts'
import type { Accepted, FoundTicket, SocketRoute, TicketOfRequest } from './handler.ts'
import type { LoopShare } from './loop-share.ts'

/** A request on its way through the layers; each adds what it has found. */
export interface LayeredRequest extends UpgradeRequest, TicketOfRequest {}

/** @throws GatewayError whose status and message refuse the upgrade */
export type Accept = (request: LayeredRequest) => Promise<Accepted>

/** Looks up the ticket that a request came by. @returns undefined where it came by none */
export type FindTicket = (request: AdmittedRequest) => Promise<FoundTicket> | undefined

/** An open connection, as layers see it. */
export type OpenConnection = Pick<ClientSocket, 'id' | 'connection' | 'held' | 'cut'>

export interface Layer {
  /** For whoever reads the list. */
  readonly name: string
  /** Why no new connection is taken now; null while it is. */
  refusal?(): GatewayError | null
  /** Wraps what is inside of it: the layers after it in the list, and the route. */
  accept?(route: SocketRoute, next: Accept): Accept
  began?(client: OpenConnection): void
  /** Measures what clients take of the event loop. The server asks it itself: a wrapper would cost each message a call. */
  readonly loopShare?: LoopShare
  over?(client: OpenConnection): void
}

/**
 * Composes the layers around a route.
 * @returns fails for a request that no layer has admitted: without access there is no connection
 */
export function acceptThrough(layers: readonly Layer[], route: SocketRoute): Accept {
  const innermost: Accept = async request => {
    if (!isAdmitted(request))
      throw new GatewayError('internal', `No layer has admitted the request for ${request.path}`)
    return route.accept(request)
  }
  return layers.reduceRight((next, layer) => layer.accept?.(route, next) ?? next, innermost)
}

/** Why no new connection is taken now: the outermost layer's refusal; null while it is. */
export function refusalBy(layers: readonly Layer[]): GatewayError | null {
  for (const layer of layers) {
    const refusal = layer.refusal?.() ?? null
    if (refusal !== null) return refusal
  }
  return null
}

/** The share of the event loop that is measured. @throws Error unless exactly one layer has one */
export function loopShareOf(layers: readonly Layer[]): LoopShare {
  const [loopShare, ...more] = layers.flatMap(layer => layer.loopShare ?? [])
  if (loopShare === undefined || more.length > 0)
    throw new Error(
      `Exactly one layer measures the event loop; of ${layers.length}, ${more.length + (loopShare === undefined ? 0 : 1)} do`,
    )
  return loopShare
}

function isAdmitted(request: LayeredRequest): request is AdmittedRequest & TicketOfRequest {
  return request.principal !== undefined && request.account !== undefined
}
