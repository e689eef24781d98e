/**
 * What is known of the way to one upstream: the messages that are held until it is there, what it answered to
 * those that were sent, and whether an answer is pending. A session has one, and so has the control connection of
 * a call.
 */
import { Outbox } from './outbox.ts'
import { type AnswerKind, ResponseState } from './response-state.ts'
import { type Acknowledgement, noReceipt, type Receipt, SentMessages } from './sent-messages.ts'

export interface UpstreamLegOptions {
  /** Limit of what is held (bytes), as `Outbox` counts them. */
  readonly maxHeldBytes: number
  /** Others write to the same upstream session, so that not every answer is to a message of this leg's (default false). */
  readonly isShared?: boolean
  /** What upstream owes for what is said (default: answers). */
  readonly owed?: AnswerKind | undefined
}

export class UpstreamLeg {
  /** Whether an answer is pending. The leg feeds it; whoever has the leg says what is wanted or cancelled. */
  readonly responses: ResponseState
  readonly #sent: SentMessages
  readonly #outbox: Outbox
  /** For each message in the outbox, in its order, what goes to `#sent` with it. */
  #heldReceipts: { readonly type: string | null; readonly receipt: Receipt }[] = []

  constructor({ maxHeldBytes, isShared = false, owed }: UpstreamLegOptions) {
    this.responses = new ResponseState(owed)
    this.#sent = new SentMessages(isShared)
    this.#outbox = new Outbox(maxHeldBytes)
  }

  /** How many messages are held. */
  get heldMessages(): number {
    return this.#outbox.size
  }

  /** What is held (bytes), as `Outbox` counts them. */
  get heldBytes(): number {
    return this.#outbox.bytes
  }

  /** A message is about to be sent. @param type its event type, null when it has none */
  noteSent(type: string | null, receipt: Receipt = noReceipt): void {
    this.responses.noteMessage(type)
    this.#sent.add(type, receipt)
  }

  /** Holds a copy of a message. @returns false, holding nothing more, when it would pass the limit */
  hold(
    message: string | Uint8Array,
    isBinary: boolean,
    type: string | null,
    receipt: Receipt = noReceipt,
  ): boolean {
    if (!this.#outbox.hold(message, isBinary)) return false
    this.responses.noteMessage(type)
    this.#heldReceipts.push({ type, receipt })
    return true
  }

  /**
   * Sends what is held, oldest first.
   * @param maxBytes stops when so many bytes are sent; at least one message goes
   * @returns whether nothing is held any more
   */
  flush(
    send: (message: string | Uint8Array, isBinary: boolean, type: string | null) => void,
    maxBytes?: number,
  ): boolean {
    return this.#outbox.flush((message, isBinary) => {
      const held = this.#heldReceipts.shift()
      if (held !== undefined) this.#sent.add(held.type, held.receipt)
      send(message, isBinary, held?.type ?? null)
    }, maxBytes)
  }

  /** Takes in one event. @param type its event type, null when it has none @returns the message that it answers, if any */
  noteEvent(frame: Buffer, type: string | null): Acknowledgement | null {
    const answered = this.#sent.answer(frame, type)
    this.responses.noteEvent(type)
    if (answered?.outcome === 'refused' && answered.type === 'response.create') this.responses.noteRefusal()
    return answered
  }

  /** Upstream is gone, with what was held for it: an answer that was pending is wanted from the next one. */
  lose(): void {
    this.responses.lose()
    this.#sent.clear()
    this.drop()
  }

  /** Nothing that is held will be sent. */
  drop(): void {
    this.#outbox.clear()
    this.#heldReceipts = []
  }
}
