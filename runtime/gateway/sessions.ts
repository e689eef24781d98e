/** Puts the conversations together: what `/chat`, `/realtime` and the SDK addresses are made of. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EphemeralKeys } from '../access/ephemeral-keys.ts'
import type { Assistants } from '../assistants/assistants.ts'
import { chatEndMessages, createChat } from '../chat/chat.ts'
import type { Config } from '../config/config.ts'
import { loadPrompt } from '../config/prompt.ts'
import type { Dial, Dialect } from '../core/ports.ts'
import { translateAlias } from '../dialect/alias.ts'
import { dialectOf } from '../dialect/client-dialect.ts'
import { sessionUpdate } from '../dialect/dialect.ts'
import { createTranslators, untranslated } from '../dialect/translate.ts'
import { createExtractor } from '../events/extract.ts'
import { createFilter, matchesAny } from '../events/filter.ts'
import type { Log } from '../observability/log.ts'
import { createRealtime, type RealtimeOptions, realtimeEndMessages } from '../realtime/realtime.ts'
import type { SocketRoute } from '../server/handler.ts'
import {
  openPolicy,
  ownInstructionsPolicy,
  pinnedPolicy,
  type SessionPolicy,
} from '../session/session-policy.ts'
import { createCalls } from '../upstream/calls.ts'
import type { CircuitOptions } from '../upstream/circuit.ts'
import { credentialOfEphemeralKey, mintedCredential } from '../upstream/credentials/credentials.ts'
import { createDialer } from '../upstream/dial.ts'
import { createEndpointPool, type Endpoint, type PooledEndpoint } from '../upstream/endpoint-pool.ts'
import type { Endpoints } from '../upstream/endpoints.ts'
import type { ChosenModel } from '../upstream/model-choice.ts'
import type { ModelPermit } from '../upstream/model-permit.ts'
import { passedHeaders } from '../upstream/passed-headers.ts'
import { checkTranslates, type Target } from '../upstream/target.ts'
import { type AssistedParts, AssistedServices } from './assisted.ts'
import { createRoutes, type Service } from './routes.ts'
import type { Sideband } from './sideband.ts'

export interface SessionsParts
  extends Pick<RealtimeOptions, 'metrics' | 'readType' | 'record' | 'follow' | 'resumes'> {
  readonly target: Target
  readonly endpoints: Endpoints
  readonly ephemeralKeys: EphemeralKeys
  readonly permit: ModelPermit
  /** Finds a call for whoever asks. */
  readonly joinCall: Sideband['joinCall']
  readonly assistants: Assistants
  readonly log: Log
  /** Finds the tools that run on the server for a connection; absent where none do. */
  readonly toolsFor?: RealtimeOptions['toolsFor']
  /** Finds what runs an assistant's tools; absent where none have any. */
  readonly toolsOf?: AssistedParts['toolsOf']
}

/** Room for the rest of an append, and for what follows it at once, for example a commit (bytes). */
const appendRoomBytes = 64 * 1024

/** The API counts the audio of an append, not its base64. */
function base64Bytes(audioBytes: number): number {
  return Math.ceil(audioBytes / 3) * 4
}

