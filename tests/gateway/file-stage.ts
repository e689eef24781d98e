/** What a whole test file shares: it ends when the file does. */
import type { TestFn } from 'ava'
import type { Stage } from './start.ts'

/** Makes a stage that lasts as long as the file. What was begun last ends first. */
export function stageOf(test: TestFn): Stage {
  const ends: (() => unknown)[] = []
  test.after.always(async () => {
    for (const end of ends.reverse()) await end()
  })
  return { teardown: end => ends.push(end) }
}
