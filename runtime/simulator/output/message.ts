/** An assistant message, written or spoken. */
import type { ModelOutput } from '../model/model-turn.ts'
import type { Fields } from '../protocol/check.ts'
import type { Item, Part } from '../protocol/types.ts'
import type { Entry, Spoken } from '../session/conversation.ts'
import { speechTokens } from '../session/usage.ts'
import { type Chunk, wordsOf } from '../voice/speaker.ts'
import { addItem, endItem, type Output, type Scope, textDeltaMs } from './output.ts'

/** Words that are sent before the first sound. */
const transcriptLead = 4

/** A message with one content part, of text or of speech. */
export function createMessage(scope: Scope, thought: ModelOutput & { kind: 'message' }): Output {
  const { context } = scope
  const item: Item = {
    id: context.ids.next('item'),
    type: 'message',
    status: 'in_progress',
    role: 'assistant',
    ...(context.config.reasoning !== undefined && { phase: thought.phase }),
    content: [],
  }
  const entry: Entry = { item, memory: { kind: 'assistant', text: '' } }
  const part = new MessagePart(scope, entry)
  return {
    item,
    begin: () => {
      addItem(scope, entry)
      part.begin()
    },
    deltas: () =>
      scope.modality === 'text' ? write(scope, part, thought.text) : speak(scope, part, entry, thought.text),
    finish: status => {
      part.finish()
      item.content = [part.content()]
      item.status = status
      endItem(scope, item)
    },
  }
}

/** The one content part of a message: its events, and what has been streamed of it. */
class MessagePart {
  readonly #scope: Scope
  readonly #entry: Entry
  readonly #place: Fields
  readonly #written: boolean
  #streamed = ''

  constructor(scope: Scope, entry: Entry) {
    this.#scope = scope
    this.#entry = entry
    this.#written = scope.modality === 'text'
    const { responseId: response_id, outputIndex: output_index } = scope
    this.#place = { response_id, item_id: entry.item.id, output_index, content_index: 0 }
  }

  begin(): void {
    this.#partEvent('added')
  }

  say(words: string): void {
    this.#streamed += words
    this.#entry.memory = { kind: 'assistant', text: this.#streamed }
    const type = this.#written ? 'response.output_text.delta' : 'response.output_audio_transcript.delta'
    this.#emit(type, { delta: words, obfuscation: this.#scope.context.ids.obfuscation() })
  }

  sound(chunk: Chunk): void {
    this.#emit('response.output_audio.delta', { delta: chunk.base64(this.#scope.format) })
    this.#scope.context.playout?.play(chunk, this.#scope.responseId, this.#entry.item.id)
  }

  finish(): void {
    if (this.#written) this.#emit('response.output_text.done', { text: this.#streamed })
    else {
      this.#emit('response.output_audio.done', {})
      this.#emit('response.output_audio_transcript.done', { transcript: this.#streamed })
    }
    this.#partEvent('done')
  }

  /** The part as an item's content has it. */
  content(): Part {
    if (this.#written) return { type: 'output_text', text: this.#streamed }
    const isCut = this.#entry.spoken?.isCut === true
    return { type: 'output_audio', ...(!isCut && { transcript: this.#streamed }) }
  }

  #partEvent(name: string): void {
    const words = this.#streamed
    const part: Part = this.#written ? { type: 'text', text: words } : { type: 'audio', transcript: words }
    // Azure repeats the part under a second name.
    const repeated = this.#scope.context.vendor === 'azure' && { content: part }
    this.#emit(`response.content_part.${name}`, { part, ...repeated })
  }

  #emit(type: string, fields: Fields): void {
    this.#scope.context.emit({ type, ...this.#place, ...fields })
  }
}

function* write(scope: Scope, part: MessagePart, text: string): Generator<number, boolean> {
  for (const word of wordsOf(text)) {
    if (!scope.spend(1, 0)) return false
    part.say(word)
    yield textDeltaMs / scope.context.rate
  }
  return true
}

/** Words first, then words and sound in turn, then sound alone: the order of the recordings. */
function* speak(scope: Scope, part: MessagePart, entry: Entry, text: string): Generator<number, boolean> {
  const { context, voice, format } = scope
  const { speed } = context.config.audio.output
  const words = wordsOf(text)
  const spoken: Spoken = { voice, speed, format, ms: 0 }
  entry.spoken = spoken
  let next = 0
  const sayNext = () => {
    const word = words[next++]
    if (word !== undefined) part.say(word)
  }
  for (let lead = 0; lead < transcriptLead; lead++) sayNext()
  for (const chunk of context.speaker.speak(text, voice, speed)) {
    if (!scope.spend(chunk.text === '' ? 0 : 1, speechTokens(chunk.ms))) return false
    part.sound(chunk)
    if (!spoken.isCut) spoken.ms += chunk.ms
    sayNext()
    yield chunk.ms / context.rate
  }
  return true
}
