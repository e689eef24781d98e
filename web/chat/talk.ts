/** The state of the talk: whose turn it is, what is sent and what is kept. Nothing of the page is touched here. */

import { bytesPerSample, samplesToMs } from '../sound/pcm.ts'
import type { PageMessage } from './messages.ts'
import { type AnswerPart, addPart, emptyItem, type ReceivedItem, RepeatedAnswer } from './repeated-answer.ts'
import type { Line, Outcome, TalkView, Turn, Voice } from './talk-parts.ts'

/** After these errors nothing more comes; the model's own errors may leave an answer going on. */
const endsAnswer = /^upstream_|^internal$/

/** Messages that may wait for a connection. */
export const maxKept = 20

/** One person's talk with the model, over as many connections as it takes. */
export class Talk {
  readonly #line: Line
  readonly #voice: Voice
  readonly #view: TalkView
  readonly #kept: string[] = []
  #turn: Turn = 'idle'
  /** '' while its words are not known: it was spoken. */
  #lastQuestion = ''
  /** A question whose answer a lost connection cut; the server says whether it comes after all. */
  #owed: string | undefined
  /** What has come of the open item of the answer. */
  #received = emptyItem()
  /** Something has come of the answer, in this item or one before. */
  #hasParts = false
  /** What had come of the open item when the answer was broken off; it is asked for again. */
  #broken: ReceivedItem | undefined
  /** The answer that comes in place of the broken one. */
  #repeated: RepeatedAnswer | undefined
  /** An error came with the last message: an answer that ends right behind it has failed. */
  #hasComplained = false
  /** How much of the answer the page before this one played (ms of its sound). */
  #heardBeforeMs = 0

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
   * Takes over what the page before this one left.
   * @param due the question whose answer was not complete; '' where its words are not known
   * @param kept messages that had not gone out
   * @param broken what had come of that answer, of its sound what was heard; undefined where nothing had
   */
  restore(due: string | undefined, kept: readonly string[], broken?: ReceivedItem): void {
    this.#owed = due
    if (due !== undefined && broken !== undefined) {
      this.#broken = broken
      this.#heardBeforeMs = samplesToMs(broken.bytes / bytesPerSample)
      this.#hasParts = true
      this.#voice.beginAnswer()
    }
    this.#lastQuestion = due ?? ''
    this.#kept.push(...kept)
  }

  /** The question whose answer is not complete, or not known to be lost; '' where its words are not known. */
  get due(): string | undefined {
    const isOpen = this.#turn === 'asked' || this.#turn === 'answering'
    return isOpen ? this.#lastQuestion : this.#owed
  }

  /** Whether a question has gone out whose answer has not begun. */
  get isAsked(): boolean {
    return this.#turn === 'asked'
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

  /** The person has said something, and it will be answered. */
  spoken(): void {
    this.#forgetBroken()
    this.#lastQuestion = ''
    this.#view.spoken()
    this.#enter('asked')
  }

  /** The conversation is over, and another may begin: nothing of this one is due any more. */
  reset(): void {
    this.#voice.stop()
    this.#kept.length = 0
    this.#owed = undefined
    this.#forgetBroken()
    this.#lastQuestion = ''
    this.#enter('idle')
  }

  /** A connection is there: what was kept goes out as one message, so that one answer serves it all. */
  lineOnOpen(): void {
    const text = this.#kept.splice(0).join('\n')
    if (!text) return
    this.#owed = undefined
    this.#view.keptAreSent()
    this.#ask(text, undefined)
  }

  /** The connection went. @param mayGoOn the next one may take this conversation over */
  lineOnLost(mayGoOn: boolean): void {
    this.#view.wordsAreLost()
    const cut = this.#turn === 'asked' || this.#turn === 'answering'
    if (this.#turn === 'answering') this.#breakOff('lost')
    else this.#enter('idle')
    if (cut) this.#owed = this.#lastQuestion
    if (!mayGoOn) this.#tellUnanswered()
  }

  /** Takes one message of the server. */
  receive(message: PageMessage): void {
    const hadComplained = this.#hasComplained
    this.#hasComplained = false
    if (message.type === 'status' && message.message === 'Model ready' && hadComplained) this.#fail()
    else if (message.type === 'status') this.#receiveStatus(message.message)
    else if (message.type === 'error') this.#receiveError(message.message, message.code)
    else if (message.type === 'session.resumed') this.#goOn(message.answer_due)
    else if (message.type === 'session.resume_failed') this.#tellUnanswered()
    else if (message.type === 'session.renewed') this.#renew(message.asked_again)
    else if (message.type === 'text-reset') this.#begin()
    else if (message.type === 'speech-started') this.#giveWay()
    else if (message.type === 'speech-stopped') this.spoken()
    else if (message.type === 'heard') this.#heard(message.value)
    else if (message.type === 'tool') this.#view.tool(message)
    else if (message.type === 'assistant.event') this.#view.panel(message.name, message.data)
    else if (this.#turn === 'answering' && isAnswerPart(message)) this.#receivePart(message)
  }

  /** The conversation goes on. What was asked is answered now, or it never arrived and is asked again. */
  #goOn(answerDue: boolean): void {
    const question = this.#owed
    this.#owed = undefined
    if (question === undefined) return
    if (answerDue) this.#enter('asked')
    else if (question === '') {
      this.#forgetBroken()
      this.#view.unanswered(undefined)
    } else this.#ask(question, undefined)
  }

  #tellUnanswered(): void {
    const question = this.#owed
    this.#forgetBroken()
    this.#owed = undefined
    if (question !== undefined) this.#view.unanswered(question === '' ? undefined : () => this.say(question))
  }

  /** The server hears the person speak and has ended the answer; what is left of its sound ends here. */
  #giveWay(): void {
    const heardMs = this.#cut()
    if (heardMs !== undefined) this.#line.send({ type: 'played', played_ms: heardMs })
    if (this.#turn === 'answering') this.#enter('idle')
    else this.#view.turn(this.#turn)
  }

  #heard(text: string): void {
    this.#view.heard(text)
    if (this.#lastQuestion === '') this.#lastQuestion = text
  }

  #receivePart(part: AnswerPart): void {
    const repeated = this.#repeated
    if (repeated === undefined) return this.#showPart(part)
    const wasOpen = repeated.likeness === 'open'
    const parts = repeated.take(part)
    if (wasOpen) this.#tellLikeness(repeated)
    for (const part of parts) this.#showPart(part)
  }

