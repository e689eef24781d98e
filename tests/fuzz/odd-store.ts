/** A store that keeps what it is given, and answers otherwise where it is told to. */
import { GatewayError } from '../../runtime/core/errors.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'

/** What an operation answers in place of the truth: a value, a rejection, or nothing ever. */
export type StoreAnswer =
  | { readonly kind: 'true' }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'never' }

/** By operation, over and over; operations that are not named answer the truth. */
export type StoreAnswers = Readonly<Partial<Record<string, readonly StoreAnswer[]>>>

export function createOddStore(): { store: Store; answer(answers: StoreAnswers): void } {
  const memory = createMemoryStore()
  let answers: StoreAnswers = {}
  let asked = 0
  /** Operations that nobody answered: their callers are still there, and are let go at the next change. */
  let unanswered: ((fault: Error) => void)[] = []
  const store = new Proxy(memory, {
    get: (_memory, operation: keyof Store) => {
      const act = memory[operation] as (...given: unknown[]) => unknown
      if (operation === 'close' || operation === 'unavailable') return act.bind(memory)
      return async (...given: unknown[]) => {
        const planned = answers[operation] ?? []
        const answer = planned.length === 0 ? { kind: 'true' as const } : planned[asked++ % planned.length]
        switch (answer?.kind) {
          case 'value':
            return answer.value
          case 'unavailable':
            throw new GatewayError('store_unavailable', 'The store cannot be reached')
          case 'never':
            return new Promise((_resolve, reject) => unanswered.push(reject))
          default:
            return act.apply(memory, given)
        }
      }
    },
  })
  return {
    store,
    answer: next => {
      answers = next
      asked = 0
      const waiting = unanswered
      unanswered = []
      for (const reject of waiting) reject(new GatewayError('store_unavailable', 'The store did not answer'))
    },
  }
}
