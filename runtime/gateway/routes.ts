/** What each WebSocket path accepts, decided before the upgrade. */

import { findCredential } from '../access/credential-sources.ts'
import { type EphemeralKeys, principalOf } from '../access/ephemeral-keys.ts'
import type { Assistant } from '../assistants/assistant.ts'
import type { Assistants } from '../assistants/assistants.ts'
import { chosenBy, refuseAssistant } from '../assistants/choice.ts'
import { assistantParameter, paths, sdkPaths, translationPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import type { AdmittedRequest, Dial, Dialect, UpgradeRequest } from '../core/ports.ts'
import { requestIdHeaders } from '../core/request-id.ts'
import { dialectOf } from '../dialect/client-dialect.ts'
import { type Log, withFields } from '../observability/log.ts'
import type { StateMigration } from '../resume/stored-state.ts'
import {
  type Accepted,
  contextOf,
  type Handler,
  type Resumable,
  type SocketRoute,
  type TicketOfRequest,
} from '../server/handler.ts'
import type { Limits } from '../session/session.ts'
import { EarlyDial } from '../upstream/early-dial.ts'
import { type ChosenModel, chooseModel } from '../upstream/model-choice.ts'
import { checkSessionModel, type ModelPermit } from '../upstream/model-permit.ts'
import type { AssistedServices } from './assisted.ts'

/** What serves an address: its handler, and what each connection of it is given. */
export interface Service {
  readonly handler: Handler
  readonly dial: Dial
  /** Sizes and times of its sessions. */
  readonly bounds: Limits
  /** Longest session (ms), where it is shorter than that of its credential; absent: no limit of its own. */
  readonly sessionMs?: number
  /** Brings what tools have stored with a conversation to the version of the assistant; absent where there is none. */
  readonly migration?: StateMigration
  /** On every line of the log that is about its sessions; absent: none. */
  readonly labels?: Readonly<Record<string, string>>
}

export interface RouteOptions {
  /** Where no assistant is chosen. */
  readonly chat: Service & Resumable
  readonly realtime: Service & Resumable
  readonly assistants: Pick<Assistants, 'choose'>
  /** Makes what serves a session of an assistant. */
  readonly assisted: Pick<AssistedServices, 'chat' | 'realtime'>
  /**
   * Makes what serves a session of an assistant at an SDK address.
   * @param model that the client named; null where it named none
   * @param key the client's own, where it is an ephemeral one; null: the gateway's credential
   */
  readonly sdkAssisted: (
    assistant: Assistant,
    request: UpgradeRequest,
    model: ChosenModel | null,
    client: Dialect,
    key: string | null,
  ) => Service
  /** What upstream is told of the headers of whoever asks. */
  readonly passed: (asking: UpgradeRequest) => Readonly<Record<string, string>>
  readonly log: Log
  /**
   * Makes what serves an SDK address for one deployment, or for none in particular (null): one for each dialect,
   * and for each name that a client may have asked for it by (null: by its own).
   */
  readonly sdk: (deployment: string | null) => (client: Dialect, alias: string | null) => Service
  /** Makes what serves an SDK address for a client with an ephemeral key. @param pinned as `MessageRules` has it */
  readonly sdkByKey: (model: ChosenModel, client: Dialect, key: string, pinned: boolean) => Service
  /**
   * Makes what serves an SDK address that writes down what is said.
   * @param key the client's own, where it is an ephemeral one; null: the gateway's credential
   */
  readonly sdkTranscription: (client: Dialect, key: string | null) => Service
  /**
   * Makes what serves an address that translates.
   * @param key as of `sdkTranscription`
   * @throws GatewayError `not_found` where upstream has no such address
   */
  readonly sdkTranslation: (model: string, key: string | null) => Service
  /** Makes what serves an SDK address that joins a call. */
  readonly sdkInCall: (callId: string, request: UpgradeRequest) => Promise<Service>
  readonly ephemeralKeys: Pick<EphemeralKeys, 'find'>
  readonly permit: ModelPermit
  /** Largest message of a client's at the SDK addresses (bytes). */
  readonly maxSdkMessageBytes: number
}

/** What official SDKs offer; any other value of theirs may carry a key and is never answered with. */
const realtimeSubprotocol = 'realtime'

/** Query values that choose a deployment: OpenAI's and Azure GA's, and the Azure preview's. */
const deploymentParameters = ['model', 'deployment'] as const

/** An upstream that takes longer is not waited for with the 101: clients give an upgrade up after ten seconds, some sooner (ms). */
const earlyDialMs = 4000

export function createRoutes(options: RouteOptions): Map<string, SocketRoute> {
  const { chat, realtime, assisted } = options
  const choose = createChoice(options)
  const routes = new Map<string, SocketRoute>([
    [paths.chat, { resumable: chat, accept: serve(chat, (...of) => assisted.chat(...of), options) }],
    [
      paths.realtime,
      { resumable: realtime, accept: serve(realtime, (...of) => assisted.realtime(...of), options) },
    ],
  ])
  for (const path of sdkPaths) {
    routes.set(path, {
      maxMessageBytes: options.maxSdkMessageBytes,
      accept: async request => openEarly(await choose(request), request, options),
    })
  }
  for (const path of translationPaths) {
    routes.set(path, {
      accept: async request => openEarly(await chooseTranslation(options, request), request, options),
    })
  }
  return routes
}

/** Accepts requests of a path that takes conversations up again, each with the assistant that it is for. */
function serve(
  plain: Service,
  assisted: (assistant: Assistant, request: UpgradeRequest) => Service,
  options: RouteOptions,
): SocketRoute['accept'] {
  return request => {
    const assistant = chosenOrResumed(options, request)
    return open(assistant === null ? plain : assisted(assistant, request), request, options)
  }
}

/**
 * Finds the assistant of a request; one that comes by a ticket gets that of its conversation.
 * @throws GatewayError `conflict` for a ticket of another assistant's conversation, which is not spent; `not_found`,
 *   `forbidden`
 */
function chosenOrResumed(
  { assistants }: RouteOptions,
  request: AdmittedRequest & TicketOfRequest,
): Assistant | null {
  const { query, principal, ticket } = request
  const resumed = ticket?.assistant ?? null
  if (resumed === null) return chosenBy(assistants, request)
  const named = query.get(assistantParameter) ?? principal.assistant ?? null
  if (named !== null && named !== resumed)
    throw new GatewayError(
      'conflict',
      resumed === ''
        ? `The conversation of this ticket has no assistant; leave "${assistantParameter}" out to go on with it`
        : `The conversation of this ticket is with the assistant "${resumed}"; go on with that one`,
    )
  return chosenBy(assistants, request, resumed === '' ? null : resumed)
}

/** Live translation: of the model that is asked for, of the one that an ephemeral key was minted for, or of the first. */
async function chooseTranslation(options: RouteOptions, request: UpgradeRequest): Promise<Service> {
  const { permit, ephemeralKeys, sdkTranslation } = options
  refuseAssistant(request, 'a translation')
  const named = modelNamedIn(request.query)
  if (named !== null) checkSessionModel(permit, named, 'translation')
  const key = findCredential(request)?.value ?? ''
  const minted = await ephemeralKeys.find(key)
  if (minted === null) return sdkTranslation(named ?? permit.translation[0], null)
  if (minted.purpose !== 'translation')
    throw new GatewayError('forbidden', 'This ephemeral key was minted for something else than translation')
  checkSessionModel(permit, minted.model, 'translation')
  return sdkTranslation(named ?? minted.model, key)
}

/** Gives a request the context of what serves it. */
function open(
  { handler, dial, bounds, sessionMs, migration, labels }: Service,
  request: AdmittedRequest,
  { passed, log }: RouteOptions,
): Accepted {
  const headers = passed(request)
  const dialPassing: Dial = listener => dial(listener, headers)
  const labelled = labels === undefined ? log : withFields(log, labels)
  const context = contextOf(request, { bounds, dial: dialPassing, log: labelled })
  return {
    handler,
    context,
    ...(sessionMs !== undefined && { sessionMs }),
    ...(migration !== undefined && { migration }),
    ...subprotocolOf(request),
  }
}

/**
 * Dials upstream before the upgrade is answered. Clients of the SDK addresses wait for `session.created` anyway; those of
 * `/chat` and `/realtime`, which dial later or are told of an error in the gateway's own words, get their 101 at once.
 * @throws GatewayError with which upstream refused the upgrade
 */
async function openEarly(
  service: Service,
  request: AdmittedRequest,
  options: RouteOptions,
): Promise<Accepted> {
  const accepted = open(service, request, options)
  const { context } = accepted
  const early = new EarlyDial({
    dial: context.dial,
    maxHeldBytes: service.bounds.clientBufferBytes,
  })
  let requestId: string | undefined
  try {
    requestId = await early.settled({ withinMs: earlyDialMs, gone: request.gone?.() })
  } catch (fault) {
    if (fault instanceof GatewayError && fault.code !== 'client_silent')
      options.log.warn('upstream.failed', { route: request.path, code: fault.code, reason: fault.message })
    throw fault
  }
  return {
    ...accepted,
    headers: requestIdHeaders(requestId),
    context: { ...context, dial: early.dial },
    abandon: () => early.abandon(),
  }
}

/** What an SDK address opens: a running call, a session of a deployment, or the session that an ephemeral key has. */
function createChoice(options: RouteOptions): (request: UpgradeRequest) => Promise<Service> {
  const { permit, sdk, sdkByKey, sdkTranscription, sdkInCall, ephemeralKeys } = options
  const { choice: models } = permit
  const makers = new Map([...models.deployments, ...models.onRequest].map(name => [name, sdk(name)]))
  // Those of clients that use no alias are made once, and shared.
  const eachDialect = (make: (client: Dialect, alias: null) => Service) => ({
    ga: make('ga', null),
    preview: make('preview', null),
  })
  const handlers = new Map([...makers].map(([name, make]) => [name, eachDialect(make)]))
  const defaultHandlers = eachDialect(sdk(null))
  const transcriptions = eachDialect(client => sdkTranscription(client, null))
  const handlerOf = ({ deployment, alias }: ChosenModel, client: Dialect) =>
    alias === null ? handlers.get(deployment)?.[client] : makers.get(deployment)?.(client, alias)
  return async request => {
    const { query } = request
    const client = dialectOf(request)
    const callId = query.get('call_id')
    if (callId !== null) return sdkInCall(callId, request)
    const named = modelNamedIn(query)
    const isTranscription = asksForTranscription(query)
    if (isTranscription && named !== null) checkAskedInTranscription(permit, named)
    const chosen = named === null || isTranscription ? null : chooseModel(models, named)
    const key = findCredential(request)?.value ?? ''
    const minted = await ephemeralKeys.find(key)
    if (isTranscription || minted?.purpose === 'transcription') {
      refuseAssistant(request, 'a transcription')
      // At upstream the key opens the session that it was minted for, which may be pinned, whatever the address says.
      if (minted !== null && minted.purpose !== 'transcription')
        throw new GatewayError(
          'forbidden',
          'This ephemeral key was minted for something else than transcription',
        )
      return minted === null ? transcriptions[client] : sdkTranscription(client, key)
    }
    const asking = minted === null ? request : { ...request, principal: principalOf(minted) }
    const assistant = chosenBy(options.assistants, asking)
    if (assistant !== null)
      return options.sdkAssisted(assistant, asking, chosen, client, minted === null ? null : key)
    // The model that it was minted for may be configured no more.
    if (minted !== null)
      return sdkByKey(
        chosen ?? { ...chooseModel(models, minted.model), alias: minted.alias ?? null },
        client,
        key,
        minted.isPinned === true,
      )
    return (chosen === null ? undefined : handlerOf(chosen, client)) ?? defaultHandlers[client]
  }
}

/** The model or deployment that an address names; null where it names none. */
function modelNamedIn(query: URLSearchParams): string | null {
  return deploymentParameters.map(name => query.get(name)).find(value => value !== null) ?? null
}

/** @throws GatewayError `bad_request` for any other intent */
function asksForTranscription(query: URLSearchParams): boolean {
  const intent = query.get('intent')
  if (intent !== null && intent !== 'transcription')
    throw new GatewayError('bad_request', '"intent": must be "transcription", or absent for a conversation')
  return intent !== null
}

/**
 * Clients put either model into the address of a transcription: that of the deployment, or that which writes down. It
 * goes no further; what counts is the model of the session.
 * @throws GatewayError `model_not_configured` where it is neither
 */
function checkAskedInTranscription(permit: ModelPermit, name: string): void {
  const { deployments, onRequest, aliases } = permit.choice
  const isConfigured = deployments.includes(name) || onRequest.includes(name)
  if (isConfigured || aliases.some(({ matches }) => matches(name))) return
  checkSessionModel(permit, name, 'transcription')
}

function subprotocolOf({ subprotocols }: UpgradeRequest): { subprotocol?: string } {
  return subprotocols.includes(realtimeSubprotocol) ? { subprotocol: realtimeSubprotocol } : {}
}
