/** Reads what happened in a call from its events. Nothing of the page is touched here. */
import type { RealtimeEvent } from '../page/realtime-event.ts'
import type { ControlMessage, ToolStatus } from './control-messages.ts'

/** One thing that happened. `fields`: names of session settings. */
export type Happening =
  | { kind: 'tool-called'; name: string; arguments: string }
  | { kind: 'tool-answered'; name: string; output: string }
  /** A tool of the assistant's runs on the server, or has run for so long (ms). */
  | { kind: 'server-tool'; name: string; status: ToolStatus; ms: number }
  /** What such a tool tells whoever listens; `data` is JSON. */
  | { kind: 'assistant-event'; name: string; data: string }
  | { kind: 'settings-changed'; fields: string[] }
  /** The settings are again as they were before the last change. */
  | { kind: 'settings-put-back'; fields: string[] }
  | { kind: 'key'; key: string }

/** Settings that a gateway can pin. */
const pinnable = ['instructions', 'tools', 'prompt'] as const

type Settings = Readonly<Record<(typeof pinnable)[number], string>>

/** Event ids and calls that are kept. */
const maxKept = 2000

/** The events of one call. */
export class Happenings {
  /** Ids of events that were read: most come by both lanes. */
  readonly #read = new Set<unknown>()
  /** Names of tools by their calls. */
  readonly #tools = new Map<unknown, string>()
  readonly #answered = new Set<unknown>()
  #settings: Settings | undefined
  #before: Settings | undefined

  /** Reads one event. @returns what happened with it: nothing, mostly */
  receive(event: RealtimeEvent): Happening[] {
    if (event.event_id !== undefined) {
      if (this.#read.has(event.event_id)) return []
      keep(this.#read, event.event_id)
    }
    if (event.type === 'session.created' || event.type === 'session.updated')
      return this.#readSettings(event.session)
    if (event.type === 'response.function_call_arguments.done') return this.#readCall(event)
    if (event.type === 'conversation.item.added' || event.type === 'conversation.item.created')
      return this.#readOutput(event.item)
    if (event.type === 'input_audio_buffer.dtmf_event_received')
      return [{ kind: 'key', key: String(event.event ?? '') }]
    return []
  }

  /** Reads what the gateway itself says of the call. */
  receiveByControl(message: ControlMessage): Happening[] {
    if (message.type === 'assistant.tool') {
      const { name, status, ms } = message
      return [{ kind: 'server-tool', name, status, ms }]
    }
    if (message.type === 'assistant.event')
      return [{ kind: 'assistant-event', name: message.name, data: JSON.stringify(message.data ?? null) }]
    return []
  }

  #readCall({ call_id, name, arguments: given }: RealtimeEvent): Happening[] {
    const tool = String(name ?? '')
    if (this.#tools.has(call_id)) return []
    this.#tools.set(call_id, tool)
    const [oldest] = this.#tools.keys()
    if (this.#tools.size > maxKept) this.#tools.delete(oldest)
    return [{ kind: 'tool-called', name: tool, arguments: String(given ?? '') }]
  }

  #readOutput(item: unknown): Happening[] {
    const { type, call_id, output } = fieldsOf(item)
    if (type !== 'function_call_output' || this.#answered.has(call_id)) return []
    keep(this.#answered, call_id)
    return [{ kind: 'tool-answered', name: this.#tools.get(call_id) ?? '', output: String(output ?? '') }]
  }

  #readSettings(session: unknown): Happening[] {
    const settings = settingsOf(fieldsOf(session))
    const last = this.#settings
    if (last === undefined) {
      this.#settings = settings
      return []
    }
    const fields = differences(last, settings)
    if (fields.length === 0) return []
    const isPutBack = this.#before !== undefined && differences(this.#before, settings).length === 0
    this.#before = isPutBack ? undefined : last
    this.#settings = settings
    return [{ kind: isPutBack ? 'settings-put-back' : 'settings-changed', fields }]
  }
}

function settingsOf(session: Readonly<Record<string, unknown>>): Settings {
  const [instructions, tools, prompt] = pinnable.map(name => JSON.stringify(session[name] ?? null))
  return { instructions: instructions ?? '', tools: tools ?? '', prompt: prompt ?? '' }
}

function differences(one: Settings, other: Settings): string[] {
  return pinnable.filter(name => one[name] !== other[name])
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Adds to a set; past its limit the oldest goes. */
function keep(set: Set<unknown>, value: unknown): void {
  set.add(value)
  const [oldest] = set
  if (set.size > maxKept) set.delete(oldest)
}
