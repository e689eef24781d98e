/** One output item of a response: how it begins, streams and ends. */
import type { AudioFormat, Item, Modality, Status } from '../protocol/types.ts'
import type { Context } from '../session/context.ts'
import type { Conversation, Entry } from '../session/conversation.ts'

/** Pace of text at rate 1: about fifty words a second. */
export const textDeltaMs = 20

/** What an output needs to know of its response. */
export interface Scope {
  context: Context
  responseId: string
  outputIndex: number
  /** Out-of-band responses leave no trace in the conversation. */
  inConversation: boolean
  modality: Modality
  format: AudioFormat
  voice: string
  /** Counts tokens; false when the limit has been reached and nothing more may be said. */
  spend(text: number, audio: number): boolean
}

export interface Output {
  /** The item as it stands. */
  readonly item: Item
  begin(): void
  /** Streams; yields how long to wait before going on (ms). Ends early, with false, at the token limit. */
  deltas(): Generator<number, boolean>
  /** Sends the chain of `done` events for what has been streamed. */
  finish(status: Status): void
}

/** Announces an item; in the conversation too when the response belongs to it. */
export function addItem(scope: Scope, entry: Entry): void {
  const { context, responseId, outputIndex } = scope
  const item = { ...entry.item }
  context.emit({
    type: 'response.output_item.added',
    response_id: responseId,
    output_index: outputIndex,
    item,
  })
  if (!scope.inConversation) return
  const previous = context.conversation.insert(entry)
  context.emit({ type: 'conversation.item.added', previous_item_id: previous, item })
}

/** Closes an item with its final content. */
export function endItem(scope: Scope, item: Item): void {
  const { context, responseId, outputIndex } = scope
  const shown = { ...item }
  if (scope.inConversation && context.conversation.has(item.id)) {
    context.emit({
      type: 'conversation.item.done',
      previous_item_id: previousWhenDone(context.conversation, item.id),
      item: shown,
    })
  }
  context.emit({
    type: 'response.output_item.done',
    response_id: responseId,
    output_index: outputIndex,
    item: shown,
  })
}

/**
 * The item before one that the model made, as its end names it: none where that is the conversation's first, though
 * `conversation.item.added` had its id. Source: recordings of both vendors (pydantic-ai, 2026-07), without exception.
 */
function previousWhenDone(conversation: Conversation, id: string): string | null {
  const previous = conversation.previousId(id)
  return previous !== null && conversation.previousId(previous) === null ? null : previous
}

/**
 * Streams a JSON text in small pieces.
 *
 * @param send sends one piece and remembers it
 */
export function* streamPieces(
  scope: Scope,
  text: string,
  send: (piece: string) => void,
): Generator<number, boolean> {
  // Of whole characters: a client that decodes each piece would lose one that is cut in two.
  for (const [piece] of text.matchAll(/[\s\S]{1,6}/gu)) {
    if (!scope.spend(1, 0)) return false
    send(piece)
    yield textDeltaMs / scope.context.rate
  }
  return true
}
