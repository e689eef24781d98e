/** One response, from `response.created` to `response.done`. */
import type { ModelOutput } from '../model/model-turn.ts'
import { answer } from '../model/scripted-model.ts'
import { outputOf } from '../output/kinds.ts'
import type { Output, Scope } from '../output/output.ts'
import { streamOutputs } from '../output/stream.ts'
import type { Fields } from '../protocol/check.ts'
import type { ResponseOptions, ResponseStatus } from '../protocol/types.ts'
import type { Context } from './context.ts'
import type { Entry } from './conversation.ts'
import { isReasoningModel } from './defaults.ts'
import { entryOf } from './items.ts'
import type { Timeline } from './timeline.ts'
import { inputTokens, type Tokens, usageOf } from './usage.ts'

const firstTokenMs = 40
const congestionPauseMs = 40
const msPerAudioToken = 50

export interface ResponseEnd {
  input: Tokens
  output: Tokens
  /** Speech made, at normal pace (ms). */
  spokenMs: number
}

export class Response {
  readonly id: string
  readonly inConversation: boolean
  readonly #context: Context
  readonly #timeline: Timeline
  readonly #options: ResponseOptions
  readonly #seenBefore: Tokens
  readonly #ended: (end: ResponseEnd) => void
  readonly #entries: readonly Entry[]
  readonly #input: Tokens
  readonly #output: Tokens = { text: 0, audio: 0, image: 0 }
  readonly #outputs: Output[] = []
  /** Outputs that have begun and not finished. */
  readonly #open = new Set<Output>()
  #status: ResponseStatus = 'in_progress'
  #steps: Iterator<number> | null

  /**
   * Starts a response.
   *
   * @param seenBefore input tokens of the response before, for the cached share of the usage
   * @param ended called once, after `response.done` has been sent
   * @throws Refusal when the options refer to an item that is not there
   */
  constructor(
    context: Context,
    timeline: Timeline,
    options: ResponseOptions,
    seenBefore: Tokens,
    ended: (end: ResponseEnd) => void,
  ) {
    this.#context = context
    this.#timeline = timeline
    this.#options = options
    this.#seenBefore = seenBefore
    this.#ended = ended
    this.inConversation = options.conversation !== 'none'
    this.#entries = entriesFor(context, options)
    this.#input = inputTokens(this.#instructions(), this.#entries)
    this.id = context.ids.next('resp')
    this.#steps = this.#play()
    context.emit({ type: 'response.created', response: this.#shown(null, null) })
    timeline.after(0, () => this.#step())
  }

  /** Ends it early: the done chain of what was begun, then `response.done`. Does nothing when it has ended. */
  cancel(reason: 'client_cancelled' | 'turn_detected'): void {
    if (this.#steps !== null) this.#end('cancelled', { type: 'cancelled', reason })
  }

  *#play(): Generator<number> {
    const { rate, failure } = this.#context
    yield firstTokenMs / rate
    if (failure !== null) {
      this.#context.failure = null
      return this.#end('failed', { type: 'failed', error: { type: 'server_error', code: failure } })
    }
    for (const [index, thought] of this.#thoughts().entries()) {
      this.#outputs.push(outputOf(this.#scope(index), thought))
    }
    const complete = yield* streamOutputs(this.#outputs, this.#open)
    if (complete) this.#end('completed', null)
    else this.#end('incomplete', { type: 'incomplete', reason: 'max_output_tokens' })
  }

  #step(): void {
    if (this.#steps === null) return
    if (this.#context.congested()) {
      this.#timeline.after(congestionPauseMs, () => this.#step())
      return
    }
    const { value, done } = this.#next(this.#steps)
    if (done !== true) this.#timeline.after(value, () => this.#step())
  }

  /** A mistake of the simulator's ends this response, and not the session. */
  #next(steps: Iterator<number>): IteratorResult<number> {
    try {
      return steps.next()
    } catch {
      this.#end('failed', { type: 'failed', error: { type: 'server_error', code: 'server_error' } })
      return { done: true, value: undefined }
    }
  }

  #end(status: ResponseStatus, details: Fields | null): void {
    this.#steps = null
    for (const output of this.#open) output.finish('incomplete')
    this.#status = status
    this.#context.playout?.finish(this.id)
    const usage = usageOf(this.#input, this.#output, this.#seenBefore)
    this.#context.emit({ type: 'response.done', response: this.#shown(details, usage) })
    this.#ended({ input: this.#input, output: this.#output, spokenMs: this.#output.audio * msPerAudioToken })
  }

  #thoughts(): ModelOutput[] {
    const { config, script } = this.#context
    const scripted = this.inConversation ? (script?.next() ?? null) : null
    if (scripted !== null) return scripted
    return answer({
      instructions: this.#instructions(),
      memories: this.#entries.map(entry => entry.memory).filter(memory => memory !== null),
      tools: this.#options.tools ?? config.tools,
      toolChoice: this.#options.tool_choice ?? config.tool_choice,
      talksBeforeCalls: isReasoningModel(config.model),
    })
  }

  #scope(outputIndex: number): Scope {
    const { voice } = this.#sound()
    return {
      context: this.#context,
      responseId: this.id,
      outputIndex,
      inConversation: this.inConversation,
      modality: this.#modality(),
      format: this.#sound().format,
      voice: typeof voice === 'string' ? voice : voice.id,
      spend: (text, audio) => this.#spend(text, audio),
    }
  }

  #spend(text: number, audio: number): boolean {
    const limit = this.#limit()
    const spent = this.#output.text + this.#output.audio
    if (limit !== 'inf' && spent + text + audio > limit) return false
    this.#output.text += text
    this.#output.audio += audio
    return true
  }

  #shown(details: Fields | null, usage: Fields | null): Fields {
    return {
      object: 'realtime.response',
      id: this.id,
      status: this.#status,
      status_details: details,
      output: this.#status === 'in_progress' ? [] : this.#outputs.map(({ item }) => ({ ...item })),
      conversation_id: this.inConversation ? this.#context.conversationId : null,
      output_modalities: [this.#modality()],
      max_output_tokens: this.#limit(),
      audio: { output: this.#sound() },
      usage,
      metadata: this.#options.metadata ?? null,
    }
  }

  #instructions() {
    return this.#options.instructions ?? this.#context.config.instructions
  }

  #limit() {
    return this.#options.max_output_tokens ?? this.#context.config.max_output_tokens
  }

  #modality() {
    return (this.#options.output_modalities ?? this.#context.config.output_modalities)[0] ?? 'audio'
  }

  #sound() {
    const { format, voice } = this.#context.config.audio.output
    return { format, voice, ...this.#options.audio?.output }
  }
}

function entriesFor(context: Context, options: ResponseOptions): readonly Entry[] {
  if (options.input === undefined) return [...context.conversation.entries()]
  return options.input.map(given =>
    given.type === 'item_reference'
      ? context.conversation.find(given.id ?? '', 'creating response', 'item_reference_not_found')
      : entryOf(given, context.ids.next('item'), context.config.audio.input.format),
  )
}
