/**
 * The answer of a `/chat` session as its client sees it: asked for, streamed, interrupted, asked for again.
 * Whether one is pending the session's response state knows.
 */
import { pcmBytesPerMs } from '../core/contract.ts'
import type { ChatMessage } from '../core/wire.ts'
import { base64Field, decodedBytes } from '../events/base64.ts'
import { audioChunk, responseCreate, truncateItem } from '../events/compose.ts'
import { gaName } from '../events/event-names.ts'
import { type Fields, isFields, parseFields, textOr } from '../events/fields.ts'
import { textField } from '../events/type.ts'
import type { ResponseState } from '../session/response-state.ts'
import type { Acknowledgement } from '../session/sent-messages.ts'
import { badAudio } from './chat-errors.ts'

/**
 * - idle: nothing is owed
 * - asked: a response was asked for and has not begun
 * - answering: a response streams
 * - cancelling: the response was interrupted; what still comes of it is not shown
 */
type AnswerState = 'idle' | 'asked' | 'answering' | 'cancelling'

export interface AnswerParts {
  /** Of the session. */
  readonly responses: ResponseState
  tell(message: ChatMessage): void
  /** Sends a ready-made message to the client. */
  deliver(message: Uint8Array): void
  /** Sends an event to upstream. */
  send(message: string, type: string): void
}

/** The audio that an interruption would cut: of the last answer that had any. */
interface SpokenItem {
  readonly id: string
  bytes: number
}

export class Answer {
  readonly #parts: AnswerParts
  #state: AnswerState = 'idle'
  /** The interrupted response had begun, so its end is on its way; otherwise it is cancelled when it begins. */
  #isCancelled = false
  #spoken: SpokenItem | null = null
  /** The client was told that audio of this answer was left out. */
  #hasBadAudio = false

  constructor(parts: AnswerParts) {
    this.#parts = parts
  }

