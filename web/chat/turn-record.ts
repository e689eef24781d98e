/** What is kept of a conversation: what was said, by whom, and how it ended. */
import type { Outcome } from './talk-parts.ts'

/** What the person said. */
export interface QuestionRecord {
  role: 'user'
  text: string
  /** It was spoken; without words where nobody could write it down. */
  isSpoken: boolean
  /** It waits for a connection. */
  isKept: boolean
  /** When (ms since 1970). */
  at: number
}

/** What the assistant answered. `outcome` is missing while it comes. */
export interface AnswerRecord {
  role: 'assistant'
  text: string
  transcript: string
  outcome?: Outcome
  /** How much of its sound was heard, and how long it is (ms). */
  playedMs: number
  lengthMs: number
  /** From the question's end to its first sound or word (ms). */
  firstMs?: number
  /** What its assistant shows beside it; missing where that is nothing. */
  panels?: PanelRecord[]
  at: number
}

/** What an assistant shows. */
export interface PanelRecord {
  name: string
  data: unknown
}

export type TurnRecord = QuestionRecord | AnswerRecord

/** Turns in which something was said: not those that are panels alone. */
export function talkOf(turns: readonly TurnRecord[]): TurnRecord[] {
  return turns.filter(turn => turn.role === 'user' || !turn.panels || wordsOf(turn) !== '')
}

/** The words of a turn, as they are read. */
export function wordsOf(turn: TurnRecord): string {
  return turn.role === 'user' ? turn.text : turn.text || turn.transcript
}

/** The words that a person would put first: the first thing they said. */
export function titleOf(turns: readonly TurnRecord[]): string {
  return turns.find(turn => turn.role === 'user' && turn.text !== '')?.text ?? ''
}
