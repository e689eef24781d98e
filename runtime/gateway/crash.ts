/**
 * Ends the process of one conversation on purpose, so that people see the conversation go on in another one. Only
 * before the embedded simulator, where several workers share the port: nobody's real conversation can be ended, and
 * another process is there to go on.
 *
 * | request                                    | answer                                                    |
 * |--------------------------------------------|-----------------------------------------------------------|
 * | `GET /simulator/process?connection=NAME`   | `{"pid":N}`: the process that has the connection          |
 * | `POST /simulator/process?connection=NAME`  | the same; that process is ended by SIGKILL right after    |
 *
 * A client names its connection itself: `?connection=NAME` at the upgrade, 16 to 64 letters, digits, `-` and `_`.
 */
import { isLoopback } from '../config/variable.ts'
import { GatewayError } from '../core/errors.ts'
import { type HttpHandler, type HttpRequest, type HttpRoute, jsonAnswer } from '../server/http.ts'
import type { Layer } from '../server/layers.ts'

export const processPath = '/simulator/process'

const connectionName = /^[\w-]{16,64}$/
/** Names that one process keeps; past it the oldest go. */
const maxNames = 1000

/** What a worker knows, and asks of the supervisor. */
export interface CrashControl {
  /** Connections of this process. */
  readonly connections: NamedConnections
  /** The pid of the process that has a connection; null where none has. */
  find(name: string): Promise<number | null>
  /** Ends that process right after the answer. @returns its pid; null where none has the connection */
  crash(name: string): Promise<number | null>
}

/** Connections of one process, by the names that their clients gave them. */
export class NamedConnections {
  readonly #names = new Set<string>()

  add(name: string): void {
    this.#names.add(name)
    const [oldest] = this.#names
    if (this.#names.size > maxNames && oldest !== undefined) this.#names.delete(oldest)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}

/** Makes the layer that notes the names which clients give their connections. */
export function connectionNames(connections: NamedConnections): Layer {
  return {
    name: 'connection names',
    accept: (_route, next) => async request => {
      const accepted = await next(request)
      const name = request.query.get('connection') ?? ''
      if (!connectionName.test(name)) return accepted
      return {
        ...accepted,
        handler: (client, context) => {
          connections.add(name)
          return accepted.handler(client, context)
        },
      }
    },
  }
}

/** The route at `processPath`. */
export function crashRoute(control: CrashControl): HttpRoute {
  const answer =
    (ask: (name: string) => Promise<number | null>): HttpHandler =>
    async request => {
      checkOwnPage(request)
      const name = request.query.get('connection') ?? ''
      if (!connectionName.test(name))
        throw new GatewayError('bad_request', '"connection" must be 16 to 64 letters, digits, "-" or "_"')
      const pid = await ask(name)
      if (pid === null) throw new GatewayError('not_found', 'No process has this connection')
      return jsonAnswer(200, { pid })
    }
  return { GET: answer(name => control.find(name)), POST: answer(name => control.crash(name)) }
}

/**
 * Only pages of this machine may ask: the client's address and the host that it dialled are loopback, no proxy stands
 * between, and a browser says that the page is of the same origin. The host is looked at because any name can be made
 * to point at this machine (DNS rebinding).
 * @throws GatewayError `forbidden`
 */
function checkOwnPage({ method, address, headers }: HttpRequest): void {
  const host = URL.parse(`http://${headers.get('host') ?? ''}`)
  const origin = URL.parse(headers.get('origin') ?? '')
  const site = headers.get('sec-fetch-site')
  const isOwnOrigin = method === 'GET' ? true : origin !== null && origin.host === host?.host
  const isOwn =
    isLoopback(address) &&
    !headers.has('x-forwarded-for') &&
    host !== null &&
    isLoopback(host.hostname) &&
    isOwnOrigin &&
    (site === undefined || site === 'same-origin')
  if (!isOwn) throw new GatewayError('forbidden', 'Only a page of this machine may ask this')
}
