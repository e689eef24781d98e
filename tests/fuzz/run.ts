/** Plays a surface's corpus and generated inputs, in batches. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Stage } from '../gateway/start.ts'
import type { Surface, Target } from './surface.ts'

/** Inputs that have failed once, or are kept as examples: `corpus/SURFACE/NAME.json`, each a list that is one batch. */
export const corpus = join(import.meta.dirname, 'corpus')

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
}

/** @returns how many inputs were played @throws FuzzFailure */
export async function runSurface<Input>(
  t: Stage,
  surface: Surface<Input>,
  { seed, goesOn }: RunOptions,
): Promise<number> {
  const target = await surface.start(t)
  let played = 0
  const playBatch = async (inputs: readonly Input[]) => {
    await playAll(surface.name, target, inputs)
    played += inputs.length
  }
  for (const inputs of readCorpus<Input>(surface.name)) await playBatch(inputs)
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

function readCorpus<Input>(name: string): Input[][] {
  return globSync(`${name}/*.json`, { cwd: corpus })
    .sort()
    .map(file => JSON.parse(readFileSync(join(corpus, file), 'utf8')) as Input[])
}