  /** The answer that was broken off goes on in its place, or another one begins below it. */
  #tellLikeness({ likeness }: RepeatedAnswer): void {
    if (likeness === 'open') return
    this.#broken = undefined
    if (likeness === 'same') return this.#view.answerGoesOn()
    this.#repeated = undefined
    this.#beginOther()
  }

  #showPart(part: AnswerPart): void {
    addPart(this.#received, part)
    this.#hasParts = true
    if (part.type === 'text-delta') this.#view.text(part.value)
    if (part.type === 'transcript-delta') this.#view.transcript(part.value)
    if (part.type !== 'audio-chunk') return
    this.#view.audio(part.bytes)
    this.#voice.push(part.value)
  }

  /** An item of the answer, or the answer, is over: what was held to be compared is shown. */
  #endRepeated(): void {
    const repeated = this.#repeated
    if (repeated === undefined) return
    const wasOpen = repeated.likeness === 'open'
    const parts = repeated.end()
    if (wasOpen) this.#tellLikeness(repeated)
    for (const part of parts) this.#showPart(part)
    this.#repeated = undefined
  }

  /** The answer is broken off, and asked for again. */
  #breakOff(outcome: 'lost' | 'restarted'): void {
    // One that was still compared has shown nothing: the part before it counts.
    if (this.#broken === undefined && this.#hasParts) this.#broken = this.#received
    this.#repeated = undefined
    this.#end(outcome)
  }

  #forgetBroken(): void {
    this.#broken = undefined
    this.#repeated = undefined
  }

  /** Another session of the model's took over. @param isAskedAgain an answer that was broken off comes once more */
  #renew(isAskedAgain: boolean): void {
    this.#view.wordsAreLost()
    if (!isAskedAgain || this.#turn !== 'answering') return
    this.#breakOff('restarted')
    this.#enter('asked')
  }

  /** The answer is over, and was not given as it should. */
  #fail(): void {
    if (this.#turn === 'answering') this.#end('failed')
    else if (this.#turn !== 'asked') this.#enter('idle')
  }

  #receiveStatus(message: string): void {
    if (message === 'Response complete' && this.#turn === 'answering') this.#endPart()
    const isLast = message === 'Model ready' || message === 'Response interrupted'
    if (!isLast || this.#turn === 'asked') return
    if (this.#turn === 'stopped') this.#enter('idle')
    if (this.#turn !== 'answering') return
    if (message === 'Response interrupted') this.#end('interrupted', this.#silence())
    else this.#end('complete')
  }

  #receiveError(message: string, code: string): void {
    const isTurn = this.#turn === 'asked' || this.#turn === 'answering'
    const question = this.#lastQuestion
    const canAskAgain = isTurn && question !== ''
    this.#view.problem(message, code, canAskAgain ? () => this.say(question) : undefined)
    if (this.#turn !== 'answering') this.#enter('idle')
    else if (endsAnswer.test(code)) this.#end('failed')
    else this.#hasComplained = true
  }

  #endPart(): void {
    this.#endRepeated()
    this.#received = emptyItem()
    this.#view.partEnds()
  }

  #begin(): void {
    if (this.#turn === 'stopped') return
    if (this.#turn === 'answering') {
      this.#endRepeated()
      // A new answer in the midst of one: that one will not be completed.
      this.#beginOther()
    } else if (this.#broken !== undefined) {
      this.#received = this.#broken
      this.#repeated = new RepeatedAnswer(this.#broken)
    } else this.#beginAnswer()
    this.#enter('answering')
  }

  /** An answer begins in place of one that will not be completed; what is left of that one's sound is dropped. */
  #beginOther(): void {
    this.#view.answerEnds('restarted')
    this.#beginAnswer()
  }

  #beginAnswer(): void {
    this.#received = emptyItem()
    this.#hasParts = false
    this.#heardBeforeMs = 0
    this.#voice.beginAnswer()
    this.#view.answerBegins()
  }

  #end(outcome: Outcome, heardMs?: number): void {
    this.#endRepeated()
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
    this.#forgetBroken()
    const cutsAnswer = this.#turn === 'answering' || this.#voice.playing()
    const heardMs = this.#silence()
    if (cutsAnswer) this.#view.answerEnds('interrupted', heardMs)
    return heardMs
  }

  /** @returns how much was heard of the answer, here and on the page before (ms) */
  #silence(): number | undefined {
    const heardMs = this.#voice.stop()
    return heardMs === undefined ? undefined : heardMs + this.#heardBeforeMs
  }

  #enter(turn: Turn): void {
    this.#turn = turn
    this.#view.turn(turn)
  }
}

function playedMs(heardMs: number | undefined): { played_ms?: number } {
  return heardMs === undefined ? {} : { played_ms: heardMs }
}

function isAnswerPart(message: PageMessage): message is AnswerPart {
  return (
    message.type === 'text-delta' || message.type === 'transcript-delta' || message.type === 'audio-chunk'
  )
}
