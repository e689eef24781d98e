/** Plays a surface's corpus and generated inputs, in batches. */
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Stage } from '../gateway/start.ts'
import type { Surface, Target } from './surface.ts'

/** Inputs that have failed once, or are kept as examples: `SURFACE/NAME.json` in it, each a list that is one batch. */
const committedCorpus = join(import.meta.dirname, 'corpus')

/** A batch after which something did not hold. */
export class FuzzFailure extends Error {
  readonly inputs: readonly unknown[]
  constructor(surface: string, inputs: readonly unknown[], cause: unknown) {
    super(`${surface}: ${(cause as Error).message}\n${JSON.stringify(inputs).slice(0, shownChars)}`, {
      cause,
    })
    this.name = 'FuzzFailure'
    this.inputs = inputs
  }
}

const shownChars = 4000

export interface RunOptions {
  readonly seed: number
  /** Whether another generated batch is played. @param played inputs so far */
  readonly goesOn: (played: number) => boolean
  /** Folder of the corpus; default the one that is committed. */
  readonly corpus?: string
}

/** @returns how many inputs were played @throws FuzzFailure */
export async function runSurface<Input>(
  t: Stage,
  surface: Surface<Input>,
  { seed, goesOn, corpus = committedCorpus }: RunOptions,
): Promise<number> {
  const target = await surface.start(t)
  let played = 0
  const playBatch = async (inputs: readonly Input[]) => {
    await playAll(surface.name, target, inputs)
    played += inputs.length
  }
  for (const inputs of readCorpus<Input>(join(corpus, surface.name))) await playBatch(inputs)
  // A fresh seed for each batch, so that how many there are changes none of them.
  for (let batch = 0; goesOn(played); batch += 1)
    await playBatch(fc.sample(surface.inputs, { seed: seed + batch, numRuns: surface.batch }))
  await target.finish().catch(fault => {
    throw new FuzzFailure(surface.name, [], fault)
  })
  return played
}

/** Plays one batch at a target of its own. @throws FuzzFailure */
export async function replay<Input>(
  t: Stage,
  surface: Surface<Input>,
  inputs: readonly Input[],
): Promise<void> {
  await playAll(surface.name, await surface.start(t), inputs)
}

/** @throws FuzzFailure naming the input that failed, where that is one */
async function playAll<Input>(name: string, target: Target<Input>, inputs: readonly Input[]): Promise<void> {
  const outcomes = await Promise.allSettled(inputs.map(input => target.play(input)))
  for (const [at, outcome] of outcomes.entries())
    if (outcome.status === 'rejected') throw new FuzzFailure(name, [inputs[at]], outcome.reason)
  await target.check().catch(fault => {
    throw new FuzzFailure(name, inputs, fault)
  })
}

function readCorpus<Input>(folder: string): Input[][] {
  return globSync('*.json', { cwd: folder })
    .sort()
    .map(file => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Input[])
}

export interface Found {
  readonly failure: FuzzFailure
  /** Where the inputs that fail were written; null where what failed has no input, as memory that does not come back. */
  readonly file: string | null
}

/**
 * Runs a surface, and writes what failed into its corpus, where the surface's test plays it from then on: the one
 * input that fails alone where there is one, else the batch.
 * @returns what was found, or how many inputs were played
 */
export async function findFailure<Input>(
  surface: Surface<Input>,
  options: RunOptions,
): Promise<Found | number> {
  try {
    return await onStage(t => runSurface(t, surface, options))
  } catch (failure) {
    if (!(failure instanceof FuzzFailure)) throw failure
    const inputs = await onlyGuilty(surface, failure.inputs as readonly Input[])
    if (inputs.length === 0) return { failure, file: null }
    const text = `${JSON.stringify(inputs, null, 1)}\n`
    const folder = join(options.corpus ?? committedCorpus, surface.name)
    const file = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 12)}.json`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
    return { failure, file }
  }
}

/** Runs something on a stage, and ends what it started. */
async function onStage<Result>(run: (t: Stage) => Promise<Result>): Promise<Result> {
  const ends: (() => unknown)[] = []
  try {
    return await run({ teardown: end => void ends.push(end) })
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** The one input that fails alone, where there is one. */
async function onlyGuilty<Input>(
  surface: Surface<Input>,
  inputs: readonly Input[],
): Promise<readonly Input[]> {
  for (const input of inputs) {
    const isGuilty = await onStage(t => replay(t, surface, [input])).then(
      () => false,
      () => true,
    )
    if (isGuilty) return [input]
  }
  return inputs
}