  /** Asks for an answer; after the interrupted one if there is one, as only one can run at a time. */
  ask(): void {
    if (this.#state === 'cancelling') return this.#parts.responses.want()
    this.#state = 'asked'
    this.#parts.send(responseCreate, 'response.create')
  }

  /**
   * Interrupts the answer: cancels what is being made, cuts what was made to what was heard.
   * @param playedMs how much of the audio was heard (ms); undefined leaves the audio whole
   */
  interrupt(playedMs: number | undefined): void {
    if (this.#state === 'answering') this.#cancel()
    if (this.#state === 'asked' || this.#state === 'answering') this.#breakOff()
    this.#parts.responses.cancel()
    if (playedMs !== undefined) this.cut(playedMs)
  }

  /** Upstream heard the person speak, and cancels the answer by itself. */
  overheard(): void {
    if (this.#state === 'answering') this.#breakOff()
  }

  /** Cuts the audio that was made to what was heard. @param playedMs how much that is (ms) */
  cut(playedMs: number): void {
    const spoken = this.#spoken
    this.#spoken = null
    if (spoken === null || playedMs >= spoken.bytes / pcmBytesPerMs) return
    this.#parts.send(truncateItem(spoken.id, 0, Math.floor(playedMs)), 'conversation.item.truncate')
  }

  /** Forgets the answer: the upstream session is gone. */
  abandon(): void {
    this.#state = 'idle'
    this.#spoken = null
  }

  /** One event from upstream, of either dialect. @param answered the message that it confirms or refuses */
  event(frame: Buffer, type: string | null, answered: Acknowledgement | null): void {
    switch (type === null ? null : gaName(type)) {
      case 'response.created':
        return this.#begin()
      case 'response.output_text.delta':
        return this.#stream(frame, 'text-delta')
      case 'response.output_audio_transcript.delta':
        return this.#stream(frame, 'transcript-delta')
      case 'response.output_audio.delta':
        return this.#play(frame)
      case 'response.output_text.done':
      case 'response.output_audio_transcript.done':
        return this.#finishText()
      case 'response.done':
      case 'response.completed':
        return this.#finish(frame)
      case 'error':
        return this.#fail(frame, answered)
    }
  }

  #begin(): void {
    if (this.#state === 'cancelling') {
      if (!this.#isCancelled) this.#cancel()
      this.#isCancelled = true
      return
    }
    this.#state = 'answering'
    this.#hasBadAudio = false
    this.#parts.tell({ type: 'text-reset' })
    this.#parts.tell({ type: 'transcript-reset' })
  }

  #breakOff(): void {
    this.#isCancelled = this.#state === 'answering'
    this.#state = 'cancelling'
    this.#parts.responses.cancel()
    this.#parts.tell({ type: 'status', message: 'Response interrupted' })
  }

  #cancel(): void {
    this.#parts.send('{"type":"response.cancel"}', 'response.cancel')
  }

  #stream(frame: Buffer, type: 'text-delta' | 'transcript-delta'): void {
    if (this.#state === 'cancelling') return
    const value = textField(frame, 'delta')
    if (value !== null) this.#parts.tell({ type, value })
  }

  #play(frame: Buffer): void {
    if (this.#state === 'cancelling') return
    const base64 = base64Field(frame, 'delta')
    if (base64 === null) return this.#tellBadAudio()
    const bytes = decodedBytes(base64)
    this.#noteSpoken(textField(frame, 'item_id') ?? '', bytes)
    this.#parts.deliver(audioChunk(base64, bytes))
  }

  #noteSpoken(id: string, bytes: number): void {
    if (this.#spoken?.id === id) this.#spoken.bytes += bytes
    else this.#spoken = { id, bytes }
  }

  #tellBadAudio(): void {
    if (this.#hasBadAudio) return
    this.#hasBadAudio = true
    this.#parts.tell({ type: 'error', ...badAudio })
  }

  #finishText(): void {
    if (this.#state === 'answering') this.#parts.tell({ type: 'status', message: 'Response complete' })
  }

  #finish(frame: Buffer): void {
    if (this.#state === 'cancelling') return this.#askAgain()
    const response = fieldsIn(parseFields(frame), 'response')
    if (response.status === 'failed') {
      const error = fieldsIn(fieldsIn(response, 'status_details'), 'error')
      const code = textOr(error.code, 'response_failed')
      this.#parts.tell({ type: 'error', message: `The model failed to answer (${code}); try again`, code })
    }
    this.#parts.tell({ type: 'status', message: 'Model ready' })
    this.#askAgain()
  }

  #fail(frame: Buffer, answered: Acknowledgement | null): void {
    const error = fieldsIn(parseFields(frame), 'error')
    const code = textOr(error.code, 'upstream_error')
    // The answer ended before the request to cancel it arrived: nothing is wrong.
    if (code === 'response_cancel_not_active') return
    // Upstream had begun to answer speech by itself: what was asked for comes after that.
    if (code === 'conversation_already_has_active_response' && this.#isDue)
      return this.#parts.responses.want()
    const message = textOr(error.message, 'Upstream reported an error')
    this.#parts.tell({ type: 'error', message, code })
    if (answered?.type !== 'response.create') return
    if (this.#state === 'asked' && !this.#parts.responses.isPending) this.#state = 'idle'
    // The interrupted response never began, so no end of it will come.
    if (this.#state === 'cancelling' && !this.#isCancelled) this.#askAgain()
  }

  get #isDue(): boolean {
    return this.#state === 'asked' || this.#state === 'answering' || this.#parts.responses.isWanted
  }

  #askAgain(): void {
    this.#state = 'idle'
    if (this.#parts.responses.isWanted) this.ask()
  }
}

/** Reads an object inside another. @returns an empty one where there is none */
function fieldsIn(fields: Fields | null, name: string): Fields {
  const value = fields?.[name]
  return isFields(value) ? value : {}
}
