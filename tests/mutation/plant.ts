/** Plants mutants in a copy of the tree, one at a time, and runs the tests that should notice them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Mutant, plant } from './mutants.ts'
import { QuickRuns } from './quick-runs.ts'
import type { Recorded } from './record-coverage.ts'

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

/** A test file that takes no longer than this is run before others are measured (ms). */
const quickMs = 6000

/** A test file that takes no longer than this in a process that is kept is run there first (ms). */
const maxFirstLookMs = 3000

/** A test file that takes longer than this as ava runs it is not tried in such a process (ms). */
const slowMs = 12_000

const recorder = join(import.meta.dirname, 'record-coverage.ts')

/** What a test file does without a fault. */
interface Clean {
  readonly ms: number
  /** What its processes run; null where that is not known. */
  readonly runs: readonly Recorded[] | null
  /** Time that it takes in a process that is kept (ms); null where it takes long, or does not pass there. */
  readonly firstLookMs: number | null
}

/** Of the output of a test that should have passed, so many characters are shown, from its end. */
const shownChars = 2000

/** Not copied: what is linked, large, or of no use to a test. */
const notCopied = new Set(['node_modules', '.git', 'reports'])

/** What a test file may run, besides itself: paths from the root. */
const sources = '{runtime,tests,web,infra}/**/*.{ts,js,json}'

/** A copy of the tree in which faults are planted. */
export class Plot {
  readonly #root: string
  readonly #copy: string
  readonly #patience: Patience
  readonly #clean = new Map<string, Clean>()
  readonly #measured: string | null
  /** Of all sources but test files and this runner. */
  readonly #sourcesHash: string
  readonly #quickRuns: QuickRuns
  /** Has Node keep what it compiled; not where code is recorded, as less is known of kept code. */
  readonly #compiled: NodeJS.ProcessEnv
  #running: ChildProcess | null = null
  /** Test files that fail without a fault, and the end of what each wrote. */
  readonly broken = new Map<string, string>()
  /** The end of what the last run wrote. */
  #output = ''

