/**
 * Records which code of a tree a process runs; preloaded into every process of a test (`node --import`). What was run
 * is written at an interval and at the end, as a test may kill its processes.
 *
 * - `MUTATE_TREE`: files below this path are recorded
 * - `MUTATE_COVERAGE`: the folder in which each thread writes a file of its own: a `Record` as JSON
 */
import { ChildProcess } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { threadId } from 'node:worker_threads'

/** Source file → ranges that were run, as offsets in it: start, end, start, end, and so on. */
export type Recorded = Readonly<Record<string, readonly number[]>>

/** What a child process needs of its environment to record, too. */
const inherited = ['MUTATE_TREE', 'MUTATE_COVERAGE', 'NODE_OPTIONS'] as const

/** Taking the counts stops the process for some milliseconds. */
const intervalMs = 500

const { MUTATE_TREE: tree, MUTATE_COVERAGE: folder } = process.env

if (tree !== undefined && folder !== undefined) {
  const below = `${pathToFileURL(tree)}/`
  const path = join(folder, `${process.pid}-${threadId}.json`)
  /** 1 where code was run, by offset. */
  const run = new Map<string, Uint8Array>()
  const session = new Session()
  const add = (_: Error | null, { result }: Profiler.TakePreciseCoverageReturnType) => {
    for (const { url, functions } of result) {
      if (!url.startsWith(below) || functions.length === 0) continue
      const ranges = functions.flatMap(({ ranges }) => ranges)
      const length = Math.max(...ranges.map(({ endOffset }) => endOffset))
      const file = fileURLToPath(url).slice(tree.length + 1)
      const before = run.get(file) ?? new Uint8Array(length)
      for (const [at, is] of paint(ranges, length).entries()) before[at] = (before[at] as number) | is
      run.set(file, before)
    }
    const ranges = Object.fromEntries([...run].map(([file, is]) => [file, rangesOf(is)]))
    // A process may be killed while it writes.
    writeFileSync(`${path}.part`, JSON.stringify(ranges))
    renameSync(`${path}.part`, path)
  }
  const take = () => session.post('Profiler.takePreciseCoverage', add)
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  setInterval(take, intervalMs).unref()
  process.on('exit', take)
  recordChildren()
}

/** Children that are given an environment of their own record, too. */
function recordChildren(): void {
  const { spawn } = ChildProcess.prototype as unknown as Spawning
  const spawnRecording: Spawning['spawn'] = function (this: unknown, options) {
    const pairs = inherited.map(name => `${name}=${process.env[name]}`)
    return spawn.call(this, { ...options, envPairs: [...(options.envPairs ?? []), ...pairs] })
  }
  Object.assign(ChildProcess.prototype, { spawn: spawnRecording })
}

/** What every way to start a child process comes to (Node's lib/internal/child_process.js). */
interface Spawning {
  spawn(options: { readonly envPairs?: readonly string[] }): unknown
}

/** Inner ranges say more than the outer ones that they lie in. */
function paint(ranges: readonly Profiler.CoverageRange[], length: number): Uint8Array {
  const is = new Uint8Array(length)
  const outerFirst = ranges.toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  for (const { startOffset, endOffset, count } of outerFirst)
    is.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return is
}

function rangesOf(is: Uint8Array): number[] {
  const ranges: number[] = []
  for (let at = 0; at <= is.length; at += 1) if ((is[at] ?? 0) !== (is[at - 1] ?? 0)) ranges.push(at)
  return ranges
}
