/**
 * One session that translates while somebody speaks. What is said comes back as it was: the simulator knows no
 * languages, and says so in the words beside it.
 */
import { pcmRate } from '../../core/contract.ts'
import { createIds, type Ids } from '../ids.ts'
import { type Fields, isFields } from '../protocol/check.ts'
import { checkEvent } from '../protocol/ga.ts'
import { type ClientEvent, Refusal, refuse } from '../protocol/types.ts'
import { maxAppendBytes } from '../protocol/values.ts'
import {
  eventIdOf,
  expiredCloseCode,
  notText,
  parseFrame,
  serverError,
  sessionExpired,
  tooMuchAudio,
} from '../session/frame.ts'
import { wordsOf } from '../voice/speaker.ts'
import { changedTranslation, shownTranslation, type TranslationConfig, translationEvents } from './shape.ts'

/** Transcripts and sound come in steps of this (ms; D:realtime-translation). */
const stepMs = 200
/** 24 kHz, 16 bit, mono. */
const bytesPerMs = 48
const stepBytes = stepMs * bytesPerMs

const inputWords = wordsOf('This is what was said.')
const normalClose = 1000

/** One connection to a session. */
export interface TranslationWire {
  send(text: string): void
  close(code: number, reason: string): void
}

export interface TranslationOptions {
  readonly config: TranslationConfig
  readonly seed: number
  readonly lifetimeSec: number
  /** Of a call: plays translated speech (PCM16, 24 kHz, mono) on its track, instead of an event with it. */
  readonly play?: (sound: Buffer) => void
  /** The session is over. Called once. */
  readonly ended?: () => void
}

export class TranslationSession {
  readonly #wires = new Set<TranslationWire>()
  readonly #options: TranslationOptions
  readonly #ids: Ids
  readonly #id: string
  readonly #expiresAt: number
  readonly #lifetime: NodeJS.Timeout
  #config: TranslationConfig
  #heard: Buffer = Buffer.alloc(0)
  #steps = 0
  #state: 'open' | 'closed' = 'open'

  constructor(options: TranslationOptions) {
    const { config, seed, lifetimeSec } = options
    this.#options = options
    this.#config = config
    this.#ids = createIds(seed)
    this.#id = this.#ids.next('sess')
    this.#expiresAt = Math.floor(Date.now() / 1000) + lifetimeSec
    this.#lifetime = setTimeout(() => this.#expire(), lifetimeSec * 1000)
    this.#lifetime.unref()
  }

  /** A connection that hears all that is emitted from now on. */
  attach(wire: TranslationWire): void {
    if (this.#state === 'open') this.#wires.add(wire)
    else wire.close(normalClose, '')
  }

  detach(wire: TranslationWire): void {
    this.#wires.delete(wire)
  }

  /** Says `session.created`. */
  start(): void {
    this.#emit('session.created', { session: this.#shown() })
  }

  /** One text frame from a connection. What is wrong with it is answered with `error`, to that connection alone. */
  receive(text: string, from: TranslationWire): void {
    if (this.#state === 'closed') return
    const frame = parseFrame(text)
    try {
      if (frame instanceof Refusal) throw frame
      refuse(checkEvent(translationEvents, frame))
      this.#perform(frame as ClientEvent)
    } catch (problem) {
      this.#complain(problem instanceof Refusal ? problem : serverError(), eventIdOf(frame), [from])
    }
  }

  /** Answers a frame that is not text. */
  receiveBinary(from: TranslationWire): void {
    this.#complain(notText(), null, [from])
  }

  #perform({ type, session, audio }: ClientEvent): void {
    if (type === 'session.update') {
      this.#config = changedTranslation(this.#config, isFields(session) ? session : {})
      this.#emit('session.updated', { session: this.#shown() })
    } else if (type === 'session.close') {
      this.close()
    } else {
      const sound = Buffer.from(String(audio), 'base64')
      if (sound.length > maxAppendBytes) throw tooMuchAudio(sound.length)
      this.hear(sound)
    }
  }

  /** Translates speech (PCM16, 24 kHz, mono). */
  hear(audio: Buffer): void {
    if (this.#state === 'closed') return
    this.#heard = Buffer.concat([this.#heard, audio])
    while (this.#heard.length >= stepBytes) {
      this.#step(this.#heard.subarray(0, stepBytes))
      this.#heard = this.#heard.subarray(stepBytes)
    }
  }

  /** What is left is translated, too; then nothing more comes. Safe to call twice. */
  close(): void {
    if (this.#state === 'closed') return
    if (this.#heard.length > 0) this.#step(this.#heard)
    this.#emit('session.closed', {})
    this.#end(normalClose, '')
  }

  /** Ends it as the time limit does. */
  #expire(): void {
    const refusal = sessionExpired(this.#options.lifetimeSec)
    this.#complain(refusal, null, this.#wires)
    this.#end(expiredCloseCode, refusal.message)
  }

  #end(code: number, reason: string): void {
    this.#state = 'closed'
    clearTimeout(this.#lifetime)
    for (const wire of this.#wires) wire.close(code, reason)
    this.#wires.clear()
    this.#options.ended?.()
  }

  #step(sound: Buffer): void {
    const at = { elapsed_ms: this.#steps * stepMs }
    const outputWords = wordsOf(`A translation into ${this.#config.language} would be here.`)
    const word = (words: readonly string[]) => {
      const place = this.#steps % words.length
      // Deltas are put together as they come, without spaces of the client's.
      return place === 0 && this.#steps > 0 ? ` ${words[0]}` : (words[place] ?? '')
    }
    if (this.#config.transcription !== null)
      this.#emit('session.input_transcript.delta', { delta: word(inputWords), ...at })
    this.#emit('session.output_transcript.delta', { delta: word(outputWords), ...at })
    this.#steps += 1
    if (this.#options.play !== undefined) return this.#options.play(sound)
    const format = { format: 'pcm16', sample_rate: pcmRate, channels: 1 }
    this.#emit('session.output_audio.delta', { delta: sound.toString('base64'), ...format, ...at })
  }

  #shown(): Fields {
    return shownTranslation(this.#config, this.#id, this.#expiresAt)
  }

  #complain(
    { type, code, message, param }: Refusal,
    eventId: string | null,
    to: Iterable<TranslationWire>,
  ): void {
    const error = { type, code, message, param, event_id: eventId }
    this.#send({ type: 'error', event_id: this.#ids.next('event'), error }, to)
  }

  #emit(type: string, fields: Fields): void {
    this.#send({ type, event_id: this.#ids.next('event'), ...fields }, this.#wires)
  }

  #send(event: Fields, to: Iterable<TranslationWire>): void {
    const text = JSON.stringify(event)
    for (const wire of to) wire.send(text)
  }
}
