/**
 * `npm run mutate -- [--files GLOB] [--count N] [--seed N] [--list] [--json]`: plants single faults in the critical
 * files, and tells which of them no test notices. Works in a copy of the tree; ends with 1 where a group is below
 * the aim.
 *
 * - `--files`: only files whose path from the root fits; default all of the table
 * - `--count`: mutants planted in each group, drawn at random; default 25, 0 plants all
 * - `--seed`: of the draw; default random
 * - `--list`: names the mutants and plants none
 * - `--json`: the report as JSON
 */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { parseArgs } from 'node:util'
import { installServers } from '../rehearsal/install-servers.ts'
import { draw } from './draw.ts'
import { findMutants, type Mutant } from './mutants.ts'
import { Plot, patience, type Verdict } from './plant.ts'
import { aim, type GroupResult, noticedPart, writeReport } from './report.ts'
import { groups, root } from './table.ts'

const maxSeed = 2 ** 31 - 1

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '**' },
    count: { type: 'string', default: '25' },
    seed: { type: 'string', default: String(randomInt(maxSeed)) },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run mutate -- [--files GLOB] [--count N] [--seed N] [--list] [--json]

Plants single faults in the critical files, one at a time in a copy of the tree, and tells which no test notices.
  --files GLOB  only files whose path from the root fits (all of tests/mutation/table.ts)
  --count N     mutants planted in each group, drawn at random; 0 plants all (25)
  --seed N      of the draw (random)
  --list        names the mutants and plants none
  --json        the report as JSON`)
  process.exit(0)
}
const [count, seed] = [Number(values.count), Number(values.seed)]
const drawn = groups.flatMap(({ name, tests }) => {
  const files = Object.keys(tests).filter(file => matchesGlob(file, values.files))
  const found = files.flatMap(file => findMutants(file, readFileSync(join(root, file), 'utf8')))
  return files.length === 0 ? [] : [{ name, tests, found, mutants: draw(found, count, seed) }]
})
if (!Number.isSafeInteger(count) || count < 0 || !Number.isSafeInteger(seed) || drawn.length === 0) {
  console.error(
    '--count takes a whole number from 0, --seed a whole number, --files a glob of files of tests/mutation/table.ts',
  )
  process.exit(2)
}
if (values.list) {
  for (const { mutants } of drawn) for (const mutant of mutants) console.log(describe(mutant))
  process.exit(0)
}

installServers()
const plot = new Plot(root, patience, join(root, 'node_modules/.cache/mutation'))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    plot.clear()
    process.exit(1)
  })
const results: GroupResult[] = []
try {
  for (const { name, tests, found, mutants } of drawn) {
    const verdicts: Verdict[] = []
    for (const mutant of mutants) {
      const verdict = await plot.try(mutant, tests[mutant.file] ?? [])
      verdicts.push(verdict)
      // The report goes to stdout alone.
      console.error(
        `${verdict.outcome.padEnd(8)} ${describe(mutant)}${verdict.by === null ? '' : ` [${verdict.by}]`}`,
      )
    }
    results.push({ group: name, found: found.length, verdicts })
  }
} finally {
  plot.clear()
}
for (const [test, output] of plot.broken)
  console.error(`${test} fails without a fault and was left out:\n${output}`)
console.log(values.json ? JSON.stringify({ seed, results }, null, 2) : writeReport(results, seed))
// An exit at once would cut off what a slow reader has not taken from a pipe yet.
process.exitCode = results.every(result => noticedPart(result) >= aim) ? 0 : 1

function describe({ file, line, kind, shown }: Mutant): string {
  return `${file}:${line} ${kind}: ${shown}`
}
