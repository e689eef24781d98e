/** The state of the talk: whose turn it is, what is sent and what is kept. Nothing of the page is touched here. */
import type { ChatMessage, ChatRequest } from '../../runtime/types.ts'

/**
 * `asked`: sent, no answer yet. `answering`: deltas belong to the open answer.
 * `stopped`: the person stopped it and the server has not confirmed; what still comes is thrown away.
 */
export type Turn = 'idle' | 'asked' | 'answering' | 'stopped'

/** How an answer ended. `lost`: with the connection. `failed`: by an error of the model or its session. */
export type Outcome = 'complete' | 'interrupted' | 'lost' | 'failed'

/** What the talk shows. */
export interface TalkView {
  question(text: string, kept: boolean): void
  keptAreSent(): void
  answerBegins(): void
  text(value: string): void
  transcript(value: string): void
  audio(bytes: number): void
  /** @param heardMs where it was cut (ms of sound), if known */
  answerEnds(outcome: Outcome, heardMs?: number): void
  status(message: string): void
  problem(message: string, code: string): void
  /** The socket went before the answer was complete. `askAgain` sends the question once more. */
  unanswered(askAgain: () => void): void
  turn(turn: Turn): void
}

/** The part of the connection that the talk needs. */
export interface Line {
  send(request: ChatRequest): boolean
  /** Whether a new turn may be sent now. */
  ready(): boolean
}

/** After these errors nothing more comes; the model's own errors may leave an answer going on. */
const endsAnswer = /^upstream_|^internal$/

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

/** Messages that may wait for a connection. */
export const maxKept = 20

/** One person's talk with the model, over as many connections as it takes. */
export class Talk {
  readonly #line: Line
  readonly #voice: Voice
  readonly #view: TalkView
  readonly #kept: string[] = []
  #turn: Turn = 'idle'
  #lastQuestion = ''

  constructor(line: Line, voice: Voice, view: TalkView) {
    this.#line = line
    this.#voice = voice
    this.#view = view
  }

  /** Whether there is something to stop: an answer that is due, comes in or is still to be heard. */
  busy(): boolean {
    return this.#turn === 'asked' || this.#turn === 'answering' || this.#voice.playing()
  }

  /**
   * Sends a message, or keeps it until there is a connection. Cuts the answer that is being spoken.
   * @returns false where no more can be kept: the text stays with the person
   */
  say(text: string): boolean {
    if (!this.#line.ready() && this.#kept.length >= maxKept) return false
    this.#voice.unlock()
    const ready = this.#line.ready()
    if (!ready) this.stop()
    const heardMs = this.#cut()
    this.#view.question(text, !ready)
    if (ready) this.#ask(text, heardMs)
    else this.#kept.push(text)
    return true
  }

  /** Silences the answer and tells the server how much of it was heard. */
  stop(): void {
    if (!this.busy()) return
    const heardMs = this.#cut()
    this.#line.send({ type: 'interrupt', ...playedMs(heardMs) })
    if (this.#turn !== 'idle') this.#enter('stopped')
  }

  /** A connection is there: what was kept goes out as one message, so that one answer serves it all. */
  lineOnOpen(): void {
    const text = this.#kept.splice(0).join('\n')
    if (!text) return
    this.#view.keptAreSent()
    this.#ask(text, undefined)
  }

  /** The connection went. */
  lineOnLost(): void {
    const cut = this.#turn === 'asked' || this.#turn === 'answering'
    if (this.#turn === 'answering') this.#end('lost')
    else this.#enter('idle')
    const question = this.#lastQuestion
    if (cut) this.#view.unanswered(() => this.say(question))
  }

  /** Takes one message of the server. */
  receive(message: ChatMessage): void {
    if (message.type === 'status') this.#receiveStatus(message.message)
    else if (message.type === 'error') this.#receiveError(message.message, message.code)
    else if (message.type === 'text-reset') this.#begin()
    else if (this.#turn === 'answering') this.#receivePart(message)
  }

  #receivePart(message: ChatMessage): void {
    if (message.type === 'text-delta') this.#view.text(message.value)
    if (message.type === 'transcript-delta') this.#view.transcript(message.value)
    if (message.type !== 'audio-chunk') return
    this.#view.audio(message.bytes)
    this.#voice.push(message.value)
  }

  #receiveStatus(message: string): void {
    this.#view.status(message)
    const isLast = message === 'Model ready' || message === 'Response interrupted'
    if (!isLast || this.#turn === 'asked') return
    if (this.#turn === 'stopped') this.#enter('idle')
    if (this.#turn !== 'answering') return
    if (message === 'Response interrupted') this.#end('interrupted', this.#voice.stop())
    else this.#end('complete')
  }

  #receiveError(message: string, code: string): void {
    this.#view.problem(message, code)
    if (this.#turn !== 'answering') this.#enter('idle')
    else if (endsAnswer.test(code)) this.#end('failed')
  }

  #begin(): void {
    if (this.#turn === 'stopped') return
    this.#voice.beginAnswer()
    this.#view.answerBegins()
    this.#enter('answering')
  }

  #end(outcome: Outcome, heardMs?: number): void {
    this.#voice.finishAnswer()
    this.#view.answerEnds(outcome, heardMs)
    this.#enter('idle')
  }

  #ask(text: string, heardMs: number | undefined): void {
    this.#lastQuestion = text
    this.#line.send({ text, ...playedMs(heardMs) })
    this.#enter('asked')
  }

  #cut(): number | undefined {
    const cutsAnswer = this.#turn === 'answering' || this.#voice.playing()
    const heardMs = this.#voice.stop()
    if (cutsAnswer) this.#view.answerEnds('interrupted', heardMs)
    return heardMs
  }

  #enter(turn: Turn): void {
    this.#turn = turn
    this.#view.turn(turn)
  }
}

function playedMs(heardMs: number | undefined): { played_ms?: number } {
  return heardMs === undefined ? {} : { played_ms: heardMs }
}
