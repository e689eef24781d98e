/** Keeps the state of the conversation up to date, from what the parts of the page tell. */
import { say } from '../language/language.ts'
import type { SpeechMode } from '../sound/speech-mode.ts'
import type { Turn } from './talk-parts.ts'
import { restingStatus, type TalkStatus, talkState, type VoiceState } from './talk-status.ts'

/** An answer that has not begun after this is told to be late (ms). */
const slowAfterMs = 4000

/** The one state of the conversation. */
export class TalkStatusView {
  readonly #show: (state: VoiceState, words: string) => void
  #status = restingStatus
  #slow = 0

  /** @param show called with the state when something changed */
  constructor(show: (state: VoiceState, words: string) => void) {
    this.#show = show
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

  /** @param turn whose turn it is; an answer that is asked for is waited for from now on */
  turn(turn: Turn): void {
    clearTimeout(this.#slow)
    if (turn === 'asked') this.#slow = window.setTimeout(() => this.#change({ isSlow: true }), slowAfterMs)
    this.#change({ turn, isSlow: false, tool: turn === 'asked' ? this.#status.tool : '' })
  }

  /** @param tool its name; '' when none runs any more */
  tool(tool: string): void {
    this.#change({ tool })
  }

  playing(isPlaying: boolean): void {
    if (isPlaying !== this.#status.isPlaying) this.#change({ isPlaying })
  }

  #change(change: Partial<TalkStatus>): void {
    this.#status = { ...this.#status, ...change }
    const [state, words] = talkState(this.#status)
    this.#show(state, say(words, { tool: this.#status.tool }))
  }
}
