/** The numbered steps and how far each is. */
import { say, type Words } from '../language/language.ts'
import { part } from '../page/page.ts'

export type StepName = 'session' | 'call' | 'control'
/** `waiting`: an earlier step comes first. `next`: it can be done now. `ended`: it was done and is over. `elsewhere`: not this page did it. */
export type StepState = 'waiting' | 'next' | 'working' | 'done' | 'failed' | 'ended' | 'elsewhere'

const wordsOf: Record<StepState, Words> = {
  waiting: 'Not yet',
  next: 'Ready to start',
  working: 'Working…',
  done: 'Done',
  failed: 'Failed',
  ended: 'Ended',
  elsewhere: 'The call came by telephone',
}

/** Makes the view of the steps. @param run does one step */
export function createSteps(run: (step: StepName) => void) {
  for (const name of ['session', 'call', 'control'] as const)
    part(`#step-${name} button`, HTMLButtonElement).onclick = () => run(name)

  /** @param words besides the state: an id, a reason */
  return (name: StepName, state: StepState, words = ''): void => {
    const element = part(`#step-${name}`, HTMLElement)
    element.dataset.state = state
    element.ariaCurrent = state === 'next' || state === 'working' ? 'step' : null
    part('.step-words', HTMLElement, element).textContent = words
      ? `${say(wordsOf[state])}: ${words}`
      : say(wordsOf[state])
    part('button', HTMLButtonElement, element).disabled = !['next', 'failed'].includes(state)
  }
}
