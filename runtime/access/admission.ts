/** Stands before every path: what is not listed as open is reached with a credential and within limits only. */

import type { AccessLimits } from '../config/access.ts'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import type { Client, Connection, Principal, UpgradeRequest } from '../core/ports.ts'
import { allOrFirstFault } from '../core/settled.ts'
import { type ConcurrencyOptions, SessionSlots } from '../limits/concurrency.ts'
import type { CutClients } from '../limits/cut-clients.ts'
import {
  accountOf,
  addressSubject,
  credentialSubject,
  type LimitSubject,
  type Reached,
} from '../limits/limit-subject.ts'
import { LimitedConnection, type LimitedConnectionOptions } from '../limits/limited-connection.ts'
import type { TokenBuckets } from '../limits/token-bucket.ts'
import { hasDailyBudget, limitOf, type UsageQuota } from '../limits/usage-quota.ts'
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
import type { Accept, FindTicket } from '../server/layers.ts'
import { type AccountParts, SessionAccount, type Spending } from '../usage/session-account.ts'
import type { Attempts } from './attempts.ts'
import type { AuthenticatedRequest, Authenticator } from './authenticator.ts'
import { allowOrigin, preflight } from './cors.ts'

export interface AdmissionOptions {
  readonly authenticator: Authenticator
  readonly attempts: Attempts
  readonly quota: UsageQuota
  readonly concurrency: ConcurrencyOptions
  readonly after: Clock['after']
  readonly buckets: TokenBuckets
  readonly cutClients: CutClients
  readonly limits: AccessLimits
  readonly addressOf: (peer: string, forwardedFor: string | undefined) => string
  readonly onReached: (subject: LimitSubject, kind: Reached['kind']) => void
  readonly log: Log
  /** What the accounts of all sessions have in common. */
  readonly accounts: AccountParts
}

/** What a session counts towards. */
type LimitSubjects = readonly [ofCredential: LimitSubject, ofAddress: LimitSubject]

