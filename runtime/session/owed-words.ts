/**
 * What upstream has written down of a person's speech and not said the price of. It tells a turn's price when all of the
 * turn is written down; words come before that, and with live models while the person speaks. So whoever left in between
 * would have had them for nothing.
 *
 * | a turn               | its words came | the session, or the turn, ends                      |
 * |----------------------|----------------|-----------------------------------------------------|
 * | is being spoken      | yes            | its sound is counted, which upstream will not price |
 * | is committed         | yes            | its price is owed: upstream is heard out            |
 * | either               | no             | nothing was had                                     |
 */
import { textField } from '../events/type.ts'
import { transcriptionCompleted } from './response-state.ts'

const prefix = 'conversation.item.input_audio_transcription'

/** What an event says of a turn, by its type. */
const changes: ReadonlyMap<string, 'words' | 'commit' | 'clear' | 'priced'> = new Map([
  [`${prefix}.delta`, 'words'],
  ['input_audio_buffer.committed', 'commit'],
  ['input_audio_buffer.cleared', 'clear'],
  [transcriptionCompleted, 'priced'],
  [`${prefix}.failed`, 'priced'],
])

/** The events that `noteEvent` reads. */
export const wordEvents: readonly string[] = [...changes.keys()]

/** Turns that are known at once; the oldest is forgotten. */
const maxTurns = 64

interface Turn {
  isCommitted: boolean
  hasWords: boolean
  /** That wrote it down: a session may change to another one before the price is told. */
  readonly model: string
}

/** Sound that nobody will tell the price of. */
export interface UnpricedSound {
  /** As it was sent, in base64 (bytes); 0 where there is none. */
  readonly bytes: number
  readonly model: string
}

/** What stands around the sound in a message (bytes). */
const envelopeBytes = '{"type":"input_audio_buffer.append","audio":""}'.length

const silence: UnpricedSound = { bytes: 0, model: '' }

export class OwedWords {
  readonly #writesAll: boolean
  readonly #turns = new Map<string, Turn>()
  /** Sound of the turn that is being spoken. */
  #sound = 0
  /** Sound of turns whose end the client has asked for, until upstream confirms it. */
  #ending: number[] = []

  /** @param writesAll every turn is written down, as in transcription sessions: one that is committed is owed */
  constructor(writesAll: boolean) {
    this.#writesAll = writesAll
  }

  /** Whether the price of a turn is still to come. */
  get isOwed(): boolean {
    return [...this.#turns.values()].some(turn => turn.isCommitted && (turn.hasWords || this.#writesAll))
  }

  /** A message goes to upstream. @param bytes of the message */
  noteMessage(type: string | null, bytes: number): void {
    if (type === 'input_audio_buffer.append') this.#sound += Math.max(0, bytes - envelopeBytes)
    else if (type === 'input_audio_buffer.commit' || type === 'input_audio_buffer.clear') this.#endTurn()
  }

  /**
   * Takes in one of `wordEvents`.
   * @param model that writes down what is said now
   * @returns what is to be counted, and the model of the turn that is priced
   */
  noteEvent(frame: Buffer, type: string, model: string): { unpriced: UnpricedSound; priced: string | null } {
    const change = changes.get(type)
    if (change === 'clear') return { unpriced: this.#clear(), priced: null }
    const id = textField(frame, 'item_id')
    if (id === null || change === undefined) return { unpriced: silence, priced: null }
    const turn = this.#turns.get(id) ?? { isCommitted: false, hasWords: false, model }
    if (change === 'priced') {
      this.#turns.delete(id)
      return { unpriced: silence, priced: turn.model }
    }
    if (change === 'words') turn.hasWords = true
    else {
      turn.isCommitted = true
      this.#ending.shift()
    }
    this.#turns.set(id, turn)
    const [oldest] = this.#turns.keys()
    if (this.#turns.size > maxTurns && oldest !== undefined) this.#turns.delete(oldest)
    return { unpriced: silence, priced: null }
  }

  /** Upstream is gone, or is not heard any more: forgets all. @returns what was being spoken */
  drop(): UnpricedSound {
    const spoken = this.#forgetSpoken()
    const bytes = this.#sound + this.#ending.reduce((sum, each) => sum + each, 0)
    this.#sound = 0
    this.#ending = []
    return spoken === null ? silence : { bytes, model: spoken.model }
  }

  #endTurn(): void {
    this.#ending.push(this.#sound)
    this.#sound = 0
    if (this.#ending.length <= maxTurns) return
    // Upstream confirms none: what they had stays in the sum.
    const [first = 0, second = 0, ...rest] = this.#ending
    this.#ending = [first + second, ...rest]
  }

  #clear(): UnpricedSound {
    const bytes = this.#ending.shift() ?? 0
    const spoken = this.#forgetSpoken()
    return spoken === null ? silence : { bytes, model: spoken.model }
  }

  /** @returns the turn whose words came while it was spoken; null where there is none */
  #forgetSpoken(): Turn | null {
    let spoken: Turn | null = null
    for (const [id, turn] of this.#turns) {
      if (turn.isCommitted) continue
      this.#turns.delete(id)
      if (turn.hasWords) spoken = turn
    }
    return spoken
  }
}
