/** What a `/chat` client says by voice: its audio on the way to upstream, and what upstream hears in it. */
import { pcmBytesPerMs } from '../core/contract.ts'
import type { Dialect } from '../core/ports.ts'
import type { ChatMessage, TalkMode } from '../core/wire.ts'
import { type Hearing, hearingUpdate } from '../dialect/dialect.ts'
import { base64Field, decodedBytes } from '../events/base64.ts'
import { audioAppend, audioClear, base64Append } from '../events/compose.ts'
import { parseFields } from '../events/fields.ts'
import type { Answer } from './answer.ts'
import { noAudio, type Refusal, tooMuchAudio, tooShort } from './chat-errors.ts'

/** The longest audio of one message (characters of base64): about 16 s. */
const maxAudioChars = 1024 * 1024
/** The API commits no less (ms). */
const minTurnMs = 100
/** What upstream needs, beyond the silence that ends a turn, to hear that it has ended (ms). */
const tailMarginMs = 500
/** The longest silence that ends a turn where the settings do not say it (ms): the API's documented default. */
const usualSilenceMs = 500

/**
 * - silent: no turn is being spoken
 * - speaking: `push`: audio of a turn has gone to upstream; `open`: upstream hears somebody speak
 * - refused: audio is passed over until the client ends it or begins anew; it has been told why
 */
type SpeechState = 'silent' | 'speaking' | 'refused'

export interface SpeechParts {
  /** How upstream listens to an open microphone; in `push` it leaves the turns to the client. */
  readonly hearing: Hearing
  readonly dialect: Dialect
  readonly answer: Pick<Answer, 'ask' | 'interrupt' | 'overheard'>
  /** Whether upstream has a session that must be told of changes. */
  isThere(): boolean
  /** Why nothing can be said now; null when it can. */
  refusal(): Refusal | null
  /** Audio is on its way to upstream: it is dialled where there is none. */
  onAudio(): void
  /** A spoken turn is over: it is committed, and is to be answered. */
  onTurn(): void
  tell(message: ChatMessage): void
  /** Sends an event to upstream. */
  send(message: string | Uint8Array, type: string): void
}

export class Speech {
  readonly #parts: SpeechParts
  #state: SpeechState = 'silent'
  #mode: TalkMode = 'push'
  /** The client has begun to talk: those who only type cost no transcription. */
  #talks = false
  /** Audio that upstream holds and that is no turn yet, as far as the gateway knows (bytes). */
  #bytes = 0

  constructor(parts: SpeechParts) {
    this.#parts = parts
  }

  /** How upstream is to listen from the start of a session; empty while nobody talks. */
  get hearing(): Partial<Hearing> {
    const { hearing } = this.#parts
    if (!this.#talks) return {}
    return this.#mode === 'open' ? hearing : { ...hearing, turnDetection: null }
  }

  /** Whether a turn has begun that only the client can end: a drain waits for it. */
  get isHeld(): boolean {
    return this.#mode === 'push' && this.#state === 'speaking'
  }

  /** The client says who ends turns, and begins anew. */
  begin(mode: TalkMode): void {
    this.#clear()
    this.#state = 'silent'
    const refusal = this.#parts.refusal()
    if (refusal !== null) this.#refuse(refusal)
    else this.#listen(mode)
  }

  /** @param frame an `audio` message of the client's; its base64 is checked, and goes on without being decoded */
  audio(frame: Uint8Array): void {
    const base64 = base64Field(frame, 'value')
    if (base64 === null || base64.length === 0) return this.#tellError(noAudio)
    if (base64.length > maxAudioChars) return this.#tellError(tooMuchAudio(base64.length, maxAudioChars))
    if (!this.#accepts()) return
    this.#bytes += decodedBytes(base64)
    this.#parts.send(base64Append(base64), 'input_audio_buffer.append')
  }

  /** No more audio comes. */
  end(): void {
    if (this.#state === 'refused') this.#state = 'silent'
    else if (this.#mode === 'push') this.#complete()
    else if (this.#bytes > 0) this.#fallSilent()
  }

  /**
   * Upstream is gone, with the audio that was no turn yet.
   * @param renewed another session takes over: what an open microphone hears goes there
   * @returns whether the client has to say something again
   */
  lost(renewed: boolean): boolean {
    const isLost = this.#mode === 'push' ? this.#state === 'speaking' : this.#bytes > 0 && !renewed
    this.#bytes = 0
    if (isLost) this.#state = 'refused'
    else if (this.#state === 'speaking') this.#state = 'silent'
    return isLost
  }

  /** One event from upstream, the same in both dialects. */
  event(frame: Buffer, type: string | null): void {
    switch (type) {
      case 'input_audio_buffer.speech_started':
        this.#state = 'speaking'
        this.#parts.tell({ type: 'speech-started' })
        return this.#parts.answer.overheard()
      case 'input_audio_buffer.speech_stopped':
        this.#state = 'silent'
        return this.#parts.tell({ type: 'speech-stopped' })
      case 'input_audio_buffer.committed':
        // The client waits for words that nobody writes.
        if (this.#parts.hearing.transcription === undefined) this.#parts.tell({ type: 'heard', value: '' })
        return
      case 'conversation.item.input_audio_transcription.completed':
      case 'conversation.item.input_audio_transcription.failed': {
        const { transcript } = parseFields(frame) ?? {}
        return this.#parts.tell({ type: 'heard', value: typeof transcript === 'string' ? transcript : '' })
      }
    }
  }

  #accepts(): boolean {
    if (this.#state !== 'silent') return this.#state === 'speaking'
    const refusal = this.#parts.refusal()
    if (refusal !== null) {
      this.#refuse(refusal)
      return false
    }
    this.#listen(this.#mode)
    this.#parts.onAudio()
    if (this.#mode === 'push') {
      this.#parts.answer.interrupt(undefined)
      this.#state = 'speaking'
    }
    return true
  }

  #listen(mode: TalkMode): void {
    if (this.#talks && this.#mode === mode) return
    this.#talks = true
    this.#mode = mode
    const { hearing, dialect, isThere, send } = this.#parts
    if (isThere()) send(hearingUpdate({ ...hearing, ...this.hearing }, dialect), 'session.update')
  }

  #complete(): void {
    if (this.#bytes < minTurnMs * pcmBytesPerMs) {
      this.#clear()
      this.#state = 'silent'
      return this.#tellError(tooShort(minTurnMs))
    }
    this.#state = 'silent'
    this.#bytes = 0
    this.#parts.onTurn()
  }

  /** Upstream hears the end of a turn by the silence behind it, which a closed microphone does not give. */
  #fallSilent(): void {
    const silenceMs = this.#parts.hearing.turnDetection?.silence_duration_ms ?? usualSilenceMs
    this.#bytes = 0
    const tail = Buffer.alloc((silenceMs + tailMarginMs) * pcmBytesPerMs)
    this.#parts.send(audioAppend(tail), 'input_audio_buffer.append')
  }

  #clear(): void {
    if (this.#bytes > 0) this.#parts.send(audioClear, 'input_audio_buffer.clear')
    this.#bytes = 0
  }

  #refuse(error: Refusal): void {
    this.#state = 'refused'
    this.#tellError(error)
  }

  #tellError(refusal: Refusal): void {
    this.#parts.tell({ type: 'error', ...refusal })
  }
}