  /**
   * @param root the tree that is copied; it is only read
   * @param measured folder that keeps what test files do without a fault, for trees with the same sources; null: none
   */
  constructor(root: string, { ms, times }: Patience = patience, measured: string | null = null) {
    this.#root = root
    this.#patience = { ms, times }
    this.#copy = mkdtempSync(join(tmpdir(), 'mutate-'))
    cpSync(root, this.#copy, {
      recursive: true,
      filter: source => !notCopied.has(relative(root, source)),
    })
    symlinkSync(join(root, 'node_modules'), join(this.#copy, 'node_modules'))
    this.#measured = measured
    this.#sourcesHash = hashOf(
      globSync(sources, { cwd: this.#copy })
        .filter(path => !path.endsWith('.test.ts') && !path.startsWith('tests/mutation/'))
        .toSorted()
        .map(path => join(this.#copy, path)),
    )
    this.#quickRuns = new QuickRuns(this.#copy)
    this.#compiled = { NODE_COMPILE_CACHE: join(this.#copy, '.compiled') }
  }

  /** Ends what runs and removes the copy. Safe to call twice. */
  clear(): void {
    this.#quickRuns.end()
    if (this.#running !== null) endGroup(this.#running)
    rmSync(this.#copy, { recursive: true, force: true })
  }

  /**
   * Plants a mutant and runs test files, fast ones first, until one notices it. Those that can are run in a process
   * that is kept; where all pass there, each once more as ava runs it. Left out are test files that fail without any
   * fault (told in `broken`), and those that do not run the code that the mutant changes; where none does, as far as
   * is known, all are run.
   * @param tests paths from the root
   * @throws Error where no test file is left
   */
  async try(mutant: Mutant, tests: readonly string[]): Promise<Verdict> {
    const left = new Set(tests)
    const [others, again]: [string[], string[]] = [[], []]
    for (let test = await this.#next(left); test !== null; test = await this.#next(left)) {
      left.delete(test)
      if (!this.#runs(test, mutant)) {
        others.push(test)
        continue
      }
      const isQuick = this.#clean.get(test)?.firstLookMs !== null
      if (isQuick) again.push(test)
      const outcome = await (isQuick ? this.#firstLook(mutant, test) : this.#tryWith(mutant, test))
      if (outcome !== 'survived') return { mutant, outcome, by: test }
    }
    const sound = tests.filter(test => !this.broken.has(test))
    if (sound.length === 0)
      throw new Error(`No test of ${mutant.file} passes without a fault: ${tests.join(', ')}`)
    for (const test of others.length === sound.length ? others : again) {
      const outcome = await this.#tryWith(mutant, test)
      if (outcome !== 'survived') return { mutant, outcome, by: test }
    }
    return { mutant, outcome: 'survived', by: null }
  }

  /** @returns the next test file to run: measured quick ones first, then those not yet measured; null after the last */
  async #next(left: ReadonlySet<string>): Promise<string | null> {
    for (;;) {
      const sound = [...left].filter(test => !this.broken.has(test))
      const measured = sound.filter(test => this.#clean.has(test))
      const [fastest = null] = measured.sort((a, b) => this.#costOf(a) - this.#costOf(b))
      if (fastest !== null && this.#costOf(fastest) <= quickMs) return fastest
      const unknown = sound.find(test => !this.#clean.has(test))
      if (unknown === undefined) return fastest
      await this.#measure(unknown)
    }
  }

  #costOf(test: string): number {
    const { ms = 0, firstLookMs = null } = this.#clean.get(test) ?? {}
    return firstLookMs ?? ms
  }

  /** Runs a test file in a process that is kept. */
  async #firstLook(mutant: Mutant, test: string): Promise<Outcome> {
    const withinMs = this.#patience.ms + this.#patience.times * this.#costOf(test)
    const outcome = await this.#planted(mutant, () => this.#quickRuns.run(test, withinMs))
    if (outcome !== 'failed') return outcome === 'passed' ? 'survived' : outcome
    // What an earlier run left behind may have failed, too: a fault is noticed where its absence passes.
    if ((await this.#quickRuns.run(test, withinMs)) === 'passed') return 'noticed'
    this.#quickRuns.end()
    return 'survived'
  }

  #tryWith(mutant: Mutant, test: string): Promise<Outcome> {
    const withinMs = this.#patience.ms + this.#patience.times * (this.#clean.get(test)?.ms ?? 0)
    return this.#planted(mutant, () => this.#run(test, withinMs))
  }

  /** Does something while a mutant is planted. */
  async #planted<Result>(mutant: Mutant, act: () => Promise<Result>): Promise<Result> {
    const planted = join(this.#copy, mutant.file)
    const source = readFileSync(planted, 'utf8')
    writeFileSync(planted, plant(source, mutant))
    try {
      return await act()
    } finally {
      writeFileSync(planted, source)
    }
  }

  /** Whether a test file runs what a mutant changes, or may do so. */
  #runs(test: string, { file, runsFrom, end }: Mutant): boolean {
    const { runs = null } = this.#clean.get(test) ?? {}
    return runs === null || runs.some(recorded => overlaps(recorded[file] ?? [], runsFrom, end))
  }

  /** @returns the file that keeps what a test file does without a fault; null where nothing is kept */
  #keptIn(test: string): string | null {
    if (this.#measured === null) return null
    const name = createHash('sha256')
      .update(this.#sourcesHash)
      .update(hashOf([join(this.#copy, test)]))
    return join(this.#measured, `${name.digest('hex')}.json`)
  }

  async #measure(test: string): Promise<void> {
    const kept = this.#keptIn(test)
    if (kept !== null && existsSync(kept))
      return void this.#clean.set(test, JSON.parse(readFileSync(kept, 'utf8')))
    await this.#runClean(test)
    const clean = this.#clean.get(test)
    if (kept === null || this.#measured === null || clean === undefined) return
    mkdirSync(this.#measured, { recursive: true })
    writeFileSync(kept, JSON.stringify(clean))
  }

  /** Runs a test file without a fault: what it does is kept in `#clean`, or it is broken. */
  async #runClean(test: string): Promise<void> {
    const folder = join(this.#copy, '.coverage')
    mkdirSync(folder)
    const env = {
      MUTATE_TREE: this.#copy,
      MUTATE_COVERAGE: folder,
      NODE_OPTIONS: `--import=${pathToFileURL(recorder)}`,
    }
    try {
      const startedAt = performance.now()
      if ((await this.#run(test, cleanMs, env)) === 'survived') {
        const ms = performance.now() - startedAt
        const written = readdirSync(folder).filter(name => name.endsWith('.json'))
        const runs = written.map(name => JSON.parse(readFileSync(join(folder, name), 'utf8')))
        const isSlow = ms > slowMs
        const firstLookMs = isSlow ? null : await this.#measureFirstLook(test)
        return void this.#clean.set(test, { ms, runs, firstLookMs })
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
    // Once more, without the recorder: a busy machine is no fault either.
    const startedAt = performance.now()
    if ((await this.#run(test, cleanMs)) !== 'survived') return void this.broken.set(test, this.#output)
    this.#clean.set(test, { ms: performance.now() - startedAt, runs: null, firstLookMs: null })
  }

  async #measureFirstLook(test: string): Promise<number | null> {
    let ms = 0
    // The first run loads what the second one finds.
    for (let run = 1; run <= 2; run += 1) {
      const startedAt = performance.now()
      const outcome = await this.#quickRuns.run(test, maxFirstLookMs)
      ms = performance.now() - startedAt
      if (outcome !== 'passed') {
        this.#quickRuns.end()
        return null
      }
    }
    return ms
  }

  /** Runs one test file up to its first failure. */
  #run(test: string, withinMs: number, env: NodeJS.ProcessEnv = this.#compiled): Promise<Outcome> {
    const ava = join(this.#root, 'node_modules/.bin/ava')
    // A group of its own, so that what a test has started ends with it.
    const child = spawn(process.execPath, [ava, '--fail-fast', test], {
      cwd: this.#copy,
      env: { ...process.env, ...env },
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

/** @param ranges start, end, start, end, and so on */
function overlaps(ranges: readonly number[], start: number, end: number): boolean {
  return ranges.some((from, at) => at % 2 === 0 && from < end && (ranges[at + 1] ?? from) > start)
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(path.slice(path.lastIndexOf('/'))).update(readFileSync(path))
  return hash.digest('hex')
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}
