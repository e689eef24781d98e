/**
 * `npm run fuzz -- [--minutes N] [--seed S] [--surface NAME]`: fuzzes longer than `npm test` does, with a seed of its own.
 * A failing input is written into the corpus, where the surface's test plays it from then on.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { findFailure } from './run.ts'
import type { Surface } from './surface.ts'
import { surfaces } from './surfaces.ts'

const maxSeed = 2 ** 31 - 1
const msPerMinute = 60_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(randomInt(maxSeed)) },
    surface: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run fuzz -- [--minutes N] [--seed S] [--surface NAME]

Fuzzes longer than npm test does (10 minutes), with a seed of its own. A failing input is written into the corpus, where
the surface's test plays it from then on. Surfaces: ${surfaces.map(({ name }) => name).join(', ')}.`)
  process.exit(0)
}
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
const chosen = surfaces.filter(({ name }) => values.surface === undefined || name === values.surface)
if (!(minutes > 0) || !Number.isSafeInteger(seed) || chosen.length === 0) {
  console.error(
    `--minutes takes a number above 0, --seed a whole number, --surface one of ${surfaces.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}

const msEach = (minutes * msPerMinute) / chosen.length
console.log(`seed ${seed}, ${minutes} minutes, ${chosen.length} surfaces`)
let failures = 0
for (const surface of chosen) failures += (await fuzz(surface)) ? 0 : 1
process.exit(failures === 0 ? 0 : 1)

/** @returns whether nothing was found */
async function fuzz(surface: Surface<never>): Promise<boolean> {
  const until = performance.now() + msEach
  const found = await findFailure(surface, { seed, goesOn: () => performance.now() < until })
  if (typeof found === 'number') {
    console.log(`${surface.name}: ${found} inputs, nothing found`)
    return true
  }
  console.error(`${found.failure.message}\n`)
  if (found.file !== null)
    console.error(`${found.file}: name it after what it shows; npm test plays it from now on`)
  return false
}
