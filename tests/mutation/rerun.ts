/**
 * Runs test files of a tree again and again within one process: what they import from the tree is evaluated anew for
 * each run, what they import from elsewhere once. Without ava's command and a new process, a run takes a tenth of the
 * time. A child process: it is sent a `Run`, and answers with an `Ended`.
 */
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export interface Run {
  /** Path from the tree, which is the working directory. */
  readonly test: string
}

export interface Ended {
  readonly hasPassed: boolean
}

/** Tests that go on beside one that failed have so much time to end (ms). */
const restMs = 2000

/** What of ava's own runner is used; it has no types. */
interface Runner {
  readonly chain: unknown
  on(event: 'stateChange', told: (event: { readonly data: { readonly type: string } }) => void): void
  on(event: 'finish' | 'error', told: () => void): void
}

const tree = process.cwd()
/** Tests may put clocks of their own in place of the machine's. */
const { setTimeout } = globalThis
const below = `${pathToFileURL(tree)}/`
const ava = new URL('../../node_modules/ava/lib/runner.js', import.meta.url).href
const { default: Runner } = (await import(ava)) as { default: new (options: object) => Runner }

/** Of the present run: its number, and what its test file gets as `ava`. */
const present = { number: 0, chain: null as unknown }
Object.assign(globalThis, { mutationChain: () => present.chain })

/** Path → source, and the same without types. */
const stripped = new Map<string, readonly [source: string, code: string]>()

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'ava') return { url: `ava:${present.number}`, format: 'module', shortCircuit: true }
    const found = next(specifier, context)
    if (!found.url.startsWith(below)) return found
    // What is imported later belongs to the run that imports it.
    const run = /\?run=(\d+)$/.exec(context.parentURL ?? '')?.[1] ?? present.number
    return { ...found, url: `${found.url}?run=${run}` }
  },
  load: (url, context, next) => {
    if (url.startsWith('ava:'))
      return { format: 'module', source: 'export default globalThis.mutationChain()', shortCircuit: true }
    if (!url.startsWith(below) || !/\.ts\?run=\d+$/.test(url)) return next(url, context)
    return { format: 'module', source: codeOf(fileURLToPath(url)), shortCircuit: true }
  },
})

function codeOf(path: string): string {
  const source = readFileSync(path, 'utf8')
  const [known, code] = stripped.get(path) ?? []
  if (known === source && code !== undefined) return code
  const fresh = stripTypeScriptTypes(source)
  stripped.set(path, [source, fresh])
  return fresh
}

/** @returns whether all tests passed */
async function run({ test }: Run): Promise<boolean> {
  const file = join(tree, test)
  const runner = new Runner({ file, failFast: true, projectDir: tree })
  present.number += 1
  present.chain = runner.chain
  const finished = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<void>()
  let hasPassed = true
  const fail = () => {
    hasPassed = false
    failed.resolve()
  }
  runner.on('stateChange', ({ data: { type } }) => {
    if (type.endsWith('-failed')) fail()
  })
  runner.on('finish', () => finished.resolve())
  runner.on('error', fail)
  for (const word of ['uncaughtException', 'unhandledRejection'] as const) process.on(word, fail)
  try {
    // A test that waits for nothing is ended when nothing else keeps this process.
    process.channel?.unref()
    await Promise.race([import(`${pathToFileURL(file)}`), failed.promise])
    await Promise.race([finished.promise, failed.promise])
    if (!hasPassed)
      await Promise.race([finished.promise, new Promise(resolve => setTimeout(resolve, restMs))])
  } catch {
    hasPassed = false
  }
  process.channel?.ref()
  for (const word of ['uncaughtException', 'unhandledRejection'] as const) process.off(word, fail)
  return hasPassed
}

process.on('message', async (asked: Run) => {
  process.send?.({ hasPassed: await run(asked) } satisfies Ended)
})
// Between runs what is left of a run that failed may fail, too.
for (const word of ['uncaughtException', 'unhandledRejection'] as const) process.on(word, () => undefined)
