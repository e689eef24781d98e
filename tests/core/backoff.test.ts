/** How long is waited between tries, and that one place says so. */
import { globSync, readFileSync } from 'node:fs'
import test from 'ava'
import { backoffMs } from '../../runtime/core/backoff.ts'
import { root } from '../repository/layout.ts'

const bounds = { firstMs: 200, lastMs: 3000 }

const rows: readonly [failures: number, shortest: number, longest: number][] = [
  [1, 100, 200],
  [2, 200, 400],
  [3, 400, 800],
  [4, 800, 1600],
  [5, 1500, 3000],
  [6, 1500, 3000],
  [5000, 1500, 3000],
]

for (const [failures, shortest, longest] of rows) {
  test(`after ${failures} failures the wait is from ${shortest} to ${longest} ms`, t => {
    t.is(
      backoffMs(bounds, failures, () => 0),
      shortest,
    )
    t.is(
      backoffMs(bounds, failures, () => 1),
      longest,
    )
    const waitMs = backoffMs(bounds, failures)
    t.true(waitMs >= shortest && waitMs <= longest)
  })
}

test('nothing else in the runtime doubles a wait, or shortens one at random', t => {
  const files = globSync('runtime/**/*.ts', { cwd: root, exclude: ['runtime/simulator/**'] })
  const others = files.filter(file =>
    /random\(\) \/ 2|2 \*\* \(?[#\w.]*(tr|retr|fail|round|attempt)/i.test(read(file)),
  )
  t.deepEqual(others, ['runtime/core/backoff.ts'])
})

function read(file: string): string {
  return readFileSync(`${root}/${file}`, 'utf8')
}
