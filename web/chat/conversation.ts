/** The conversation on the page: questions, answers and notices, in order. */
import { say } from '../language/language.ts'
import { copyText } from '../page/copy-text.ts'
import { copyTemplate, part, showText } from '../page/page.ts'
import type { Playing } from '../sound/playback.ts'
import { Answer } from './answer.ts'
import { nameWords } from './panel-view.ts'
import type { Outcome } from './talk-parts.ts'
import { type QuestionRecord, type TurnRecord, wordsOf } from './turn-record.ts'

/** A distance from the end of the page that still counts as reading the newest lines (CSS px). */
const nearEndPx = 120
/** A button under a notice; it can be used once. */
export interface NoticeAction {
  label: string
  run(): void
}

/** What a notice says. */
export interface Notice {
  kind: 'info' | 'problem'
  what: string
  /** What to do about it; may be empty. */
  advice: string
  /** The server's own words; may be empty. */
  cause?: string
  action?: NoticeAction | undefined
}

/** What the person does with a turn, and what the conversation must know. */
export interface ConversationListeners {
  /** Says a text again, as a new turn. */
  onAsk(text: string): void
  /** Puts a text into the message box. */
  onEdit(text: string): void
  /** The turns are others now. */
  onChange(): void
  /** Sound is on and reaches the person. */
  isAudible(): boolean
}

/** The list of turns, and the voice of the page for screen readers. */
export class Conversation {
  readonly #listeners: ConversationListeners
  readonly #list = part('#turns', HTMLOListElement)
  readonly #greeting = part('#greeting', HTMLElement)
  readonly #announcer = part('#announcer', HTMLElement)
  readonly #latest = part('#latest', HTMLButtonElement)
  /** Spoken turns whose words are not known yet, in order. */
  readonly #unheard: { element: HTMLElement; record: QuestionRecord }[] = []
  #turns: TurnRecord[] = []
  #answer: Answer | undefined
  #askedAt: number | undefined

