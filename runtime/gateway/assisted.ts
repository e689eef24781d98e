/** What serves a session of an assistant at each kind of address: the path's own service, with what the assistant says. */
import { type Assistant, defaultName } from '../assistants/assistant.ts'
import { scopeOf } from '../assistants/choice.ts'
import { assistantSessionSettings, chatSettingsFor, greetingOf } from '../assistants/session-settings.ts'
import { createStateMigration } from '../assistants/state-migration.ts'
import { type ChatOptions, createChat } from '../chat/chat.ts'
import type { Config } from '../config/config.ts'
import type { Dial, UpgradeRequest } from '../core/ports.ts'
import { sessionUpdate } from '../dialect/dialect.ts'
import type { Translator } from '../dialect/translate.ts'
import { greetingCreate } from '../events/compose.ts'
import { createExtractor, type Extractor } from '../events/extract.ts'
import { createFilter, type EventFilter, matchesAny } from '../events/filter.ts'
import type { Metrics } from '../observability/metrics.ts'
import { createRealtime, type RealtimeOptions } from '../realtime/realtime.ts'
import type { Limits } from '../session/session.ts'
import {
  openPolicy,
  ownInstructionsPolicy,
  pinnedPolicy,
  type SessionPolicy,
} from '../session/session-policy.ts'
import type { ToolOptions } from '../tools/server-tools.ts'
import type { MessageRules } from '../upstream/message-check.ts'
import type { Service } from './routes.ts'

export interface AssistedParts {
  readonly config: Pick<Config, 'chat' | 'audioInput' | 'realtime'>
  /** The rendered template of `/realtime`, for an assistant that has no instructions of its own. */
  readonly instructions: string
  /** What all sessions have. */
  readonly common: Pick<RealtimeOptions, 'dialect' | 'metrics' | 'readType' | 'record' | 'follow' | 'resumes'>
  readonly label: ChatOptions['label']
  readonly rules: Omit<MessageRules, 'policy'>
  readonly bounds: Limits
  readonly sdkBounds: Limits
  /** Dials a deployment; null: the first. */
  readonly dialTo: (deployment: string | null) => Dial
  /** Of `/realtime`. */
  readonly translator: Translator
  /** What the SDK addresses have that is no assistant's. */
  readonly passthrough: Pick<RealtimeOptions, 'filter' | 'extractor' | 'autoClose' | 'mode'>
  readonly metrics: Pick<Metrics, 'countAssisted'>
  /** Finds what runs an assistant's tools on the server; null where it has none. */
  readonly toolsOf: (assistant: Assistant) => ToolOptions | null
}

/** What a client of an SDK address is served by, beside the assistant. */
export interface SdkParts {
  readonly dial: Dial
  readonly translator: Translator
}

export class AssistedServices {
  readonly #parts: AssistedParts
  /** Compiled once for each assistant as it was loaded. */
  readonly #filters = new WeakMap<Assistant, { filter: EventFilter; extractor: Extractor | null }>()

  constructor(parts: AssistedParts) {
    this.#parts = parts
  }

  /** `/chat` and `/realtime`, rendered for one session. */
  chat(assistant: Assistant, request: UpgradeRequest): Service {
    const { config, common, label, bounds, dialTo } = this.#parts
    const { dialect } = common
    const made = chatSettingsFor(assistant, config.chat, config.audioInput, scopeOf(request))
    const policy = this.#policy(assistant, 'refuse')
    const greeting = this.#greeting(assistant, made.settings.instructions)
    const handler = createChat({
      ...common,
      ...this.#tools(assistant),
      ...made,
      label,
      dialect,
      policy,
      assistant,
      greeting,
    })
    return this.#service(assistant, { handler, dial: dialTo(assistant.deployment), bounds })
  }

  realtime(assistant: Assistant, request: UpgradeRequest): Service {
    const { config, common, bounds, dialTo, translator } = this.#parts
    const base = this.#realtimeSettings()
    const settings = assistantSessionSettings(assistant, base, scopeOf(request))
    const handler = createRealtime({
      ...common,
      ...this.#tools(assistant),
      ...this.#compiled(assistant),
      translator,
      mode: 'managed',
      // A conversation with an assistant goes on until one of the two ends it.
      autoClose: assistant.name === defaultName && config.realtime.autoClose,
      sessionUpdate: sessionUpdate(settings, common.dialect),
      rules: {
        ...this.#parts.rules,
        policy: this.#policy(assistant, 'refuse'),
        // An assistant that writes may listen, where the environment does not forbid it.
        textOnly: base.textOnly && settings.textOnly,
      },
      assistant,
      greeting: this.#greeting(assistant, settings.instructions),
    })
    return this.#service(assistant, { handler, dial: dialTo(assistant.deployment), bounds })
  }

  /** An SDK address: the assistant's settings come first, and what is pinned of them a client changes without effect. */
  sdk(assistant: Assistant, request: UpgradeRequest, { dial, translator }: SdkParts): Service {
    const { common, passthrough, rules, sdkBounds } = this.#parts
    const settings = assistantSessionSettings(assistant, this.#realtimeSettings(), scopeOf(request))
    const handler = createRealtime({
      ...common,
      ...this.#tools(assistant),
      ...passthrough,
      translator,
      sessionUpdate: sessionUpdate(settings, common.dialect),
      rules: { ...rules, policy: this.#policy(assistant, 'leave_out') },
      assistant,
    })
    return this.#service(assistant, { handler, dial, bounds: sdkBounds })
  }

  #tools(assistant: Assistant): Pick<RealtimeOptions, 'toolsFor'> {
    const tools = this.#parts.toolsOf(assistant)
    return tools === null ? {} : { toolsFor: () => tools }
  }

  #realtimeSettings() {
    const { config, instructions } = this.#parts
    return { ...config.realtime.session, instructions }
  }

  #policy({ isPinned }: Assistant, onChange: SessionPolicy['onChange']): SessionPolicy {
    if (isPinned) return pinnedPolicy(onChange)
    return this.#parts.config.realtime.pinSession ? { ...ownInstructionsPolicy, onChange } : openPolicy
  }

  #greeting(assistant: Assistant, instructions: string | undefined): string | null {
    const greeting = greetingOf(assistant, instructions)
    return greeting === null ? null : greetingCreate(greeting)
  }

  #compiled(assistant: Assistant): { filter: EventFilter; extractor: Extractor | null } {
    const known = this.#filters.get(assistant)
    if (known !== undefined) return known
    const { allowedEventTypes, extraction: configured } = this.#parts.config.realtime
    const extraction = assistant.extraction ?? configured
    const compiled = {
      filter: createFilter(assistant.events ?? allowedEventTypes),
      extractor: extraction && createExtractor({ ...extraction, matches: matchesAny }),
    }
    this.#filters.set(assistant, compiled)
    return compiled
  }

  #service(assistant: Assistant, service: Service): Service {
    const { name, version, limits } = assistant
    return {
      ...service,
      labels: { assistant: name, version },
      migration: createStateMigration(assistant),
      ...(limits.sessionMs !== null && { sessionMs: limits.sessionMs }),
      handler: (client, context) => {
        this.#parts.metrics.countAssisted(assistant)
        context.limits.meter?.serve(name)
        return service.handler(client, context)
      },
    }
  }
}
