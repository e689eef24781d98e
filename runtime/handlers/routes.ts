/** What each WebSocket path accepts, decided before the upgrade. */
import { paths, sdkPaths } from '../contract.ts'
import { acceptResumed, type ResumableHandler, type Resumes } from '../conversation/resumes.ts'
import { GatewayError } from '../errors.ts'
import type { Accepted, Handler, SocketRoute, UpgradeRequest } from '../types.ts'

export interface RouteOptions {
  readonly chat: ResumableHandler
  readonly realtime: ResumableHandler
  readonly resumes: Resumes
  /** Makes the handler of an SDK address for one deployment, or for none in particular (null). */
  readonly sdk: (deployment: string | null) => Handler
  /** The first is the default. */
  readonly deployments: readonly [string, ...string[]]
}

/** What official SDKs offer; any other value of theirs may carry a key and is never answered with. */
const realtimeSubprotocol = 'realtime'

/** Query values that choose a deployment: OpenAI's and Azure GA's, and the Azure preview's. */
const deploymentParameters = ['model', 'deployment'] as const

/** Query values of the API that open something else than a speech session. */
const foreignParameters = ['call_id', 'intent'] as const

export function createRoutes({
  chat,
  realtime,
  resumes,
  sdk,
  deployments,
}: RouteOptions): Map<string, SocketRoute> {
  const handlers = new Map(deployments.map(deployment => [deployment, sdk(deployment)]))
  const defaultHandler = sdk(null)
  const routes = new Map<string, SocketRoute>([
    [paths.chat, resumable(chat, resumes)],
    [paths.realtime, resumable(realtime, resumes)],
  ])
  for (const path of sdkPaths) {
    routes.set(path, {
      accept: request => ({
        handler: chooseHandler(handlers, defaultHandler, request),
        ...subprotocolOf(request),
      }),
    })
  }
  return routes
}

function resumable(handler: ResumableHandler, resumes: Resumes): SocketRoute {
  const accept = acceptResumed(handler, resumes)
  return {
    accept: request => {
      const accepted = accept(request)
      const withSubprotocol = (given: Accepted) => ({ ...given, ...subprotocolOf(request) })
      return accepted instanceof Promise ? accepted.then(withSubprotocol) : withSubprotocol(accepted)
    },
  }
}

function chooseHandler(
  handlers: ReadonlyMap<string, Handler>,
  defaultHandler: Handler,
  { query }: UpgradeRequest,
): Handler {
  const foreign = foreignParameters.find(name => query.has(name))
  if (foreign !== undefined)
    throw new GatewayError('bad_request', `"${foreign}" is not served at this address`)
  const asked = deploymentParameters.map(name => query.get(name)).find(value => value !== null)
  if (asked === undefined || asked === null) return defaultHandler
  const handler = handlers.get(asked)
  if (handler !== undefined) return handler
  const choice = [...handlers.keys()].map(name => `"${name}"`).join(', ')
  throw new GatewayError(
    'model_not_configured',
    `The model "${asked.slice(0, 64)}" is not configured here; use ${choice}`,
  )
}

function subprotocolOf({ subprotocols }: UpgradeRequest): { subprotocol?: string } {
  return subprotocols.includes(realtimeSubprotocol) ? { subprotocol: realtimeSubprotocol } : {}
}
