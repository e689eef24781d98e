/** Puts the conversations together: what `/chat`, `/realtime` and the SDK addresses are made of. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { Resumes } from './conversation/resumes.ts'
import { sessionUpdate } from './events/dialect.ts'
import { createExtractor } from './events/extract.ts'
import { createFilter, matchesAny } from './events/filter.ts'
import { createTranslator } from './events/translate.ts'
import { createChat } from './handlers/chat.ts'
import { createRealtime, type RealtimeOptions } from './handlers/realtime.ts'
import { createRoutes } from './handlers/routes.ts'
import { loadPrompt } from './prompt.ts'
import type { Store } from './store/store.ts'
import type { Target } from './target.ts'
import type { SocketRoute } from './types.ts'
import { createDialer } from './upstream/dial.ts'
import type { Endpoints } from './upstream/endpoints.ts'
import { createPlaces } from './upstream/places.ts'

export interface SessionsParts extends Pick<RealtimeOptions, 'log' | 'metrics' | 'readType' | 'record'> {
  readonly target: Target
  readonly endpoints: Endpoints
  readonly store: Store
}

/** Makes the routes of `/chat`, `/realtime` and the SDK addresses. */
export function assembleSessions(
  config: Config,
  { target, endpoints, store, log, metrics, readType, record }: SessionsParts,
): Map<string, SocketRoute> {
  const { limits, realtime } = config
  const resumes = new Resumes(store)
  const { dialect, label, deployments } = target
  const placesFor = createPlaces(endpoints.list, deployments, {
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
  const translator = createTranslator(dialect, realtime.dialect)
  const prompt = loadPrompt(config.prompt, readBelowRuntime)
  for (const message of prompt.warnings) log.warn('prompt.warning', { message })
  const dial = dialTo(placesFor(null))
  const transparent = {
    filter: createFilter(['*']),
    extractor: null,
    autoClose: false,
    sessionUpdate: null,
    translator,
  } as const
  return createRoutes({
    deployments,
    resumes,
    chat: createChat({ ...common, dial, label, settings: config.chat }),
    realtime: createRealtime({
      ...common,
      dial,
      translator,
      manners: 'gateway',
      filter: createFilter(realtime.allowedEventTypes),
      extractor: realtime.extraction && createExtractor({ ...realtime.extraction, matches: matchesAny }),
      autoClose: realtime.autoClose,
      sessionUpdate: sessionUpdate({ ...realtime.session, instructions: prompt.instructions }, dialect),
    }),
    sdk: deployment =>
      createRealtime({
        ...common,
        ...transparent,
        dial: dialTo(placesFor(deployment)),
        manners: 'transparent',
      }),
  })
}

function readBelowRuntime(path: string): string | null {
  const file = join(import.meta.dirname, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
