/** A tour of the playground in five steps: each names a part of the page, and shows it. */
import { say, type Words } from '../language/language.ts'
import { part } from '../page/page.ts'

/** A part of the page, and what it is for. */
interface Step {
  selector: string
  words: Words
}

const steps: readonly Step[] = [
  {
    selector: '#connect-card',
    words:
      'Choose where to connect: through the filter of this gateway, or to everything that upstream sends.',
  },
  {
    selector: '#compose-card',
    words: 'Write an event or choose a template, then send it. A connection is made by itself.',
  },
  {
    selector: '#events-card',
    words: 'Everything that is sent and received is listed here. Choose an event to see it whole.',
  },
  {
    selector: '#answer-card',
    words: 'The last answer as text, and the JSON that was found in it.',
  },
  {
    selector: '#allow-list',
    words: 'Try what a filter would let through of what you have just seen.',
  },
]

/** Joins the tour's button and its box. */
export function joinTour(): void {
  const box = part('#tour', HTMLElement)
  const words = part('#tour-words', HTMLElement)
  const next = part('#tour-next', HTMLButtonElement)
  const start = part('#tour-start', HTMLButtonElement)
  let at = 0
  const show = () => {
    for (const element of document.querySelectorAll('[data-toured]')) element.removeAttribute('data-toured')
    const step = steps[at]
    box.hidden = step === undefined
    if (!step) return start.focus()
    const target = part(step.selector, HTMLElement)
    if (target instanceof HTMLDetailsElement) target.open = true
    target.dataset.toured = ''
    target.scrollIntoView({ block: 'center', behavior: 'instant' })
    words.textContent = `${at + 1} / ${steps.length}  ${say(step.words)}`
    next.textContent = say(at === steps.length - 1 ? 'End the tour' : 'Next')
  }
  const go = (to: number) => {
    at = to
    show()
  }
  start.onclick = () => {
    go(0)
    next.focus()
  }
  next.onclick = () => go(at + 1)
  part('#tour-end', HTMLButtonElement).onclick = () => go(steps.length)
}
