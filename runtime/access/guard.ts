/** Stands before every path: what is not listed as open is reached with a credential and within limits only. */

import type { AccessLimits } from '../config/access.ts'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import type { Client, Connection, Principal, UpgradeRequest } from '../core/ports.ts'
import { type Counts, hasBudget } from '../limits/counts.ts'
import type { CutClients } from '../limits/cut-clients.ts'
import { type LeasesOptions, Places } from '../limits/leases.ts'
import type { Rates } from '../limits/rates.ts'
import { accountOf, credentialShare, type Reached, type Share, shareOfAddress } from '../limits/shares.ts'
import { Supervised, type SuperviseOptions } from '../limits/supervise.ts'
import type { Log } from '../observability/log.ts'
import type { Accepted, Context, Handler } from '../server/handler.ts'
import {
  type ArrivingHandler,
  type ArrivingRequest,
  type ArrivingRoute,
  errorAnswer,
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type HttpRoute,
} from '../server/http.ts'
import type { Accept } from '../server/layers.ts'
import { type AccountParts, SessionAccount, type Spending } from '../usage/session-account.ts'
import { allowOrigin, preflight } from './cors.ts'
import type { Asking, Gate } from './gate.ts'
import type { Tries } from './tries.ts'

export interface GuardOptions {
  readonly gate: Gate
  readonly tries: Tries
  readonly counts: Counts
  readonly leases: LeasesOptions
  readonly after: Clock['after']
  readonly rates: Rates
  readonly cutClients: CutClients
  readonly limits: AccessLimits
  readonly addressOf: (peer: string, forwardedFor: string | undefined) => string
  readonly onReached: (share: Share, kind: Reached['kind']) => void
  readonly log: Log
  /** What the accounts of all sessions have in common. */
  readonly accounts: AccountParts
}

/** What a session counts towards. */
type Shares = readonly [ofCredential: Share, ofAddress: Share]

export class Guard {
  readonly #options: GuardOptions
  /** One for all connections. */
  readonly #supervision: SuperviseOptions

  constructor(options: GuardOptions) {
    this.#options = options
    const { limits, after, onReached } = options
    this.#supervision = { ...limits, after, onReached }
  }

  /** Guards every socket. A request that comes through carries its principal, its real address and its account. */
  admit(next: Accept): Accept {
    return asked => this.#accept(next, asked)
  }

