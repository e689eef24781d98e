/**
 * Whether an answer is pending. One place knows it for a session: drain, resumption, renewal, `/chat` and the
 * stall watchdog all ask here.
 *
 * | word      | what happened                                                                             |
 * |-----------|-------------------------------------------------------------------------------------------|
 * | requested | a `response.create` is wanted, on its way, or with upstream                               |
 * | running   | `response.created`                                                                        |
 * | done      | `response.done`, or `response.completed`                                                  |
 * | refused   | an `error` that answers the `response.create`                                             |
 * | cancelled | nobody waits for it any more; upstream may still begin it, and ends it by `response.done` |
 *
 * Where tools run on the server, a turn has an answer pending from the first call to the end of the response after which no
 * call is: see `Turn`.
 *
 * In a transcription session nothing answers: what upstream owes is the words of each turn that was committed.
 *
 * Several responses may run at once (out of band). Events are told by their type alone, so responses are
 * counted rather than named; of two, the older one is taken to end, begin or be refused first.
 */

/** Tells what was said in one turn, and what it cost to write it down; of one name in both dialects. */
export const transcriptionCompleted = 'conversation.item.input_audio_transcription.completed'

/** What an event from upstream changes here, by its type. */
const changes: ReadonlyMap<string, 'begin' | 'end' | 'speak' | 'clear' | 'commit' | 'write'> = new Map([
  ['response.created', 'begin'],
  ['response.done', 'end'],
  ['response.completed', 'end'],
  ['input_audio_buffer.speech_started', 'speak'],
  ['input_audio_buffer.cleared', 'clear'],
  ['input_audio_buffer.committed', 'commit'],
  [transcriptionCompleted, 'write'],
  ['conversation.item.input_audio_transcription.failed', 'write'],
])

/** Ends an answer: `response.done`, and the name that some dialects of it use. */
export function endsResponse(type: string | null): boolean {
  return type !== null && changes.get(type) === 'end'
}

/**
 * The calls of tools that run on the server:
 *
 * - over: none is pending
 * - open: an answer comes once they are answered
 * - ending: likewise, but nobody waits for the answer any more
 * - moving: an answer comes, but not here: another process goes on with them
 */
export type Turn = 'over' | 'open' | 'ending' | 'moving'

/** What upstream owes for what is said: an answer, or its words. */
export type AnswerKind = 'responses' | 'transcripts'

export class ResponseState {
  readonly #owed: AnswerKind
  /** Turns that were committed and are not written down yet; of transcription sessions alone. */
  #transcripts = 0
  /** An answer is wanted whose `response.create` has not been written yet. */
  #isWanted = false
  #requested = 0
  #running = 0
  /** Cancelled before they began. */
  #cancelledRequests = 0
  #cancelledRunning = 0
  /** Upstream answers speech by itself, right after the item that it made of it. */
  #speech: Speech = 'silent'
  #turn: Turn = 'over'

  constructor(owed: AnswerKind = 'responses') {
    this.#owed = owed
  }

  /** Whether an answer is wanted and not over: what another upstream session is asked for. */
  get isPending(): boolean {
    return this.#isWanted || this.#requested > 0 || this.#running > 0 || this.isTurnOpen
  }

  get turn(): Turn {
    return this.#turn
  }

  /** Whether an answer comes behind calls that are not answered yet: the end of a response is not the end of the turn. */
  get isTurnOpen(): boolean {
    return this.#turn === 'open' || this.#turn === 'moving'
  }

  /** Calls of tools that run on the server have begun to be pending, or are not any more. */
  set turn(turn: Turn) {
    this.#turn = turn
  }

  /** Whether somebody speaks, or has spoken and upstream may answer that by itself. */
  get isSpokenTo(): boolean {
    return this.#speech !== 'silent'
  }

  /** Whether an answer is wanted whose `response.create` has not been written yet. */
  get isWanted(): boolean {
    return this.#isWanted
  }

  /** Whether upstream has an answer to give, or to end: what a drain waits for. */
  get isBusy(): boolean {
    return (
      (this.#isWanted && this.#turn !== 'moving') ||
      this.#requested > 0 ||
      this.#running > 0 ||
      this.#turn === 'open' ||
      this.#turn === 'ending' ||
      this.#cancelledRequests > 0 ||
      this.#cancelledRunning > 0 ||
      this.#speech !== 'silent' ||
      this.#transcripts > 0
    )
  }

  /** Whether a response runs that upstream itself has announced: it may not fall silent. */
  get isRunning(): boolean {
    return this.#running > 0 || this.#cancelledRunning > 0
  }

  /** Whether upstream was asked for a response, or has begun one, that it has not ended: one that will have cost something. */
  get isOwed(): boolean {
    return this.isRunning || this.#requested > 0 || this.#cancelledRequests > 0
  }

  /** An answer is wanted; its `response.create` follows later. */
  want(): void {
    this.#isWanted = true
  }

  /** Nobody waits for an answer any more. */
  cancel(): void {
    this.#isWanted = false
    this.#cancelSent()
  }

  /** Cancels what upstream has been asked for so far. */
  #cancelSent(): void {
    this.#cancelledRequests += this.#requested
    this.#cancelledRunning += this.#running
    this.#requested = 0
    this.#running = 0
  }

  /** A message is on its way to upstream. @param type its event type, null when it has none */
  noteMessage(type: string | null): void {
    if (type === 'response.create') {
      this.#isWanted = false
      this.#requested += 1
    } else if (type === 'response.cancel') {
      this.#cancelSent()
    }
  }

  /** An event came from upstream. @param type its event type, null when it has none */
  noteEvent(type: string | null): void {
    // Most events, and all of the frequent ones, change nothing: one lookup tells.
    const change = type === null ? undefined : changes.get(type)
    switch (change) {
      case undefined:
        return
      case 'begin':
        this.#begin()
        this.#speech = 'silent'
        return
      case 'end':
        return this.#end()
      case 'speak':
        this.#speech = 'speaking'
        return
      case 'clear':
        this.#speech = 'silent'
        return
      case 'write':
        this.#transcripts = Math.max(0, this.#transcripts - 1)
        return
      case 'commit':
        if (this.#owed === 'transcripts') {
          this.#speech = 'silent'
          this.#transcripts += 1
          return
        }
        // Committed by hand, an answer comes only when it is asked for.
        if (this.#speech === 'speaking') this.#speech = 'committed'
    }
  }

  /** Upstream refused a `response.create`. */
  noteRefusal(): void {
    if (this.#cancelledRequests > 0) this.#cancelledRequests -= 1
    else this.#requested = Math.max(0, this.#requested - 1)
  }

  /** The upstream session is gone: what was pending is wanted from the next one, once. */
  lose(): void {
    const isPending = this.isPending
    this.cancel()
    this.#cancelledRequests = 0
    this.#cancelledRunning = 0
    this.#speech = 'silent'
    this.#transcripts = 0
    this.#isWanted = isPending
  }

  #begin(): void {
    if (this.#cancelledRequests > 0) {
      this.#cancelledRequests -= 1
      this.#cancelledRunning += 1
    } else {
      this.#requested = Math.max(0, this.#requested - 1)
      this.#running += 1
    }
  }

  #end(): void {
    if (this.#cancelledRunning > 0) this.#cancelledRunning -= 1
    else this.#running = Math.max(0, this.#running - 1)
  }
}

type Speech = 'silent' | 'speaking' | 'committed'
