/** What the fuzzer does with an input that fails: it is found, written as a file, and played from then on. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { FuzzFailure, findFailure, runSurface } from './run.ts'
import type { Surface } from './surface.ts'

const batch = 20
/** Inputs from here on fail. */
const guilty = 900

interface Fault {
  /** When a guilty input is noticed: as it is played, or only when its batch is over. */
  noticed: 'at once' | 'after the batch' | 'only with another' | 'never'
  isMemoryLeft?: boolean
}

/** A surface whose target has a fault planted in it. */
function surfaceOf(fault: Fault) {
  const stages = { started: 0, ended: 0 }
  const surface: Surface<number> = {
    name: 'numbers',
    batch,
    inputs: fc.nat({ max: 999 }),
    start: async t => {
      stages.started += 1
      t.teardown(() => {
        stages.ended += 1
      })
      const played: number[] = []
      return {
        play: async input => {
          played.push(input)
          if (fault.noticed === 'at once' && input >= guilty) throw new Error(`${input} fails`)
        },
        check: async () => {
          const found = played.splice(0)
          const isFound = found.some(input => input >= guilty)
          if (fault.noticed === 'after the batch' && isFound) throw new Error('the batch fails')
          if (fault.noticed === 'only with another' && isFound && found.length > 1)
            throw new Error('two fail')
        },
        finish: async () => {
          if (fault.isMemoryLeft) throw new Error('memory is left')
        },
      }
    },
  }
  return { surface, stages }
}

function corpusFor(t: ExecutionContext): string {
  const corpus = mkdtempSync(join(tmpdir(), 'corpus-'))
  t.teardown(() => rmSync(corpus, { recursive: true, force: true }))
  return corpus
}

const options = (corpus: string) => ({ seed: 1, goesOn: (played: number) => played < 500, corpus })

for (const noticed of ['at once', 'after the batch'] as const) {
  test(`an input whose fault is noticed ${noticed} is written alone, and is a test from then on`, async t => {
    const corpus = corpusFor(t)
    const fault: Fault = { noticed }
    const { surface, stages } = surfaceOf(fault)
    const found = await findFailure(surface, options(corpus))
    if (typeof found === 'number' || found.file === null) return t.fail('nothing was found')
    t.deepEqual(readdirSync(join(corpus, 'numbers')), [basename(found.file)])
    const inputs = JSON.parse(readFileSync(found.file, 'utf8')) as number[]
    t.is(inputs.length, 1)
    t.true((inputs[0] ?? 0) >= guilty)
    t.regex(found.failure.message, /^numbers: /)
    t.is(stages.ended, stages.started)

    const corpusAlone = { ...options(corpus), goesOn: () => false }
    const failure = await t.throwsAsync(runSurface(t, surface, corpusAlone), { instanceOf: FuzzFailure })
    t.deepEqual(failure?.inputs, inputs)
    fault.noticed = 'never'
    t.is(await runSurface(t, surface, corpusAlone), 1)
  })
}

test('inputs that fail only together are written together', async t => {
  const corpus = corpusFor(t)
  const { surface } = surfaceOf({ noticed: 'only with another' })
  const found = await findFailure(surface, options(corpus))
  if (typeof found === 'number' || found.file === null) return t.fail('nothing was found')
  t.is((JSON.parse(readFileSync(found.file, 'utf8')) as number[]).length, batch)
})

test('a failure that no input stands for is told, and nothing is written', async t => {
  const corpus = corpusFor(t)
  const { surface } = surfaceOf({ noticed: 'never', isMemoryLeft: true })
  const found = await findFailure(surface, options(corpus))
  if (typeof found === 'number') return t.fail('nothing was found')
  t.is(found.file, null)
  t.regex(found.failure.message, /memory is left/)
  t.deepEqual(readdirSync(corpus), [])
})

test('where nothing fails, all is played and nothing is written', async t => {
  const corpus = corpusFor(t)
  const { surface, stages } = surfaceOf({ noticed: 'never' })
  t.is(await findFailure(surface, options(corpus)), 500)
  t.deepEqual(readdirSync(corpus), [])
  t.deepEqual(stages, { started: 1, ended: 1 })
})

test('what is no finding, such as a target that does not start, is not taken for one', async t => {
  const { surface } = surfaceOf({ noticed: 'never' })
  const broken = { ...surface, start: () => Promise.reject(new Error('no gateway')) }
  await t.throwsAsync(findFailure(broken, options(corpusFor(t))), { message: 'no gateway' })
})