  constructor(listeners: ConversationListeners) {
    this.#listeners = listeners
    this.#latest.onclick = () => this.#scrollToEnd()
    // Measuring the page at every step of a scroll would lay it out once more each time.
    const ends = new IntersectionObserver(entries => this.#showLatest(entries.at(-1)?.isIntersecting), {
      rootMargin: `0px 0px ${nearEndPx}px`,
    })
    ends.observe(part('#end', HTMLElement))
  }

  /** All turns, the oldest first. */
  get turns(): readonly TurnRecord[] {
    return this.#turns
  }

  /** Messages that had not gone out. */
  get keptWords(): readonly string[] {
    return this.#turns.flatMap(turn => (turn.role === 'user' && turn.isKept ? [turn.text] : []))
  }

  /** Shows a conversation that was kept. @param isDue the answer that was broken off may go on */
  restore(turns: readonly TurnRecord[], isDue: boolean): void {
    this.#turns = [...turns]
    for (const turn of turns) {
      if (turn.role === 'user') this.#append(this.#createQuestion(turn))
      else {
        const answer = new Answer(() => this.#listeners.isAudible(), undefined, turn)
        // The server may go on with it.
        if (isDue && turn === turns.at(-1)) this.#answer = answer
        this.#joinActions(answer.element, turn)
        this.#append(answer.element)
      }
    }
    this.#scrollToEnd()
  }

  /** Leaves the page as it was before the first turn. */
  clear(): void {
    this.#turns = []
    this.#answer = undefined
    this.#unheard.length = 0
    this.#askedAt = undefined
    this.#list.replaceChildren()
    this.#greeting.hidden = false
    document.body.dataset.talk = 'none'
    this.#listeners.onChange()
  }

  /** @param kept it waits for a connection */
  question(text: string, kept: boolean): void {
    this.#askedAt = performance.now()
    const record: QuestionRecord = { role: 'user', text, isSpoken: false, isKept: kept, at: Date.now() }
    this.#turns.push(record)
    this.#append(this.#createQuestion(record))
    this.#scrollToEnd()
    this.#listeners.onChange()
  }

  keptAreSent(): void {
    this.#askedAt = performance.now()
    for (const turn of this.#turns) if (turn.role === 'user') turn.isKept = false
    for (const element of this.#list.querySelectorAll<HTMLElement>('.kept')) {
      element.classList.remove('kept')
      showText(part('.note', HTMLElement, element), '')
    }
    this.#listeners.onChange()
  }

  /** Something was said; its words may follow. */
  spoken(): void {
    this.#askedAt = performance.now()
    const record: QuestionRecord = { role: 'user', text: '', isSpoken: true, isKept: false, at: Date.now() }
    this.#turns.push(record)
    const element = this.#createQuestion(record)
    element.classList.add('unheard')
    part('.said', HTMLElement, element).textContent = '…'
    showText(part('.note', HTMLElement, element), say('Writing down what you said'))
    this.#unheard.push({ element, record })
    this.#append(element)
    this.#scrollToEnd()
    this.#listeners.onChange()
  }

  /** Words of what was said first and is not written down yet. */
  heard(text: string): void {
    if (this.#unheard.length === 0) this.spoken()
    const turn = this.#unheard.shift()
    if (!turn) return
    turn.record.text = text.trim()
    this.#followEnd(() => showHeard(turn.element, text.trim()))
    this.#listeners.onChange()
  }

  /** What is not written down yet will not be; the next words belong to a later turn. */
  wordsAreLost(): void {
    for (const { element } of this.#unheard.splice(0)) showHeard(element, '')
  }

  answerBegins(): void {
    const answer = new Answer(() => this.#listeners.isAudible(), this.#askedAt)
    this.#askedAt = undefined
    this.#answer = answer
    this.#turns.push(answer.record)
    this.#joinActions(answer.element, answer.record)
    this.#append(answer.element)
    this.#followEnd(() => {})
  }

  /** The answer that was broken off goes on. */
  answerGoesOn(): void {
    this.#askedAt = undefined
    this.#answer?.goOn()
    this.#listeners.onChange()
  }

  text(value: string): void {
    this.#followEnd(() => this.#answer?.text(value))
  }

  transcript(value: string): void {
    this.#followEnd(() => this.#answer?.transcript(value))
  }

  partEnds(): void {
    this.#answer?.partEnds()
  }

  audio(bytes: number): void {
    this.#answer?.audio(bytes)
  }

  playing(playing: Playing): void {
    this.#answer?.playing(playing)
  }

  /**
   * Shows what the assistant made: under its answer, or by itself where none is open. It takes the place of what had
   * the same name, so that an order is seen to grow.
   */
  panel(name: string, data: unknown): void {
    this.#removePanel(name)
    const open = this.#answer?.record.outcome === undefined ? this.#answer : undefined
    this.#followEnd(() => {
      const answer = open ?? new Answer(() => false, undefined)
      if (!open) answer.end('complete')
      answer.panel(name, data)
      if (open) return
      this.#turns.push(answer.record)
      this.#append(answer.element)
    })
    this.#listeners.onChange()
    this.announce(say('{name} was updated', { name: nameWords(name) }))
  }

  #removePanel(name: string): void {
    for (const panel of this.#list.querySelectorAll<HTMLElement>('.assistant-panel'))
      if (panel.dataset.name === name) panel.remove()
    for (const turn of this.#turns)
      if (turn.role === 'assistant' && turn.panels)
        turn.panels = turn.panels.filter(panel => panel.name !== name)
  }

  /**
   * Ends the open answer. Its words are announced here, once, where the person does not hear them anyway: a screen
   * reader does not talk over the voice.
   */
  answerEnds(outcome: Outcome, heardMs?: number): void {
    const answer = this.#answer
    if (!answer) return
    answer.end(outcome, heardMs)
    if (outcome !== 'complete' && answer.isEmpty) this.#drop(answer)
    else if (outcome === 'interrupted') this.announce(say('Interrupted'))
    else if (!answer.isHeard) this.announce(wordsOf(answer.record))
    this.#listeners.onChange()
  }

  /** Adds a notice. */
  notice({ kind, what, advice, cause = '', action }: Notice): void {
    const element = copyTemplate('#notice-template')
    element.dataset.kind = kind
    showText(part('.what', HTMLElement, element), what)
    showText(part('.advice', HTMLElement, element), advice)
    part('.cause', HTMLElement, element).hidden = cause === ''
    part('.cause-words', HTMLElement, element).textContent = cause
    const button = part('button', HTMLButtonElement, element)
    showText(button, action?.label ?? '')
    button.onclick = () => {
      button.hidden = true
      action?.run()
    }
    this.#followEnd(() => this.#append(element))
    this.announce(`${what} ${advice}`.trim())
  }

  /** Says one sentence to a screen reader. */
  announce(sentence: string): void {
    this.#announcer.textContent = sentence
  }

  #createQuestion(record: QuestionRecord): HTMLElement {
    const element = copyTemplate('#question-template')
    part('.said', HTMLElement, element).textContent = record.text || say('Spoken')
    const note = record.isKept ? say('Waiting for the connection') : ''
    showText(part('.note', HTMLElement, element), note)
    element.classList.toggle('kept', record.isKept)
    this.#joinActions(element, record)
    return element
  }

  /** What can be done with a turn: copied; asked again; changed and asked again. */
  #joinActions(element: HTMLElement, record: TurnRecord): void {
    const copy = part('.copy', HTMLButtonElement, element)
    copy.onclick = () => copyText(wordsOf(record), copy, null)
    const again = part('.again', HTMLButtonElement, element)
    again.onclick = () => {
      const question = this.#questionOf(record)
      if (question !== '') this.#listeners.onAsk(question)
    }
    if (record.role === 'assistant') return
    part('.edit', HTMLButtonElement, element).onclick = () => this.#listeners.onEdit(record.text)
  }

  /** The words of a question, or of the question before an answer; '' where nobody knows them. */
  #questionOf(record: TurnRecord): string {
    if (record.role === 'user') return record.text
    const before = this.#turns.slice(0, this.#turns.indexOf(record))
    return before.findLast(turn => turn.role === 'user')?.text ?? ''
  }

  #drop(answer: Answer): void {
    this.#turns = this.#turns.filter(turn => turn !== answer.record)
    answer.element.remove()
    this.#answer = undefined
  }

  #append(element: HTMLElement): void {
    this.#greeting.hidden = true
    document.body.dataset.talk = 'some'
    this.#list.append(element)
  }

  /** Someone who scrolled back to read is left there, and shown the way to the end. */
  #followEnd(change: () => void): void {
    const isNear = isNearEnd()
    change()
    if (isNear) this.#scrollToEnd()
    else this.#showLatest()
  }

  #showLatest(isNear = isNearEnd()): void {
    const isHidden = isNear || this.#list.childElementCount === 0
    if (this.#latest.hidden !== isHidden) this.#latest.hidden = isHidden
  }

  #scrollToEnd(): void {
    window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })
    this.#showLatest()
  }
}

function isNearEnd(): boolean {
  const { scrollHeight, clientHeight, scrollTop } = document.documentElement
  return scrollHeight - clientHeight - scrollTop < nearEndPx
}

/** @param text what was said; '' where nobody could write it down */
function showHeard(element: HTMLElement, text: string): void {
  element.classList.remove('unheard')
  part('.said', HTMLElement, element).textContent = text || say('Spoken')
  showText(part('.note', HTMLElement, element), text ? '' : say('It could not be written down'))
}
