/** What each WebSocket path accepts, decided before the upgrade. */
import type { EphemeralKeys } from '../access/ephemeral-keys.ts'
import { presentedBy } from '../access/presented.ts'
import { paths, sdkPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import type { Dialect, Handler, SocketRoute, UpgradeRequest } from '../core/ports.ts'
import { dialectOf } from '../dialect/client-dialect.ts'
import { acceptResumed, type ResumableHandler, type Resumes } from '../resume/resumes.ts'
import { type ChosenModel, chooseModel, type ModelChoice } from '../upstream/model-choice.ts'

export interface RouteOptions {
  readonly chat: ResumableHandler
  readonly realtime: ResumableHandler
  readonly resumes: Resumes
  /**
   * Makes the handlers of an SDK address for one deployment, or for none in particular (null): one for each dialect,
   * and for each name that a client may have asked for it by (null: by its own).
   */
  readonly sdk: (deployment: string | null) => (client: Dialect, alias: string | null) => Handler
  /** Makes the handler of an SDK address for a client with an ephemeral key. */
  readonly sdkByKey: (model: ChosenModel, client: Dialect, key: string) => Handler
  /** Makes the handler of an SDK address that joins a call. */
  readonly sdkInCall: (callId: string, request: UpgradeRequest) => Promise<Handler>
  readonly ephemeralKeys: Pick<EphemeralKeys, 'find'>
  readonly models: ModelChoice
  /** Largest message of a client's at the SDK addresses (bytes). */
  readonly maxSdkMessageBytes: number
}

/** What official SDKs offer; any other value of theirs may carry a key and is never answered with. */
const realtimeSubprotocol = 'realtime'

/** Query values that choose a deployment: OpenAI's and Azure GA's, and the Azure preview's. */
const deploymentParameters = ['model', 'deployment'] as const

export function createRoutes(options: RouteOptions): Map<string, SocketRoute> {
  const { chat, realtime, resumes } = options
  const choose = createChoice(options)
  const routes = new Map<string, SocketRoute>([
    [paths.chat, resumable(chat, resumes)],
    [paths.realtime, resumable(realtime, resumes)],
  ])
  for (const path of sdkPaths) {
    routes.set(path, {
      maxMessageBytes: options.maxSdkMessageBytes,
      accept: async request => ({ handler: await choose(request), ...subprotocolOf(request) }),
    })
  }
  return routes
}

function resumable(handler: ResumableHandler, resumes: Resumes): SocketRoute {
  const accept = acceptResumed(handler, resumes)
  return { accept: async request => ({ ...(await accept(request)), ...subprotocolOf(request) }) }
}

/** What an SDK address opens: a running call, a session of a deployment, or the session that an ephemeral key has. */
function createChoice(options: RouteOptions): (request: UpgradeRequest) => Promise<Handler> {
  const { models, sdk, sdkByKey, sdkInCall, ephemeralKeys } = options
  const makers = new Map([...models.deployments, ...models.onRequest].map(name => [name, sdk(name)]))
  // Those of clients that use no alias are made once, and shared.
  const eachDialect = (make: ReturnType<typeof sdk>) => ({
    ga: make('ga', null),
    preview: make('preview', null),
  })
  const handlers = new Map([...makers].map(([name, make]) => [name, eachDialect(make)]))
  const defaultHandlers = eachDialect(sdk(null))
  const handlerOf = ({ deployment, alias }: ChosenModel, client: Dialect) =>
    alias === null ? handlers.get(deployment)?.[client] : makers.get(deployment)?.(client, alias)
  return async request => {
    const { query } = request
    const client = dialectOf(request)
    if (query.has('intent')) throw new GatewayError('bad_request', '"intent" is not served at this address')
    const callId = query.get('call_id')
    if (callId !== null) return sdkInCall(callId, request)
    const named = deploymentParameters.map(name => query.get(name)).find(value => value !== null) ?? null
    const chosen = named === null ? null : chooseModel(models, named)
    const key = presentedBy(request)?.value ?? ''
    const minted = await ephemeralKeys.find(key)
    // The model that it was minted for may be configured no more.
    if (minted !== null)
      return sdkByKey(
        chosen ?? { ...chooseModel(models, minted.model), alias: minted.alias ?? null },
        client,
        key,
      )
    return (chosen === null ? undefined : handlerOf(chosen, client)) ?? defaultHandlers[client]
  }
}

function subprotocolOf({ subprotocols }: UpgradeRequest): { subprotocol?: string } {
  return subprotocols.includes(realtimeSubprotocol) ? { subprotocol: realtimeSubprotocol } : {}
}
