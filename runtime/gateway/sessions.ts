/** Puts the conversations together: what `/chat`, `/realtime` and the SDK addresses are made of. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EphemeralKeys } from '../access/ephemeral-keys.ts'
import { createChat } from '../chat/chat.ts'
import type { Config } from '../config/config.ts'
import { loadPrompt } from '../config/prompt.ts'
import type { Dial, Dialect, SocketRoute, UpgradeRequest } from '../core/ports.ts'
import { translateAlias } from '../dialect/alias.ts'
import { dialectOf } from '../dialect/client-dialect.ts'
import { sessionUpdate } from '../dialect/dialect.ts'
import { createTranslators } from '../dialect/translate.ts'
import { createExtractor } from '../events/extract.ts'
import { createFilter, matchesAny } from '../events/filter.ts'
import { createRealtime, type RealtimeOptions } from '../realtime/realtime.ts'
import { beginAtOnce, type ResumableHandler, Resumes } from '../resume/resumes.ts'
import type { StorageQuota } from '../store/storage-quota.ts'
import type { Store } from '../store/store.ts'
import { ephemeralCredential } from '../upstream/credentials/credentials.ts'
import { createDialer } from '../upstream/dial.ts'
import type { Endpoints } from '../upstream/endpoints.ts'
import { passedHeaders } from '../upstream/passed-headers.ts'
import { createPlaces } from '../upstream/places.ts'
import type { Target } from '../upstream/target.ts'
import { createRoutes } from './routes.ts'

export interface SessionsParts extends Pick<RealtimeOptions, 'log' | 'metrics' | 'readType' | 'record'> {
  readonly target: Target
  readonly endpoints: Endpoints
  readonly store: Store
  readonly quota: StorageQuota
  readonly ephemeralKeys: EphemeralKeys
  /** Finds a call for whoever asks. */
  readonly joinCall: (callId: string, request: UpgradeRequest) => Promise<Dial>
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
  { target, endpoints, store, quota, ephemeralKeys, joinCall, log, metrics, readType, record }: SessionsParts,
): Map<string, SocketRoute> {
  const { limits, realtime } = config
  const resumes = new Resumes({ store, quota, log, maxHeldBytes: limits.upstreamBufferBytes })
  const { dialect, label } = target
  const placesFor = createPlaces(endpoints.list, config.models.choice, {
    pauseMs: config.circuitPauseMs,
    now: () => performance.now(),
  })
  const dialTo = createDialer({
    connectTimeoutMs: config.connectTimeoutMs,
    ...limits,
    log,
    metrics,
  })
  const common = { dialect, limits, log, metrics, readType, record, resumes }
  const maxSdkMessageBytes = base64Bytes(limits.maxMessageBytes) + appendRoomBytes
  const upstreamBufferBytes = Math.max(limits.upstreamBufferBytes, maxSdkMessageBytes + appendRoomBytes)
  const sdkLimits = { ...limits, upstreamBufferBytes }
  const translators = createTranslators(dialect, realtime.dialect)
  const prompt = loadPrompt(config.prompt, readBelowRuntime)
  for (const message of prompt.warnings) log.warn('prompt.warning', { message })
  const dial = dialTo(placesFor(null))
  const transparent = {
    filter: createFilter(['*']),
    extractor: null,
    autoClose: false,
    sessionUpdate: null,
    manners: 'transparent',
  } as const
  const identified =
    <O extends { readonly dial: Dial }>(
      make: (options: O) => ResumableHandler,
      options: O,
    ): ResumableHandler =>
    (client, request) => {
      const headers = passedHeaders(request, config.safety)
      const dial: Dial = listener => options.dial(listener, headers)
      return make({ ...options, dial })(client, request)
    }
  const sdk = (dial: Dial, client: Dialect, deployment: string | null, alias: string | null) => {
    const isNamed = deployment !== null && alias !== null
    const own = translators.of(client)
    const translator = isNamed ? translateAlias(own, alias, deployment) : own
    return beginAtOnce(
      identified(createRealtime, { ...common, ...transparent, limits: sdkLimits, dial, translator }),
    )
  }
  return createRoutes({
    models: config.models.choice,
    maxSdkMessageBytes,
    ephemeralKeys,
    resumes,
    chat: identified(createChat, { ...common, dial, label, settings: config.chat, hearing: config.hearing }),
    realtime: identified(createRealtime, {
      ...common,
      dial,
      translator: translators.unnamed,
      manners: 'gateway',
      filter: createFilter(realtime.allowedEventTypes),
      extractor: realtime.extraction && createExtractor({ ...realtime.extraction, matches: matchesAny }),
      autoClose: realtime.autoClose,
      sessionUpdate: sessionUpdate({ ...realtime.session, instructions: prompt.instructions }, dialect),
    }),
    sdk: deployment => {
      const dial = dialTo(placesFor(deployment))
      return (client, alias) => sdk(dial, client, deployment, alias)
    },
    sdkByKey: ({ deployment, alias }, client, key) => {
      // The first endpoint minted the key; no other knows it.
      const places = placesFor(deployment).slice(0, 1)
      const dial = dialTo(places.map(place => ({ ...place, credential: ephemeralCredential(key) })))
      return sdk(dial, client, deployment, alias)
    },
    sdkInCall: async (callId, request) => {
      const join = sdk(await joinCall(callId, request), dialectOf(request), null, null)
      // What a call spends is counted once, however many have joined it.
      return (client, { meter: _, ...unmetered }) => join(client, unmetered)
    },
  })
}

function readBelowRuntime(path: string): string | null {
  const file = join(import.meta.dirname, '..', path)
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
