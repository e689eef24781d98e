/**
 * A store that answers in rounds: what is asked before an answer is waited for is answered together, as a connection to
 * Redis sends it together. Rounds are the waits of whoever asks, one after another.
 */
import { operations } from '../../runtime/store/ipc.ts'
import type { Store } from '../../runtime/store/store.ts'

export interface RoundedStore {
  readonly store: Store
  /** Begins to count: only so many rounds are answered from now on; what is asked beyond them waits for the next count. */
  answer(rounds: number): void
  /** Resolves when all that was asked is answered, and what was asked for that. */
  quiet(): Promise<void>
  /** Resolves when something is asked that is not answered. */
  untilAsked(): Promise<void>
  /** Rounds that were answered since the count began. */
  readonly answered: number
}

/** Lists that a process looks through by itself, at intervals: nobody waits for them. */
const ownLists: ReadonlySet<unknown> = new Set(['conversation-ends', 'events', 'calls:heard'])

export function answeringInRounds(inner: Store): RoundedStore {
  let left = Number.POSITIVE_INFINITY
  let answered = 0
  let asked: (() => void)[] = []
  const answerRound = () => {
    if (left <= 0 || asked.length === 0) return
    const round = asked
    asked = []
    left -= 1
    answered += 1
    for (const run of round) run()
  }
  const ask = (operation: string, given: readonly unknown[]): Promise<unknown> => {
    const act = inner[operation as keyof Store] as (...given: readonly unknown[]) => Promise<unknown>
    if (ownLists.has(given[0])) return act.apply(inner, given as [])
    const { promise, resolve } = Promise.withResolvers<unknown>()
    if (asked.length === 0) setImmediate(answerRound)
    asked.push(() => resolve(act.apply(inner, given as [])))
    return promise
  }
  const store = {
    ...Object.fromEntries(
      operations.map(operation => [operation, (...given: readonly unknown[]) => ask(operation, given)]),
    ),
    unavailable: () => inner.unavailable(),
    close: () => inner.close(),
  } as unknown as Store
  return {
    store,
    answer: rounds => {
      left = rounds
      answered = 0
      setImmediate(answerRound)
    },
    quiet: async () => {
      do await new Promise(resolve => setImmediate(resolve))
      while (asked.length > 0)
    },
    untilAsked: async () => {
      do await new Promise(resolve => setImmediate(resolve))
      while (asked.length === 0 || left > 0)
    },
    get answered() {
      return answered
    },
  }
}