/** Makes the routes of `/chat`, `/realtime` and the SDK addresses. */
export function assembleSessions(
  config: Config,
  {
    target,
    endpoints,
    ephemeralKeys,
    permit,
    joinCall,
    assistants,
    log,
    metrics,
    readType,
    record,
    follow,
    resumes,
    toolsFor,
    toolsOf = () => null,
  }: SessionsParts,
): Map<string, SocketRoute> {
  const { limits, realtime } = config
  const { dialect, label } = target
  const circuit = { pauseMs: config.circuitPauseMs, now: () => performance.now() }
  const endpointsFor = createEndpointPool(endpoints.list, config.models.choice, circuit)
  const dialTo = createDialer({
    connectTimeoutMs: config.connectTimeoutMs,
    proxy: config.proxy,
    ...limits,
    log,
    metrics,
  })
  const common = { dialect, metrics, readType, record, follow, resumes }
  const withTools = toolsFor === undefined ? {} : { toolsFor }
  const maxSdkMessageBytes = base64Bytes(limits.maxMessageBytes) + appendRoomBytes
  const upstreamBufferBytes = Math.max(limits.upstreamBufferBytes, maxSdkMessageBytes + appendRoomBytes)
  const sdkLimits = { ...limits, upstreamBufferBytes }
  const translators = createTranslators(dialect, realtime.dialect)
  const transcriptionTranslators = createTranslators(dialect, realtime.dialect, 'transcription')
  const transcriptionEndpoints = createTranscriptionPool(endpoints.list, circuit, config.connectTimeoutMs)
  const transcriptionDial = dialTo(transcriptionEndpoints)
  const translationEndpoints = createTranslationPool(endpoints.list, circuit, permit.translation)
  const rules = { permit, purpose: 'conversation', policy: openPolicy } as const
  const prompt = loadPrompt(config.prompt, readBelowRuntime)
  for (const message of prompt.warnings) log.warn('prompt.warning', { message })
  const dial = dialTo(endpointsFor(null))
  const passthrough = {
    filter: createFilter(['*']),
    extractor: null,
    autoClose: false,
    sessionUpdate: null,
    mode: 'passthrough',
  } as const
  const translatorFor = (client: Dialect, deployment: string | null, alias: string | null) => {
    const own = translators.of(client)
    return deployment !== null && alias !== null ? translateAlias(own, alias, deployment) : own
  }
  const sdk = (
    dial: Dial,
    client: Dialect,
    {
      deployment,
      alias,
      policy = openPolicy,
    }: { deployment: string | null; alias: string | null; policy?: SessionPolicy },
  ): Service => {
    const translator = translatorFor(client, deployment, alias)
    const handler = createRealtime({
      ...common,
      ...passthrough,
      ...withTools,
      translator,
      rules: { ...rules, policy },
    })
    return { handler, dial, bounds: sdkLimits }
  }
  const assisted = new AssistedServices({
    ...{ config, common, label, rules, passthrough, metrics, toolsOf },
    instructions: prompt.instructions,
    bounds: limits,
    sdkBounds: sdkLimits,
    dialTo: deployment => dialTo(endpointsFor(deployment)),
    translator: translators.unnamed,
  })
  return createRoutes({
    permit,
    maxSdkMessageBytes,
    ephemeralKeys,
    passed: request => passedHeaders(request, config.safety),
    assistants,
    assisted,
    sdkAssisted: (assistant, request, model, client, key) => {
      const deployment = assistant.deployment ?? model?.deployment ?? null
      // The client goes on to see the name that it asked for, whatever serves the assistant.
      const alias = model === null || model.deployment === deployment ? (model?.alias ?? null) : nameOf(model)
      const endpoints = endpointsFor(deployment)
      return assisted.sdk(assistant, request, {
        dial: dialTo(key === null ? endpoints : byKey(endpoints, key)),
        translator: translatorFor(client, deployment, alias),
      })
    },
    log,
    chat: {
      handler: createChat({
        ...common,
        ...withTools,
        label,
        settings: config.chat,
        audioInput: config.audioInput,
      }),
      dial,
      bounds: limits,
      endMessages: chatEndMessages,
    },
    realtime: {
      handler: createRealtime({
        ...common,
        ...withTools,
        translator: translators.unnamed,
        mode: 'managed',
        filter: createFilter(realtime.allowedEventTypes),
        extractor: realtime.extraction && createExtractor({ ...realtime.extraction, matches: matchesAny }),
        autoClose: realtime.autoClose,
        sessionUpdate: sessionUpdate({ ...realtime.session, instructions: prompt.instructions }, dialect),
        rules: {
          ...rules,
          policy: realtime.pinSession ? ownInstructionsPolicy : openPolicy,
          textOnly: realtime.session.textOnly,
        },
      }),
      dial,
      bounds: limits,
      endMessages: realtimeEndMessages,
      dialsAtOnce: true,
    },
    sdk: deployment => {
      const dial = dialTo(endpointsFor(deployment))
      return (client, alias) => sdk(dial, client, { deployment, alias })
    },
    sdkByKey: ({ deployment, alias }, client, key, pinned) =>
      sdk(dialTo(byKey(endpointsFor(deployment), key)), client, {
        deployment,
        alias,
        ...(pinned && { policy: ownInstructionsPolicy }),
      }),
    sdkTranscription: (client, key) => {
      const handler = createRealtime({
        ...common,
        ...passthrough,
        translator: transcriptionTranslators.of(client),
        owed: 'transcripts',
        rules: { ...rules, purpose: 'transcription' },
      })
      const dial = key === null ? transcriptionDial : dialTo(byKey(transcriptionEndpoints, key))
      return { handler, dial, bounds: sdkLimits }
    },
    sdkTranslation: (model, key) => {
      checkTranslates({ dialect })
      const endpoints = translationEndpoints(model)
      const handler = createRealtime({
        ...common,
        ...passthrough,
        translator: untranslated,
        paidByTime: true,
        rules: { ...rules, purpose: 'translation' },
      })
      return { handler, dial: dialTo(key === null ? endpoints : byKey(endpoints, key)), bounds: limits }
    },
    sdkInCall: async (callId, request) => {
      const { dial, isPinned } = await joinCall(callId, request)
      const { handler, ...given } = sdk(dial, dialectOf(request), {
        deployment: null,
        alias: null,
        ...(isPinned && { policy: pinnedPolicy('leave_out') }),
      })
      return {
        ...given,
        // What a call spends is counted once, however many have joined it.
        handler: (client, context) => {
          const { meter: _, ...limits } = context.limits
          return handler(client, { ...context, limits })
        },
      }
    },
  })
}