  /** Guards every HTTP route but those that are open to everyone. A body is waited for only once it may be sent. */
  http(
    routes: ReadonlyMap<string, HttpRoute>,
    isOpen: (path: string) => boolean,
  ): Map<string, ArrivingRoute> {
    return new Map(
      [...routes].map(([path, route]) => [path, isOpen(path) ? openRoute(route) : this.#guardRoute(route)]),
    )
  }

  /**
   * Guards a handler that checks a signature in place of a credential: tries and refusals of an address are counted
   * as for credentials.
   * @param handle throws `unauthorized` for what is not signed
   */
  signed(handle: ArrivingHandler): ArrivingHandler {
    const { gate, tries, limits } = this.#options
    return async asked => {
      const request = { ...asked, address: this.#addressOf(asked) }
      gate.checkOrigin(request)
      const ofAddress = shareOfAddress(request.address, limits)
      tries.count('requests', ofAddress)
      try {
        return await handle(request)
      } catch (fault) {
        if (fault instanceof GatewayError && refusals.has(fault.code)) tries.refused(ofAddress)
        throw fault
      }
    }
  }

  #guardRoute(route: HttpRoute): ArrivingRoute {
    const guarded = Object.entries(route).map(([method, handler]) => [method, this.#guardHandler(handler)])
    return { ...Object.fromEntries(guarded), OPTIONS: request => this.#preflight(request, route) }
  }

  #preflight(request: ArrivingRequest, route: HttpRoute) {
    this.#options.gate.checkOrigin(request)
    return preflight(request, Object.keys(route))
  }

  #guardHandler(handler: HttpHandler): ArrivingHandler {
    const { gate, tries, counts, limits } = this.#options
    return async asked => {
      const request = { ...asked, address: this.#addressOf(asked) }
      gate.checkOrigin(request)
      const ofAddress = shareOfAddress(request.address, limits)
      const answer = async () => {
        const kind = changes(request) ? 'requests' : null
        tries.count(kind, ofAddress)
        const principal = await this.#identify(request, 'http', ofAddress)
        const shares = [credentialShare(principal, limits), ofAddress]
        if (kind !== null) for (const share of shares) await counts.count(kind, share)
        if (request.method === 'POST') for (const share of shares) await counts.checkBudgets(share)
        const account = accountOf(principal, request.address)
        return handler({ ...request, principal, account, body: await asked.readBody() })
      }
      return allowOrigin(await answer().catch(refusal => readable(refusal, request)), request)
    }
  }

  async #accept(next: Accept, asked: UpgradeRequest): Promise<Accepted> {
    const { gate, tries, counts, leases, limits, cutClients } = this.#options
    const address = this.#addressOf(asked)
    const ofAddress = shareOfAddress(address, limits)
    tries.count('upgrades', ofAddress)
    gate.checkOrigin({ ...asked, address })
    const principal = await this.#identify({ ...asked, address }, 'upgrade', ofAddress)
    const ofCredential = credentialShare(principal, limits)
    const shares: Shares = [ofCredential, ofAddress]
    cutClients.check(clientOf(shares))
    for (const share of shares) await counts.count('upgrades', share)
    for (const share of shares) await counts.checkBudgets(share)
    const request = { ...asked, address, principal, account: accountOf(principal, address) }
    // Before the route is asked: it may spend what a client that finds no place would need again.
    const places = await Places.take(shares, leases)
    try {
      return this.#supervised(await next(request), shares, places)
    } catch (fault) {
      places.release()
      throw fault
    }
  }

  async #identify(request: Asking, kind: 'upgrade' | 'http', ofAddress: Share): Promise<Principal> {
    const { gate, tries } = this.#options
    try {
      return await gate.identify(request, kind)
    } catch (fault) {
      if (fault instanceof GatewayError && refusals.has(fault.code)) tries.refused(ofAddress)
      throw fault
    }
  }

  #supervised(accepted: Accepted, shares: Shares, places: Places): Accepted {
    const { handler, sessionMs, abandon } = accepted
    const supervision =
      sessionMs === undefined
        ? this.#supervision
        : { ...this.#supervision, sessionMs: Math.min(sessionMs, this.#supervision.sessionMs) }
    const held = { shares, places, supervision }
    return {
      ...accepted,
      handler: (client, context) => this.#begin(client, context, handler, held),
      abandon: () => {
        places.release()
        abandon?.()
      },
    }
  }

  /** No closure is made here that keeps the context: it would be kept for as long as the session lasts. */
  #begin(
    client: Client,
    context: Context,
    handler: Handler,
    { shares, places, supervision }: Held,
  ): Connection {
    places.hold()
    const spending = { connection: null as Connection | null }
    const { request, principal } = context
    const owner = {
      session: client.id,
      principal: principal.name,
      route: request.path,
      // A browser cannot set a header on a WebSocket.
      traceparent: request.headers.get('traceparent') ?? request.query.get('traceparent'),
    }
    const meter = new SessionAccount(owner, this.#options.accounts, this.#spender(shares, spending))
    const inner = handler(client, { ...context, limits: { ...context.limits, meter } })
    const { rates, cutClients } = this.#options
    const onCut = () => cutClients.note(clientOf(shares))
    const holdings = { share: shares[0], rate: rates.use(shares), places, onCut }
    spending.connection = new Supervised(inner, holdings, supervision)
    return spending.connection
  }

  /** Makes what counts towards the budgets of a session. */
  #spender(shares: readonly Share[], spending: { connection: Connection | null }): (spent: Spending) => void {
    if (!shares.some(share => hasBudget(share.limits))) return uncounted
    const { counts, log } = this.#options
    const spend = async (spent: Spending) => {
      let reached: GatewayError | null = null
      for (const share of shares) {
        const error = await counts.spend(share, spent)
        reached ??= error
      }
      if (reached !== null) spending.connection?.fault(reached)
    }
    return spent => {
      spend(spent).catch(fault => log.warn('limit.uncounted', { reason: String(fault) }))
    }
  }

  #addressOf({ address, headers }: Pick<UpgradeRequest, 'address' | 'headers'>): string {
    return this.#options.addressOf(address, headers.get('x-forwarded-for'))
  }
}

/** What an accepted connection holds from before its upgrade. */
interface Held {
  readonly shares: Shares
  readonly places: Places
  readonly supervision: SuperviseOptions
}

const uncounted = () => undefined

/** A route that everyone may ask. */
function openRoute(route: HttpRoute): ArrivingRoute {
  return Object.fromEntries(
    Object.entries(route).map(([method, handler]): [string, ArrivingHandler] => [
      method,
      async request => handler({ ...request, body: await request.readBody() }),
    ]),
  )
}

/** How a credential is refused; that it cannot be checked now is no refusal. */
const refusals: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'forbidden'])

/** Whether a request makes or ends something. */
function changes({ method }: Pick<HttpRequest, 'method'>): boolean {
  return method === 'POST' || method === 'DELETE'
}

/** One client among all: who shares a credential, or an address, is another. */
function clientOf([ofCredential, ofAddress]: Shares): string {
  return `${ofCredential.id} ${ofAddress.id}`
}

/** A page must be able to read why it was refused. @throws anything that is no refusal */
function readable(refusal: unknown, { path }: Pick<HttpRequest, 'path'>): HttpAnswer {
  if (!(refusal instanceof GatewayError)) throw refusal
  return errorAnswer(refusal, path)
}
