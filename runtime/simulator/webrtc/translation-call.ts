/** One call that translates: speech comes and goes on the audio tracks, events on the data channel. */
import type { RTCDataChannel } from 'werift'
import { asBuffer } from '../../core/bytes.ts'
import { pcmRate } from '../../core/contract.ts'
import type { Cancel } from '../clock.ts'
import type { SimulatorState } from '../state.ts'
import { TranslationSession, type TranslationWire } from '../translation/session.ts'
import type { TranslationConfig } from '../translation/shape.ts'
import { decodeAudio } from '../voice/formats.ts'
import { type FrameSource, streamAudio } from './audio-stream.ts'
import { connectTimeoutMs } from './call.ts'
import { type Codec, createCodec, frameSamples } from './codec.ts'
import { Peer } from './peer.ts'

/** After `session.closed` the browser has this long to read it and to leave (ms). */
const farewellMs = 1000

/** Speech that waits longer to be played is dropped (samples): it comes at the pace at which it is played. */
const maxQueuedSamples = 5 * pcmRate

const pcm = { type: 'audio/pcm', rate: pcmRate } as const

export interface TranslationCallOptions {
  readonly callId: string
  readonly config: TranslationConfig
  /** SDP. */
  readonly offer: string
}

/**
 * Takes a call.
 *
 * @returns the SDP answer; null when the offer cannot be answered
 */
export function takeTranslationCall(
  simulator: SimulatorState,
  options: TranslationCallOptions,
): Promise<string | null> {
  return new TranslationCall(simulator, options).answer()
}

class TranslationCall {
  readonly #simulator: SimulatorState
  readonly #options: TranslationCallOptions
  readonly #session: TranslationSession
  readonly #speech = new SpeechQueue()
  readonly #peer: Peer
  readonly #impatience: NodeJS.Timeout
  #codec: Codec | null = null
  #stopAudio: Cancel = () => {}

  constructor(simulator: SimulatorState, options: TranslationCallOptions) {
    this.#simulator = simulator
    this.#options = options
    this.#session = new TranslationSession({
      config: options.config,
      ...simulator.translationTraits(),
      play: sound => this.#speech.add(sound),
      ended: () => this.#end(),
    })
    this.#peer = new Peer({
      connected: () => this.#connected(),
      channel: channel => this.#joined(channel),
      audio: payload => this.#heard(payload),
      gone: () => {
        this.#session.close()
        this.#release()
      },
    })
    this.#impatience = setTimeout(() => this.#session.close(), connectTimeoutMs)
    this.#impatience.unref()
  }

  async answer(): Promise<string | null> {
    const answer = await this.#peer.answer(this.#options.offer)
    if (answer === null) {
      this.#session.close()
      this.#peer.close()
      return null
    }
    const { codec } = this.#peer
    if (codec !== null) this.#codec = createCodec(codec)
    this.#simulator.translationCalls.set(this.#options.callId, this.#session)
    return answer
  }

  #connected(): void {
    clearTimeout(this.#impatience)
    if (this.#codec !== null)
      this.#stopAudio = streamAudio(this.#simulator.clock, this.#peer, this.#codec, this.#speech)
  }

  #joined(channel: RTCDataChannel): void {
    const wire: TranslationWire = {
      send: text => {
        if (channel.readyState === 'open') channel.send(text)
      },
      // The channel goes with the call, so that what was sent last is read.
      close: () => {},
    }
    this.#session.attach(wire)
    channel.onMessage.subscribe(message => {
      if (typeof message === 'string') this.#session.receive(message, wire)
      else this.#session.receiveBinary(wire)
    })
    if (channel.readyState === 'open') this.#session.start()
    else channel.stateChanged.once(state => (state === 'open' ? this.#session.start() : undefined))
  }

  #heard(payload: Buffer): void {
    const samples = this.#codec?.decode(payload)
    if (samples !== undefined && samples.length > 0) this.#session.hear(asBuffer(samples))
  }

  /** Nobody can join or end the call any more; the browser still reads what was said last. */
  #end(): void {
    this.#simulator.translationCalls.delete(this.#options.callId)
    clearTimeout(this.#impatience)
    setTimeout(() => this.#release(), farewellMs).unref()
  }

  /** Safe to call twice. */
  #release(): void {
    this.#stopAudio()
    this.#peer.close()
    this.#codec?.release()
    this.#codec = null
  }
}

/** Translated speech until it is played. */
class SpeechQueue implements FrameSource {
  #samples = new Int16Array(0)

  /** @param sound PCM16, 24 kHz, mono */
  add(sound: Buffer): void {
    const added = decodeAudio(sound, pcm)
    const joined = new Int16Array(this.#samples.length + added.length)
    joined.set(this.#samples)
    joined.set(added, this.#samples.length)
    this.#samples = joined.subarray(-maxQueuedSamples)
  }

  nextFrame(): Int16Array {
    const frame = new Int16Array(frameSamples)
    frame.set(this.#samples.subarray(0, frameSamples))
    this.#samples = this.#samples.subarray(frameSamples)
    return frame
  }
}
