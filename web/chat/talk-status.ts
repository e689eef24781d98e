/** Whose turn it is, in words: the server's own while nobody talks, the talk's while the microphone is in use. */
import type { SpeechMode } from '../sound/speech-mode.ts'
import type { Turn } from './talk-parts.ts'

/** What there is to know while the microphone is in use. */
export interface TalkStatus {
  mode: SpeechMode
  /** The microphone is there. */
  isOn: boolean
  isConnected: boolean
  /** The server hears the person speak. */
  isHeard: boolean
  turn: Turn
  /** An answer sounds. */
  isPlaying: boolean
}

/** Says whose turn it is; empty while the microphone is off. */
export function talkWords({ mode, isOn, isConnected, isHeard, turn, isPlaying }: TalkStatus): string {
  if (mode === 'off') return ''
  if (!isOn) return 'Opening the microphone'
  if (mode === 'held') return 'You are speaking; let go to send'
  if (isHeard) return 'You are speaking'
  if (!isConnected) return 'Waiting for the connection'
  if (turn === 'asked') return 'Thinking'
  return turn === 'answering' || isPlaying ? 'Answering; talk to interrupt' : 'Listening'
}

/** Puts the words together from what the parts of the page tell. */
export class TalkStatusView {
  readonly #show: (words: string) => void
  #server = ''
  #status: TalkStatus = {
    mode: 'off',
    isOn: false,
    isConnected: false,
    isHeard: false,
    turn: 'idle',
    isPlaying: false,
  }

  /** @param show called with the words when something changed */
  constructor(show: (words: string) => void) {
    this.#show = show
  }

  /** @param message '' while there is no session with the model */
  server(message: string): void {
    this.#server = message
    this.#change({})
  }

  mode(mode: SpeechMode, isOn: boolean): void {
    this.#change({ mode, isOn, isHeard: this.#status.isHeard && mode === 'open' })
  }

  connected(isConnected: boolean): void {
    this.#change({ isConnected })
  }

  heard(isHeard: boolean): void {
    this.#change({ isHeard })
  }

  turn(turn: Turn): void {
    this.#change({ turn })
  }

  playing(isPlaying: boolean): void {
    if (isPlaying !== this.#status.isPlaying) this.#change({ isPlaying })
  }

  #change(change: Partial<TalkStatus>): void {
    this.#status = { ...this.#status, ...change }
    const rest = this.#status.isConnected ? 'Ready when you are' : 'Not connected'
    this.#show(talkWords(this.#status) || this.#server || rest)
  }
}
