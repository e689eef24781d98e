/** What each client event does to a session. */
import { type Fields, isFields } from '../protocol/check.ts'
import { type ClientEvent, type Item, Refusal, type ResponseOptions } from '../protocol/types.ts'
import { maxAppendBytes, transcriptionModels } from '../protocol/values.ts'
import { LiveTranscription } from '../transcription/live.ts'
import { settledTranscription } from '../transcription/models.ts'
import { bytesPerMs } from '../voice/formats.ts'
import { changedConfig } from './config.ts'
import type { Context } from './context.ts'
import type { Entry } from './conversation.ts'
import { tooMuchAudio } from './frame.ts'
import { IdleWatch } from './idle.ts'
import { Input } from './input.ts'
import { ItemEvents } from './item-events.ts'
import { wordsHeard } from './items.ts'
import { McpServers } from './mcp-servers.ts'
import { Responses } from './responses.ts'
import type { Timeline } from './timeline.ts'
import { transcribe } from './transcripts.ts'

export class ClientEvents {
  readonly #context: Context
  readonly #timeline: Timeline
  readonly #shown: () => Fields
  readonly #items: ItemEvents
  readonly #responses: Responses
  readonly #input: Input
  readonly #idle: IdleWatch
  readonly #servers: McpServers
  readonly #live: LiveTranscription

  /** @param shown the `session` object as it stands */
  constructor(context: Context, timeline: Timeline, shown: () => Fields) {
    this.#context = context
    this.#timeline = timeline
    this.#shown = shown
    this.#items = new ItemEvents(context)
    this.#live = new LiveTranscription(context, timeline)
    this.#servers = new McpServers(context, timeline, this.#items)
    this.#input = new Input(context, {
      speechStarted: () => this.#onSpeech(),
      committed: (itemId, audio, byVoice) => this.#onCommit(itemId, audio, byVoice),
    })
    this.#idle = new IdleWatch(context, timeline, this.#input, itemId => {
      this.#addHeard(itemId, Buffer.alloc(0), 0)
      this.#responses.answerTurn()
    })
    this.#responses = new Responses(context, timeline, spokenMs => this.#idle.watch(spokenMs))
  }

  greet(): void {
    const { emit, conversationId: id } = this.#context
    emit({ type: 'session.created', session: this.#shown() })
    emit({ type: 'conversation.created', conversation: { id, object: 'realtime.conversation' } })
    this.#servers.discover()
  }

  /**
   * Does what a checked event asks for.
   *
   * @throws Refusal
   */
  perform(event: ClientEvent): void {
    switch (event.type) {
      case 'session.update':
        return this.#update(isFields(event.session) ? event.session : {})
      case 'transcription_session.update':
        throw wrongSession()
      case 'input_audio_buffer.append':
        return this.hear(Buffer.from(String(event.audio), 'base64'))
      case 'input_audio_buffer.commit':
        return this.#input.commit(this.#live.itemId)
      case 'input_audio_buffer.clear':
        this.#live.clear()
        return this.#input.clear()
      case 'output_audio_buffer.clear':
        return this.#clearPlayout()
      case 'response.create':
        return this.#respond((event.response ?? {}) as ResponseOptions)
      case 'response.cancel':
        return this.#responses.cancel(event.response_id as string | null | undefined)
      default:
        this.#items.perform(event)
        if (event.type === 'conversation.item.create' && isApproval(event.item)) {
          this.#idle.rest()
          this.#responses.continueAfterApproval()
        }
    }
  }

  /** @throws Refusal for more than 15 MiB at once */
  hear(audio: Buffer): void {
    if (audio.length > maxAppendBytes) throw tooMuchAudio(audio.length)
    this.#input.append(audio)
    this.#live.hear(audio)
  }

  truncatePlayed(itemId: string, playedMs: number): void {
    this.#items.truncatePlayed(itemId, playedMs)
  }

  #update(patch: Fields): void {
    const { config, conversation, vendor } = this.#context
    const next = settledTranscription(changedConfig(config, patch, conversation.hasSpoken()), patch)
    const model = next.audio.input.transcription?.model
    // On Azure it is the name of a deployment, which may be anything.
    if (vendor === 'openai' && model !== undefined && !transcriptionModels.includes(model))
      throw unknownModel(model)
    this.#context.config = next
    this.#input.configure()
    this.#context.emit({ type: 'session.updated', session: this.#shown() })
    this.#servers.discover()
  }

  #respond(options: ResponseOptions): void {
    if (this.#context.config.type === 'transcription') throw noResponses()
    this.#responses.create(options)
    // One beside the conversation says nothing to the user.
    if (options.conversation !== 'none') this.#idle.rest()
  }

  #clearPlayout(): void {
    if (this.#context.playout === null) throw noPlayout()
    this.#context.playout.clear()
  }

  #onSpeech(): void {
    this.#idle.rest()
    if (this.#context.config.audio.input.turn_detection?.interrupt_response !== true) return
    this.#responses.interrupt()
    this.#context.playout?.clear()
  }

  #onCommit(itemId: string, audio: Buffer, byVoice: boolean): void {
    const { type, audio: sound } = this.#context.config
    const seconds = audio.length / bytesPerMs(sound.input.format) / 1000
    const heard = this.#addHeard(itemId, audio, seconds)
    if (!this.#live.commit(heard, seconds)) transcribe(this.#context, this.#timeline, heard, seconds)
    const answers = byVoice && type === 'realtime' && sound.input.turn_detection?.create_response === true
    if (answers) this.#responses.answerTurn()
  }

  #addHeard(itemId: string, audio: Buffer, heardSec: number): Entry {
    const content = [{ type: 'input_audio', transcript: null }]
    const item: Item = { id: itemId, type: 'message', status: 'completed', role: 'user', content }
    const text = heardSec === 0 ? '' : wordsHeard(heardSec)
    const entry: Entry = { item, memory: { kind: 'user', text, heardSec }, audio }
    this.#items.add(entry)
    return entry
  }
}

function isApproval(item: unknown): boolean {
  return isFields(item) && item.type === 'mcp_approval_response'
}

/** Azure knows this event of old, and refuses it in any GA session. */
function wrongSession(): Refusal {
  const message = 'Passing a transcription session update event to a realtime session is not allowed.'
  return new Refusal({ code: null, message })
}

function noResponses(): Refusal {
  const message = 'Responses cannot be created in a transcription session.'
  return new Refusal({ code: 'invalid_value', message, param: 'type' })
}

function unknownModel(model: string): Refusal {
  const listed = transcriptionModels.map(name => `'${name}'`).join(', ')
  const message = `Invalid value: '${model}'. Supported values are: ${listed}.`
  return new Refusal({ code: 'invalid_value', message, param: 'session.audio.input.transcription.model' })
}

function noPlayout(): Refusal {
  const message = 'output_audio_buffer.clear is only supported in WebRTC and SIP sessions.'
  return new Refusal({ code: 'invalid_value', message, param: 'type' })
}
