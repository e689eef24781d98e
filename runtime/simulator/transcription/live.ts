/** Writes down what is said while it is said: deltas come before the commit, by the id that the item will have. */
import type { Fields } from '../protocol/check.ts'
import type { Context } from '../session/context.ts'
import type { Entry } from '../session/conversation.ts'
import { wordsHeard } from '../session/items.ts'
import type { Timeline } from '../session/timeline.ts'
import { bytesPerMs, decodeAudio } from '../voice/formats.ts'
import { wordsOf } from '../voice/speaker.ts'
import { isLive } from './models.ts'

/** A word comes for so much sound. */
const msPerWord = 200

/** How many words of a turn are known before its length is. */
const wordsBeforeCommit = 5

/** Between the commit and the whole (public measurements: 470 to 820 ms after sound in real time). */
const wholeMs = 500

export class LiveTranscription {
  readonly #context: Context
  readonly #timeline: Timeline
  /** Of the item that the present turn becomes; null before its first word. */
  #itemId: string | null = null
  #said = 0
  /** Of the present turn, in which somebody speaks (ms). */
  #spokenMs = 0

  constructor(context: Context, timeline: Timeline) {
    this.#context = context
    this.#timeline = timeline
  }

  /** The id that the present turn has been given already; null where it has none. */
  get itemId(): string | null {
    return this.#itemId
  }

  /** Sound has come, in the session's input format. Silence has no words. */
  hear(audio: Buffer): void {
    const { config, ids } = this.#context
    if (!isLive(config)) return
    const { format } = config.audio.input
    if (isLoud(decodeAudio(audio, format))) this.#spokenMs += audio.length / bytesPerMs(format)
    const due = Math.min(wordsBeforeCommit, Math.floor(this.#spokenMs / msPerWord))
    for (const delta of turnWords(this.#spokenMs).slice(this.#said, due)) {
      this.#itemId ??= ids.next('item')
      this.#emit(this.#itemId, 'delta', { delta, obfuscation: ids.obfuscation() })
    }
    this.#said = Math.max(this.#said, due)
  }

  /** The present turn is dropped. */
  clear(): void {
    this.#itemId = null
    this.#said = 0
    this.#spokenMs = 0
  }

  /** The present turn has become an item. @returns false where it is written down afterwards, and not by this */
  commit(entry: Entry, seconds: number): boolean {
    const said = this.#said
    this.clear()
    if (!isLive(this.#context.config)) return false
    const { ids, rate } = this.#context
    const { id } = entry.item
    const transcript = wordsHeard(seconds)
    for (const delta of turnWords(seconds * 1000).slice(said))
      this.#emit(id, 'delta', { delta, obfuscation: ids.obfuscation() })
    this.#timeline.after(wholeMs / rate, () => {
      const [part] = entry.item.content ?? []
      if (part !== undefined) part.transcript = transcript
      this.#emit(id, 'completed', { transcript, usage: { type: 'duration', seconds: Math.ceil(seconds) } })
    })
    return true
  }

  #emit(itemId: string, name: string, fields: Fields): void {
    const type = `conversation.item.input_audio_transcription.${name}`
    this.#context.emit({ type, item_id: itemId, content_index: 0, ...fields })
  }
}

/** Root mean square above which sound is speech: about -38 dB of full scale, as turn detection has it. */
const loudness = 0.0125 * 32_768

function isLoud(samples: Int16Array): boolean {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.sqrt(sum / Math.max(1, samples.length)) > loudness
}

/** The first begins with a space, as on the wire of the API. */
function turnWords(ms: number): string[] {
  return wordsOf(` ${wordsHeard(ms / 1000)}`)
}
