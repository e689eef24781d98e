/** The sounds of a call: what the person says and what the model says, as pictures, and on the loudspeaker. */
import { part } from '../page/page.ts'
import { showLevel } from '../sound/meter.ts'
import { levelOf, Waveform } from '../sound/waveform.ts'

const lookMs = 150
const audible = 0.01

/** Loudspeaker, waveform and meter. */
export class Ears {
  readonly #speaker = new Audio()
  readonly #meter = part('#microphone-level', HTMLMeterElement)
  readonly #wave = new Waveform(part('#heard', HTMLCanvasElement), () => this.#heard)
  readonly #spokenWave = new Waveform(part('#spoken', HTMLCanvasElement), () => this.#spoken)
  readonly #onSound: (direction: 'in' | 'out') => void
  #context: AudioContext | undefined
  #heard: AnalyserNode | undefined
  #spoken: AnalyserNode | undefined
  #stopMeter = () => {}
  #timer = 0

  /** @param onSound called again and again while there is sound */
  constructor(onSound: (direction: 'in' | 'out') => void) {
    this.#onSound = onSound
  }

  /** Plays the model's sound. */
  hear(stream: MediaStream): void {
    this.#speaker.srcObject = stream
    this.#speaker.play().catch(() => {})
    this.#heard = this.#analyse(stream)
    this.#wave.run(true)
    clearInterval(this.#timer)
    this.#timer = window.setInterval(() => this.#look(), lookMs)
  }

  /** @param stream the microphone; undefined while it is off */
  speak(stream: MediaStream | undefined): void {
    this.#stopMeter()
    this.#spoken = stream && this.#analyse(stream)
    this.#spokenWave.run(stream !== undefined)
    this.#stopMeter = this.#spoken ? showLevel(this.#meter, this.#spoken) : () => {}
  }

  /** The call is over. */
  close(): void {
    this.speak(undefined)
    clearInterval(this.#timer)
    this.#wave.run(false)
    this.#speaker.srcObject = null
    this.#heard = undefined
    this.#context?.close().catch(() => {})
    this.#context = undefined
  }

  #analyse(stream: MediaStream): AnalyserNode {
    this.#context ??= new AudioContext()
    this.#context.resume().catch(() => {})
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 })
    new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream }).connect(analyser)
    return analyser
  }

  #look(): void {
    if (levelOf(this.#heard) > audible) this.#onSound('in')
    if (levelOf(this.#spoken) > audible) this.#onSound('out')
  }
}
