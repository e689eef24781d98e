/** The input audio buffer: what the user has sent and not committed, and where speech begins and ends in it. */
import { pcmRate } from '../../core/contract.ts'
import { type AudioFormat, Refusal } from '../protocol/types.ts'
import { bytesPerMs, decodeAudio, sampleBytes } from '../voice/formats.ts'
import { g711Rate } from '../voice/g711.ts'
import type { Context } from './context.ts'
import { SoundBuffer } from './sound-buffer.ts'
import { Detector, type SpeechChange } from './vad.ts'

const minCommitMs = 100
/** Kept while nobody speaks: the audio that prefix padding may reach back to. */
const keptSilenceMs = 2000
const maxBufferMs = 10 * 60 * 1000
const noBytes = Buffer.alloc(0)

/** How far over its limit the buffer may grow before it is trimmed: trimming copies. */
const slack = 1.5

export interface InputListener {
  speechStarted(): void
  /** Audio has become an item. `byVoice`: turn detection did it. */
  committed(itemId: string, audio: Buffer, byVoice: boolean): void
}

/** Keeps at most about ten minutes; the oldest audio goes first. */
export class Input {
  readonly #context: Context
  readonly #listener: InputListener
  #format: AudioFormat
  #buffer: SoundBuffer
  #detector: Detector | null = null
  #settings = ''
  /** The first byte of a sample that came in two appends. */
  #half = noBytes
  #speech: { itemId: string; startMs: number } | null = null

  constructor(context: Context, listener: InputListener) {
    this.#context = context
    this.#listener = listener
    this.#format = context.config.audio.input.format
    this.#buffer = new SoundBuffer(bytesPerMs(this.#format), 0)
    this.configure()
  }

  /** All audio heard in the session (ms). */
  get heardMs(): number {
    return this.#buffer.toMs
  }

  get speaking(): boolean {
    return this.#speech !== null
  }

  append(appended: Buffer): void {
    const bytes = this.#whole(appended)
    this.#buffer.append(bytes)
    if (this.#detector === null) return this.#bound(maxBufferMs)
    for (const change of this.#detector.hear(decodeAudio(bytes, this.#format))) this.#onChange(change)
    this.#bound(this.speaking ? maxBufferMs : keptSilenceMs)
  }

  /** Gives the samples that are complete now; half of one waits for its other half. */
  #whole(appended: Buffer): Buffer {
    const bytes = this.#half.length === 0 ? appended : Buffer.concat([this.#half, appended])
    const whole = bytes.length - (bytes.length % sampleBytes(this.#format))
    this.#half = Buffer.from(bytes.subarray(whole))
    return bytes.subarray(0, whole)
  }

  /**
   * @param given the id that the item has been announced by already
   * @throws Refusal `input_audio_buffer_commit_empty` below 100 ms.
   */
  commit(given: string | null = null): void {
    if (this.#buffer.lengthMs < minCommitMs) throw tooShort(this.#buffer.lengthMs)
    const itemId = this.#speech?.itemId ?? given ?? this.#context.ids.next('item')
    this.#forgetSpeech()
    this.#commitAs(itemId, this.#take(this.#buffer.fromMs, this.#buffer.toMs), false)
  }

  clear(): void {
    this.#buffer.dropBefore(this.#buffer.toMs)
    this.#forgetSpeech()
    this.#context.emit({ type: 'input_audio_buffer.cleared' })
  }

  /** Takes up changed settings. */
  configure(): void {
    const { turn_detection: turns, format } = this.#context.config.audio.input
    const settings = JSON.stringify([turns, format])
    if (settings === this.#settings) return
    this.#settings = settings
    if (format.type !== this.#format.type) this.#buffer = new SoundBuffer(bytesPerMs(format), this.heardMs)
    this.#format = format
    this.#half = noBytes
    const rate = format.type === 'audio/pcm' ? pcmRate : g711Rate
    this.#detector = turns === null ? null : new Detector(turns, rate, this.heardMs, this.speaking)
  }

  #onChange({ kind, atMs }: SpeechChange): void {
    const { emit, ids } = this.#context
    if (kind === 'started') {
      this.#speech = { itemId: ids.next('item'), startMs: atMs }
      const { itemId } = this.#speech
      emit({ type: 'input_audio_buffer.speech_started', audio_start_ms: atMs, item_id: itemId })
      this.#listener.speechStarted()
    } else if (this.#speech !== null) {
      const { itemId, startMs } = this.#speech
      this.#speech = null
      emit({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: atMs, item_id: itemId })
      this.#commitAs(itemId, this.#take(startMs, atMs), true)
    }
  }

  #commitAs(itemId: string, audio: Buffer, byVoice: boolean): void {
    const previous = this.#context.conversation.lastId()
    this.#context.emit({ type: 'input_audio_buffer.committed', previous_item_id: previous, item_id: itemId })
    this.#listener.committed(itemId, audio, byVoice)
  }

  #take(fromMs: number, toMs: number): Buffer {
    const audio = this.#buffer.cut(fromMs, toMs)
    this.#buffer.dropBefore(toMs)
    return audio
  }

  #forgetSpeech(): void {
    this.#speech = null
    this.#half = noBytes
    this.#detector?.reset()
  }

  #bound(keepMs: number): void {
    if (this.#buffer.lengthMs > keepMs * slack) this.#buffer.dropBefore(this.#buffer.toMs - keepMs)
  }
}

function tooShort(ms: number): Refusal {
  return new Refusal({
    code: 'input_audio_buffer_commit_empty',
    message: `Error committing input audio buffer: buffer too small. Expected at least ${minCommitMs}ms of audio, but buffer only has ${ms.toFixed(2)}ms of audio.`,
  })
}
