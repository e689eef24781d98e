/** Whether an answer is owed: what a drain waits for before it ends a session. */

/** Ends an answer: `response.done`, and the name that some dialects of it use. */
export function endsResponse(type: string | null): boolean {
  return type === 'response.done' || type === 'response.completed'
}

/**
 * Follows a session's responses by event types alone; several may run at once (out of band).
 * An `error` does not clear what was asked: it may concern something else, and an answer that is
 * waited for in vain costs a deadline, while one that is given up on is lost.
 */
export class Turn {
  #asked = false
  #running = 0
  /** Upstream answers speech by itself, right after the item that it made of it. */
  #speech: Speech = 'silent'

  /** True from a `response.create`, or from the first sound of speech, to the last `response.done`. */
  get answerDue(): boolean {
    return this.#asked || this.#running > 0 || this.#speech !== 'silent'
  }

  /** True while a response runs that upstream itself has announced. */
  get answering(): boolean {
    return this.#running > 0
  }

  /** A message went to upstream. @param type its event type, null when it has none */
  noteMessage(type: string | null): void {
    if (type === 'response.create') this.#asked = true
  }

  /** An event came from upstream. @param type its event type, null when it has none */
  noteEvent(type: string | null): void {
    if (type === null) return
    if (type === 'response.created') {
      this.#asked = false
      this.#running += 1
    } else if (endsResponse(type)) {
      this.#running = Math.max(0, this.#running - 1)
    }
    this.#speech = speechAfter(type, this.#speech)
  }

  /** Forgets everything: the upstream session is gone. */
  reset(): void {
    this.#asked = false
    this.#running = 0
    this.#speech = 'silent'
  }
}

type Speech = 'silent' | 'speaking' | 'committed'

function speechAfter(type: string, before: Speech): Speech {
  switch (type) {
    case 'input_audio_buffer.speech_started':
      return 'speaking'
    case 'input_audio_buffer.cleared':
    case 'response.created':
      return 'silent'
    case 'input_audio_buffer.committed':
      // Committed by hand, an answer comes only when it is asked for.
      return before === 'speaking' ? 'committed' : before
    default:
      return before
  }
}
