/** The person's voice on its way to the server: by an open microphone, or by a button that is held for one turn. */
import type { ChatRequest } from '../../runtime/core/wire.ts'
import { say } from '../language/language.ts'
import { encodePcm16 } from '../sound/pcm.ts'
import { SpeechInput, type SpeechInputListeners, shortestTurnMs } from '../sound/speech-input.ts'
import type { SpeechMode } from '../sound/speech-mode.ts'

/** Sound of an open microphone that waits for the next connection: the newest 5 s, in chunks of 40 ms. */
export const maxWaiting = 125

export interface SpeechParts extends Pick<SpeechInputListeners, 'onMode'> {
  /** @returns false where no socket can take it */
  send(request: ChatRequest): boolean
  /** Whether a new turn may be sent now. */
  ready(): boolean
  /** The button was pressed: an answer that is spoken ends. */
  onHold(): void
  /** A held turn has gone out whole, and will be answered. */
  onTurn(): void
  /** @param words what went wrong, and what to do; '' where nothing does any more */
  onFault(words: string): void
}

/** What the person says. A turn belongs to the connection that it was begun on. */
export class Speech {
  readonly #parts: SpeechParts
  readonly #input: SpeechInput
  readonly #waiting: string[] = []
  /** The server hears the person speak: that turn goes to its end even where no new one may begin. */
  #isHeard = false

  constructor(parts: SpeechParts) {
    this.#parts = parts
    this.#input = new SpeechInput({
      onMode: parts.onMode,
      onFault: parts.onFault,
      onBegin: mode => this.#begin(mode),
      onSamples: samples => this.#say(encodePcm16(samples)),
      onEnd: (mode, spokenMs) => this.#end(mode, spokenMs),
    })
  }

  get mode(): SpeechMode {
    return this.#input.mode
  }

  /** Opens the microphone; the server hears where a turn ends. */
  open(): void {
    this.#parts.onFault('')
    void this.#input.begin('open')
  }

  /** Opens the microphone for one turn. */
  hold(): void {
    this.#parts.onFault('')
    if (!this.#parts.ready())
      return this.#parts.onFault(say('There is no connection just now. Hold the button when it is back.'))
    this.#parts.onHold()
    void this.#input.begin('held')
  }

  /** Closes the microphone; a held turn is complete. */
  close(): void {
    this.#input.end()
  }

  /** Takes back a turn that is being held. @returns whether there was one */
  discard(): boolean {
    if (this.mode !== 'held') return false
    this.#input.cancel()
    this.#parts.send({ type: 'talk', mode: 'push' })
    return true
  }

  /** The server takes no sound any more, and has said why. */
  fail(): void {
    this.#isHeard = false
    this.#input.cancel()
  }

  /** The server heard the person begin or end. */
  heard(isSpeaking: boolean): void {
    this.#isHeard = isSpeaking
  }

  /** Another connection is there: an open microphone goes on over it. */
  lineOnOpen(): void {
    const chunks = this.#waiting.splice(0)
    if (this.mode !== 'open') return
    this.#parts.send({ type: 'talk', mode: 'open' })
    for (const value of chunks) this.#parts.send({ type: 'audio', value })
  }

  /** The connection went. */
  lineOnLost(): void {
    this.#isHeard = false
    if (this.mode !== 'held') return
    this.#input.cancel()
    this.#parts.onFault(say('The connection went while you spoke. Say it again when it is back.'))
  }

  #begin(mode: 'open' | 'held'): void {
    this.#waiting.length = 0
    this.#parts.send({ type: 'talk', mode: mode === 'held' ? 'push' : 'open' })
  }

  #say(value: string): void {
    const goesOut = this.mode === 'held' || this.#isHeard || this.#parts.ready()
    if (goesOut && this.#parts.send({ type: 'audio', value })) return
    this.#waiting.push(value)
    if (this.#waiting.length > maxWaiting) this.#waiting.shift()
  }

  #end(mode: 'open' | 'held', spokenMs: number): void {
    this.#waiting.length = 0
    this.#isHeard = false
    if (mode === 'open') this.#parts.send({ type: 'audio-end' })
    else if (spokenMs >= shortestTurnMs) {
      if (this.#parts.send({ type: 'audio-end' })) this.#parts.onTurn()
    } else {
      this.#parts.send({ type: 'talk', mode: 'push' })
      this.#parts.onFault(say('That was too short. Hold the button while you speak.'))
    }
  }
}
