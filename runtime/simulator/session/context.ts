/** What the parts of one session share. */
import type { Ids } from '../ids.ts'
import type { Script } from '../model/script.ts'
import type { ServerEvent, SessionConfig } from '../protocol/types.ts'
import type { Chunk, SpeechSynthesizer } from '../voice/speaker.ts'
import type { Conversation } from './conversation.ts'

export type Vendor = 'openai' | 'azure'

/** What a WebRTC call does with speech: it is played, and can be cut off. */
export interface Playout {
  /** Queues speech of an item for playing. */
  play(chunk: Chunk, responseId: string, itemId: string): void
  /** No more speech of this response will come. */
  finish(responseId: string): void
  /** Drops what is queued. */
  clear(): void
  /** Speech queued and not played yet (ms). */
  backlogMs(): number
}

export interface Context {
  readonly id: string
  readonly conversationId: string
  readonly vendor: Vendor
  readonly ids: Ids
  readonly speaker: SpeechSynthesizer
  /** Audio pace: times faster than real time. */
  readonly rate: number
  /** Answers in place of the scripted model's own; null for none. */
  readonly script: Script | null
  readonly conversation: Conversation
  config: SessionConfig
  playout: Playout | null
  /** Error code with which the next response fails; null for none. */
  failure: string | null
  /** Sends an event to every line of the session. */
  emit(event: ServerEvent): void
  /** Whether a line has too much queued to be given more speech. */
  congested(): boolean
}
