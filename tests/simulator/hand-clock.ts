import type { Pacer } from '../../runtime/simulator/clock.ts'

/** A clock that goes only when told. */
export function createHandClock(): Pacer & { goTo(ms: number): void } {
  let nowMs = 0
  const tasks: { atMs: number; task: () => void }[] = []
  return {
    now: () => nowMs,
    at: (atMs, task) => {
      const entry = { atMs, task }
      tasks.push(entry)
      return () => {
        const index = tasks.indexOf(entry)
        if (index >= 0) tasks.splice(index, 1)
      }
    },
    goTo: ms => {
      for (;;) {
        tasks.sort((a, b) => a.atMs - b.atMs)
        const next = tasks[0]
        if (next === undefined || next.atMs > ms) break
        tasks.shift()
        nowMs = Math.max(nowMs, next.atMs)
        next.task()
      }
      nowMs = ms
    },
  }
}
