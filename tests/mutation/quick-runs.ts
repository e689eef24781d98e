/** Runs test files in one process that is kept, for a first look: see `rerun.ts`. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Ended, Run } from './rerun.ts'

const script = join(import.meta.dirname, 'rerun.ts')

/** A process keeps the modules of all its runs: another takes its place after so many. */
const maxRuns = 60

export class QuickRuns {
  readonly #tree: string
  #child: ChildProcess | null = null
  #runs = 0

  /** @param tree whose tests are run */
  constructor(tree: string) {
    this.#tree = tree
  }

  /**
   * Runs one test file.
   * @returns hung where it did not end within a time (ms)
   */
  async run(test: string, withinMs: number): Promise<'passed' | 'failed' | 'hung'> {
    if (this.#runs >= maxRuns) this.end()
    this.#runs += 1
    const child = this.#child ?? this.#start()
    const ended = Promise.withResolvers<'passed' | 'failed' | 'hung'>()
    const timer = setTimeout(() => ended.resolve('hung'), withinMs)
    const onMessage = ({ hasPassed }: Ended) => ended.resolve(hasPassed ? 'passed' : 'failed')
    const onExit = () => ended.resolve('failed')
    child.on('message', onMessage).on('exit', onExit)
    child.send({ test } satisfies Run, () => undefined)
    const outcome = await ended.promise
    clearTimeout(timer)
    child.off('message', onMessage).off('exit', onExit)
    if (outcome === 'hung' || child.exitCode !== null || child.signalCode !== null) this.end()
    return outcome
  }

  /** Ends the process with all that it started; the next run gets another. Safe to call twice. */
  end(): void {
    const pid = this.#child?.pid
    this.#child = null
    this.#runs = 0
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // All of it has ended.
    }
  }

  #start(): ChildProcess {
    // A group of its own, so that what a test has started ends with it.
    this.#child = fork(script, [], {
      cwd: this.#tree,
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: true,
    })
    this.#child.on('error', () => undefined)
    return this.#child
  }
}
