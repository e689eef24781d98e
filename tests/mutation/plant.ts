/** Plants mutants in a copy of the tree, one at a time, and runs the tests that should notice them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type Mutant, plant } from './mutants.ts'

/**
 * | word     | what happened                                                   |
 * |----------|-----------------------------------------------------------------|
 * | noticed  | a test failed                                                   |
 * | hung     | a test did not end in the time that was given; counts as noticed |
 * | survived | all tests passed                                                |
 */
export type Outcome = 'noticed' | 'hung' | 'survived'

export interface Verdict {
  readonly mutant: Mutant
  readonly outcome: Outcome
  /** The test file that noticed; null where none did. */
  readonly by: string | null
}

/** What a test file may take (ms): so much, and so many times what it takes without a fault. */
export interface Patience {
  readonly ms: number
  readonly times: number
}

export const patience: Patience = { ms: 10_000, times: 3 }

/** A test file that does not end without a fault within this time is of no use here (ms). */
const cleanMs = 180_000

/** Of the output of a test that should have passed, so many characters are shown, from its end. */
const shownChars = 2000

/** Not copied: what is linked, large, or of no use to a test. */
const notCopied = new Set(['node_modules', '.git', 'reports'])

/** A copy of the tree in which faults are planted. */
export class Plot {
  readonly #root: string
  readonly #copy: string
  readonly #patience: Patience
  /** Time that test files take without a fault (ms). */
  readonly #cleanMs = new Map<string, number>()
  #running: ChildProcess | null = null
  /** Test files that fail without a fault, and the end of what each wrote. */
  readonly broken = new Map<string, string>()
  /** The end of what the last run wrote. */
  #output = ''

  /** @param root the tree that is copied; it is only read */
  constructor(root: string, { ms, times }: Patience = patience) {
    this.#root = root
    this.#patience = { ms, times }
    this.#copy = mkdtempSync(join(tmpdir(), 'mutate-'))
    cpSync(root, this.#copy, {
      recursive: true,
      filter: source => !notCopied.has(relative(root, source)),
    })
    symlinkSync(join(root, 'node_modules'), join(this.#copy, 'node_modules'))
  }

  /** Ends what runs and removes the copy. Safe to call twice. */
  clear(): void {
    if (this.#running !== null) endGroup(this.#running)
    rmSync(this.#copy, { recursive: true, force: true })
  }

  /**
   * Plants a mutant and runs test files, fastest first, until one notices it. A test file that fails without any
   * fault is left out, and told in `broken`.
   * @param tests paths from the root
   * @throws Error where no test file is left
   */
  async try(mutant: Mutant, tests: readonly string[]): Promise<Verdict> {
    for (const test of tests) await this.#measure(test)
    const sound = tests.filter(test => !this.broken.has(test))
    if (sound.length === 0)
      throw new Error(`No test of ${mutant.file} passes without a fault: ${tests.join(', ')}`)
    const cleanMsOf = (test: string) => this.#cleanMs.get(test) ?? 0
    const planted = join(this.#copy, mutant.file)
    const source = readFileSync(planted, 'utf8')
    writeFileSync(planted, plant(source, mutant))
    try {
      for (const test of sound.toSorted((a, b) => cleanMsOf(a) - cleanMsOf(b))) {
        const outcome = await this.#run(test, this.#patience.ms + this.#patience.times * cleanMsOf(test))
        if (outcome !== 'survived') return { mutant, outcome, by: test }
      }
      return { mutant, outcome: 'survived', by: null }
    } finally {
      writeFileSync(planted, source)
    }
  }

  async #measure(test: string): Promise<void> {
    if (this.#cleanMs.has(test) || this.broken.has(test)) return
    const startedAt = performance.now()
    // Once more where it failed: a busy machine is no fault.
    const passes =
      (await this.#run(test, cleanMs)) === 'survived' || (await this.#run(test, cleanMs)) === 'survived'
    if (!passes) return void this.broken.set(test, this.#output)
    this.#cleanMs.set(test, performance.now() - startedAt)
  }

  /** Runs one test file up to its first failure. */
  #run(test: string, withinMs: number): Promise<Outcome> {
    const ava = join(this.#root, 'node_modules/.bin/ava')
    // A group of its own, so that what a test has started ends with it.
    const child = spawn(process.execPath, [ava, '--fail-fast', test], {
      cwd: this.#copy,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#running = child
    this.#output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', chunk => {
        this.#output = `${this.#output}${chunk}`.slice(-shownChars)
      })
    return new Promise((resolve, reject) => {
      let outcome: Outcome | null = null
      const timer = setTimeout(() => {
        outcome = 'hung'
        endGroup(child)
      }, withinMs)
      child.once('error', reject)
      child.once('exit', code => {
        clearTimeout(timer)
        endGroup(child)
        this.#running = null
        resolve(outcome ?? (code === 0 ? 'survived' : 'noticed'))
      })
    })
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}
