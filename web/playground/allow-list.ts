/** Shows what `/realtime` lets through: each type that may come, how often it came, and the verdict with its reason. */

import { namesOf } from '../../runtime/events/event-names.ts'
import { compileGlob } from '../../runtime/events/glob.ts'
import { say } from '../language/language.ts'
import { countWords } from '../page/figures.ts'
import type { PageInfo } from '../page/gateway-info.ts'
import { part } from '../page/page.ts'
import { serverTypes } from './event-names.ts'
import { splitGlobs } from './globs.ts'
import { createJudge, type Verdict, verdictWords } from './verdict.ts'

const refreshMs = 500
/** Types are the upstream's words: no more than these are listed. */
const maxTypes = 200
/** Patterns of which the counts are shown. */
const maxPatterns = 50

/** What an answer is made of. */
const writtenAnswer = ['response.output_text.delta', 'response.output_text.done']
/** Sound and transcript, as a session with audio has them. */
const spokenAnswer = ['audio.delta', 'audio_transcript.delta', 'audio_transcript.done'].map(
  name => `response.output_${name}`,
)

/** The preview of the allow-list. */
export class AllowList {
  readonly #info: PageInfo
  readonly #onChange: () => void
  readonly #patterns = part('#patterns', HTMLInputElement)
  readonly #panel = part('#allow-list', HTMLDetailsElement)
  readonly #seen = new Map<string, number>(serverTypes.map(type => [type, 0]))
  readonly #verdicts = new Map<string, Verdict>()
  #judge: (type: string) => Verdict = () => ({ kind: 'own' })
  #timer = 0

  /** @param onChange the verdicts are others now */
  constructor(info: PageInfo, onChange: () => void) {
    this.#info = info
    this.#onChange = onChange
    const configured = info.allowedEventTypes
    this.#patterns.value = configured?.join(', ') ?? ''
    part('#patterns-words', HTMLElement).textContent = configured
      ? say(
          'These are the patterns of this gateway. Change them here to try others; the gateway keeps its own.',
        )
      : say('This gateway does not say its patterns; write some to try them.')
    this.#patterns.oninput = () => this.#patternsOnInput()
    this.#panel.ontoggle = () => this.#show()
    this.#makeJudge()
  }

  /** Counts one event that came. */
  saw(type: string): void {
    const count = this.#seen.get(type)
    if (count === undefined && this.#seen.size >= maxTypes) return
    this.#seen.set(type, (count ?? 0) + 1)
    if (this.#panel.open && this.#timer === 0)
      this.#timer = window.setTimeout(() => {
        this.#timer = 0
        this.#show()
      }, refreshMs)
  }

  /** Whether the patterns would keep an event back. */
  drops(type: string): boolean {
    return this.#patterns.value.trim() !== '' && this.#verdictOn(type).kind === 'dropped'
  }

  /** Whether the gateway's patterns keep back all that an answer is made of, as its sessions give answers. */
  get dropsAnswers(): boolean {
    const { allowedEventTypes, extractedEventTypes, textOnly } = this.#info
    if (!allowedEventTypes) return false
    const judge = createJudge(allowedEventTypes.join(', '), extractedEventTypes ?? [])
    return (textOnly ? writtenAnswer : spokenAnswer).every(type => judge(type).kind === 'dropped')
  }

  #patternsOnInput(): void {
    this.#makeJudge()
    this.#show()
    this.#onChange()
  }

  #makeJudge(): void {
    this.#verdicts.clear()
    this.#judge = createJudge(this.#patterns.value, this.#info.extractedEventTypes ?? [])
  }

  #verdictOn(type: string): Verdict {
    const known = this.#verdicts.get(type)
    if (known) return known
    const verdict = this.#judge(type)
    if (this.#verdicts.size < maxTypes) this.#verdicts.set(type, verdict)
    return verdict
  }

  #show(): void {
    if (!this.#panel.open) return
    const rows = [...this.#seen].map(([type, count]) => {
      const verdict = this.#verdictOn(type)
      const row = document.createElement('tr')
      row.dataset.verdict = verdict.kind
      row.append(
        cell('th', type),
        cell('td', count === 0 ? '' : String(count)),
        cell('td', verdictWords(verdict)),
      )
      return row
    })
    part('#verdicts', HTMLTableSectionElement).replaceChildren(...rows)
    part('#pattern-counts', HTMLElement).replaceChildren(
      ...splitGlobs(this.#patterns.value)
        .slice(0, maxPatterns)
        .map(pattern => this.#countsOf(pattern)),
    )
  }

  /** What one pattern lets through of what was seen. */
  #countsOf(pattern: string): HTMLElement {
    const matches = compileGlob(pattern)
    const types = [...this.#seen].filter(([type]) => namesOf(type).some(matches))
    const events = types.reduce((sum, [, count]) => sum + count, 0)
    const line = document.createElement('li')
    line.textContent =
      types.length === 0
        ? say('{pattern}: no event has such a name', { pattern })
        : say('{pattern}: {events} of what was seen', { pattern, events: countWords(events, 'event') })
    return line
  }
}

function cell(kind: 'th' | 'td', text: string): HTMLElement {
  const element = document.createElement(kind)
  if (kind === 'th') element.setAttribute('scope', 'row')
  element.textContent = text
  return element
}