function nameOf({ deployment, alias }: ChosenModel): string {
  return alias ?? deployment
}

/** The first endpoint minted the key; no other knows it. */
function byKey(endpoints: readonly PooledEndpoint[], key: string): PooledEndpoint[] {
  return endpoints.slice(0, 1).map(endpoint => ({ ...endpoint, credential: credentialOfEphemeralKey(key) }))
}

/**
 * Lists what serves transcriptions: one deployment at each endpoint, as their address names no model.
 * Azure's GA form takes none but ephemeral keys for them (BerriAI/litellm#38645): one is minted for each session.
 */
function createTranscriptionPool(
  endpoints: readonly Endpoint[],
  circuit: CircuitOptions,
  timeoutMs: number,
): PooledEndpoint[] {
  const pool = createEndpointPool(endpoints, { deployments: ['transcription'], onRequest: [] }, circuit)
  return pool('transcription').map(endpoint => {
    const { target, credential } = endpoint
    const purposed = { ...endpoint, purpose: 'transcription' } as const
    if (target.provider !== 'azure' || target.dialect !== 'ga') return purposed
    const { mintKey } = createCalls({ target, credential, timeoutMs })
    const request = { session: { type: 'transcription' } }
    return { ...purposed, credential: mintedCredential(() => mintKey(request)) }
  })
}

function createTranslationPool(
  endpoints: readonly Endpoint[],
  circuit: CircuitOptions,
  deployments: readonly string[],
): (model: string) => PooledEndpoint[] {
  const pool = createEndpointPool(endpoints, { deployments, onRequest: [] }, circuit)
  return model => pool(model).map(endpoint => ({ ...endpoint, purpose: 'translation' }))
}

function readBelowRuntime(path: string): string | null {
  const file = join(import.meta.dirname, '..', path)
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
