/** What the talk needs of the page: a view, a line, a voice. */
import type { ChatRequest } from '../../runtime/core/wire.ts'

/**
 * `asked`: sent, no answer yet. `answering`: deltas belong to the open answer.
 * `stopped`: the person stopped it and the server has not confirmed; what still comes is thrown away.
 */
export type Turn = 'idle' | 'asked' | 'answering' | 'stopped'

/**
 * How an answer ended. `lost`: with the connection. `restarted`: another session of the model's begins it anew.
 * `failed`: by an error of the model or its session.
 */
export type Outcome = (typeof outcomes)[number]

const outcomes = ['complete', 'interrupted', 'lost', 'restarted', 'failed'] as const

/** Whether a value names an end of an answer. */
export function isOutcome(value: unknown): value is Outcome {
  return (outcomes as readonly unknown[]).includes(value)
}

/** One run of a tool on the server. `status`: running, or how it ended; `ms`: how long it has taken. */
export interface ToolActivity {
  name: string
  status: string
  ms: number | undefined
}

/** What the talk shows. */
export interface TalkView {
  question(text: string, kept: boolean): void
  keptAreSent(): void
  /** The person has said something whose words are not known yet. */
  spoken(): void
  /** The words of what was said first and not yet known; '' where nobody could write them down. */
  heard(text: string): void
  /** Words that are not known yet will not come: the session that was to write them down is gone. */
  wordsAreLost(): void
  answerBegins(): void
  /** The answer that ended last, `lost` or `restarted`, goes on after all. */
  answerGoesOn(): void
  text(value: string): void
  transcript(value: string): void
  /** One item of the answer is whole; another one may follow. */
  partEnds(): void
  audio(bytes: number): void
  /** @param heardMs where it was cut (ms of sound), if known */
  answerEnds(outcome: Outcome, heardMs?: number): void
  /** @param askAgain sends the question of the turn that failed once more; undefined where none failed, or its words are not known */
  problem(message: string, code: string, askAgain: (() => void) | undefined): void
  /** The assistant's own program runs on the server, or has ended. */
  tool(tool: ToolActivity): void
  /** The assistant shows something. */
  panel(name: string, data: unknown): void
  /** The socket went before the answer was complete. `askAgain` sends the question once more, where its words are known. */
  unanswered(askAgain: (() => void) | undefined): void
  turn(turn: Turn): void
}

/** The part of the connection that the talk needs. */
export interface Line {
  send(request: ChatRequest): boolean
  /** Whether a new turn may be sent now. */
  ready(): boolean
}

/** The part of the player that the talk needs. */
export interface Voice {
  unlock(): void
  beginAnswer(): void
  push(base64: string): void
  finishAnswer(): void
  /** @returns how much was heard (ms); undefined where nothing was left to play or nobody could hear it */
  stop(): number | undefined
  playing(): boolean
}