export class Admission {
  readonly #options: AdmissionOptions
  /** One for all connections. */
  readonly #connectionLimits: LimitedConnectionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
    const { limits, after, onReached } = options
    this.#connectionLimits = { ...limits, after, onReached }
  }

  /**
   * Authenticates and limits every socket. A request that comes through carries its principal, its real address and its account.
   * @param find looks up the ticket of a request whose credential was checked, while its limits are asked for; absent where
   *   the path takes no tickets
   */
  admit(next: Accept, find?: FindTicket): Accept {
    return asked => this.#accept(next, asked, find)
  }

  /** Authenticates and limits every HTTP route but those that are open to everyone. A body is waited for only once it may be sent. */
  http(
    routes: ReadonlyMap<string, HttpRoute>,
    isOpen: (path: string) => boolean,
  ): Map<string, ArrivingRoute> {
    return new Map(
      [...routes].map(([path, route]) => [path, isOpen(path) ? openRoute(route) : this.#guardRoute(route)]),
    )
  }

  /**
   * Limits a handler that checks a signature in place of a credential: tries and refusals of an address are counted
   * as for credentials.
   * @param handle throws `unauthorized` for what is not signed
   */
  signed(handle: ArrivingHandler): ArrivingHandler {
    const { authenticator, attempts, limits } = this.#options
    return async asked => {
      const request = { ...asked, address: this.#addressOf(asked) }
      authenticator.checkOrigin(request)
      const ofAddress = addressSubject(request.address, limits)
      attempts.count('requests', ofAddress)
      try {
        return await handle(request)
      } catch (fault) {
        if (fault instanceof GatewayError && refusals.has(fault.code)) attempts.refused(ofAddress)
        throw fault
      }
    }
  }

  #guardRoute(route: HttpRoute): ArrivingRoute {
    const guarded = Object.entries(route).map(([method, handler]) => [method, this.#guardHandler(handler)])
    return { ...Object.fromEntries(guarded), OPTIONS: request => this.#preflight(request, route) }
  }

  #preflight(request: ArrivingRequest, route: HttpRoute) {
    this.#options.authenticator.checkOrigin(request)
    return preflight(request, Object.keys(route))
  }

  #guardHandler(handler: HttpHandler): ArrivingHandler {
    const { authenticator, attempts, quota, limits } = this.#options
    return async asked => {
      const request = { ...asked, address: this.#addressOf(asked) }
      authenticator.checkOrigin(request)
      const ofAddress = addressSubject(request.address, limits)
      const answer = async () => {
        const kind = changes(request) ? 'requests' : null
        attempts.count(kind, ofAddress)
        const principal = await this.#identify(request, 'http', ofAddress)
        const subjects = [credentialSubject(principal, limits), ofAddress]
        if (kind !== null) for (const subject of subjects) await quota.count(kind, subject)
        if (request.method === 'POST') for (const subject of subjects) await quota.checkBudgets(subject)
        const account = accountOf(principal, request.address)
        return handler({ ...request, principal, account, body: await asked.readBody() })
      }
      return allowOrigin(await answer().catch(refusal => readable(refusal, request)), request)
    }
  }

  async #accept(next: Accept, asked: UpgradeRequest, find: FindTicket | undefined): Promise<Accepted> {
    const { authenticator, attempts, quota, concurrency, limits, cutClients } = this.#options
    const located = { ...asked, address: this.#addressOf(asked) }
    const { address } = located
    const ofAddress = addressSubject(address, limits)
    attempts.count('upgrades', ofAddress)
    authenticator.checkOrigin(located)
    const principal = await this.#identify(located, 'upgrade', ofAddress)
    const ofCredential = credentialSubject(principal, limits)
    const subjects: LimitSubjects = [ofCredential, ofAddress]
    cutClients.check(clientOf(subjects))
    const request = { ...located, principal, account: accountOf(principal, address) }
    // The store is asked at once: one after another, each answer would be a wait of the client's.
    const counts = subjects.filter(isCounted).map(subject => quota.count('upgrades', subject))
    const budgets = subjects.filter(hasBudget).map(subject => quota.checkBudgets(subject))
    const taking = SessionSlots.take(subjects, concurrency)
    const finding = find?.(request)
    try {
      // Before the route is asked: it may spend what a client that finds no slot would need again.
      await allOrFirstFault([...counts, ...budgets, taking, ...(finding === undefined ? [] : [finding])])
      const ticket = finding === undefined ? undefined : await finding
      return this.#limited(await next({ ...request, ticket }), subjects, await taking)
    } catch (fault) {
      taking.then(release, () => undefined)
      throw fault
    }
  }

  async #identify(
    request: AuthenticatedRequest,
    kind: 'upgrade' | 'http',
    ofAddress: LimitSubject,
  ): Promise<Principal> {
    const { authenticator, attempts } = this.#options
    try {
      return await authenticator.identify(request, kind)
    } catch (fault) {
      if (fault instanceof GatewayError && refusals.has(fault.code)) attempts.refused(ofAddress)
      throw fault
    }
  }

  #limited(accepted: Accepted, subjects: LimitSubjects, slots: SessionSlots): Accepted {
    const { handler, sessionMs, abandon } = accepted
    const options =
      sessionMs === undefined
        ? this.#connectionLimits
        : { ...this.#connectionLimits, sessionMs: Math.min(sessionMs, this.#connectionLimits.sessionMs) }
    const held = { subjects, slots, options }
    return {
      ...accepted,
      handler: (client, context) => this.#begin(client, context, handler, held),
      abandon: () => {
        slots.release()
        abandon?.()
      },
    }
  }

  /** No closure is made here that keeps the context: it would be kept for as long as the session lasts. */
  #begin(client: Client, context: Context, handler: Handler, { subjects, slots, options }: Held): Connection {
    slots.hold()
    const spending = { connection: null as Connection | null }
    const { request, principal } = context
    const owner = {
      session: client.id,
      principal: principal.name,
      route: request.path,
      // A browser cannot set a header on a WebSocket.
      traceparent: request.headers.get('traceparent') ?? request.query.get('traceparent'),
    }
    const meter = new SessionAccount(owner, this.#options.accounts, this.#spender(subjects, spending))
    const inner = handler(client, { ...context, limits: { ...context.limits, meter } })
    const { buckets, cutClients } = this.#options
    const onCut = () => cutClients.note(clientOf(subjects))
    const held = { subject: subjects[0], buckets: buckets.use(subjects), slots, onCut }
    spending.connection = new LimitedConnection(inner, held, options)
    return spending.connection
  }

  /** Makes what counts towards the budgets of a session. */
  #spender(
    subjects: readonly LimitSubject[],
    spending: { connection: Connection | null },
  ): (spent: Spending) => void {
    if (!subjects.some(subject => hasDailyBudget(subject.limits))) return uncounted
    const { quota, log } = this.#options
    const spend = async (spent: Spending) => {
      let reached: GatewayError | null = null
      for (const subject of subjects) {
        const error = await quota.spend(subject, spent)
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
  readonly subjects: LimitSubjects
  readonly slots: SessionSlots
  readonly options: LimitedConnectionOptions
}

const uncounted = () => undefined

/** What nothing limits is not asked for: each question costs an upgrade two promises. */
function isCounted(subject: LimitSubject): boolean {
  return limitOf('upgrades', subject) !== Number.POSITIVE_INFINITY
}

function hasBudget({ limits }: LimitSubject): boolean {
  return hasDailyBudget(limits)
}

function release(slots: SessionSlots): void {
  slots.release()
}

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

/** One client among all: who subjects a credential, or an address, is another. */
function clientOf([ofCredential, ofAddress]: LimitSubjects): string {
  return `${ofCredential.id} ${ofAddress.id}`
}

/** A page must be able to read why it was refused. @throws anything that is no refusal */
function readable(refusal: unknown, { path }: Pick<HttpRequest, 'path'>): HttpAnswer {
  if (!(refusal instanceof GatewayError)) throw refusal
  return errorAnswer(refusal, path)
}
