/**
 * Processes that tests start, and the commands beside them. Their output comes through pipes of their own: a process
 * that inherited a test's output would hold it open when the test's process has ended, and ava waits until it is closed.
 */
import { type ChildProcess, type ChildProcessByStdio, fork, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Stage } from './start.ts'
import { within } from './within.ts'

export interface ChildOptions {
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Default: this process's. */
  readonly cwd?: string
  /** Whether its stderr is written to this process's (default true). */
  readonly showsErrors?: boolean
}

export interface ForkedOptions {
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Default: this process's Node. */
  readonly execPath?: string
  /** Options of Node (default: none). */
  readonly execArgv?: string[]
}

export type Child = ChildProcessByStdio<null, Readable, Readable>

/** Where programs of the system are: Debian's PATH of a person who is not root leaves out the folders of HAProxy and others. */
export const systemPath = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`

/** A process that is started on a busy machine does its first work within this time (ms). */
export const startMs = 60_000

/**
 * Starts a process without input. It is killed when the test ends, and when this process ends in whatever way.
 * @param t null where it may live as long as this process
 */
export function startChild(
  t: Stage | null,
  program: string,
  args: readonly string[],
  { showsErrors = true, ...options }: ChildOptions = {},
): Child {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  if (showsErrors) child.stderr.on('data', chunk => process.stderr.write(chunk))
  bindChild(t, child)
  return child
}

/** Starts a Node process with a channel for messages; its output is written to this process's. See `startChild`. */
export function forkChild(
  t: Stage | null,
  file: string,
  args: readonly string[] = [],
  options: ForkedOptions = {},
): ChildProcess {
  const child = fork(file, args, { execArgv: [], ...options, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  child.stdout?.on('data', chunk => process.stdout.write(chunk))
  child.stderr?.on('data', chunk => process.stderr.write(chunk))
  bindChild(t, child)
  return child
}

/**
 * Waits for a line of a process's output.
 * @param read what is made of a line; undefined where it is not the awaited one
 * @param otherwise what did not happen where no such line comes: `the simulator does not listen`
 * @param ms how long it may take (default 60 s)
 * @throws Error when the process ends before, or it takes longer; the process is killed then
 */
export async function lineOf<T>(
  child: ChildProcess & { readonly stdout: Readable | null },
  read: (line: string) => T | undefined,
  otherwise: string,
  ms: number = startMs,
): Promise<T> {
  if (child.stdout === null) throw new TypeError(`${child.spawnfile} has no output to read`)
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  child.once('error', reject)
  child.once('close', (code, signal) => reject(new Error(`${otherwise}: it ended with ${code ?? signal}`)))
  // It reads on afterwards: a full pipe would stop the process.
  createInterface({ input: child.stdout }).on('line', line => {
    const found = read(line)
    if (found !== undefined) resolve(found)
  })
  try {
    return await within(promise, ms, otherwise)
  } catch (fault) {
    child.kill('SIGKILL')
    throw fault
  }
}

/**
 * Kills a process when the test ends, and when this process ends in whatever way.
 * @param t null where it may live as long as this process
 */
export function bindChild(t: Stage | null, child: ChildProcess): void {
  t?.teardown(() => child.kill('SIGKILL'))
  if (child.pid === undefined) return
  // A handler of this process would not run when it is killed: a shell reads until the pipe from here closes.
  const watch = spawn('sh', ['-c', 'read -r _; kill -9 "$0" 2>/dev/null', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // An interrupt at the terminal does not reach it.
    detached: true,
  })
  watch.on('error', () => child.kill('SIGKILL'))
  watch.unref()
  child.once('exit', () => watch.kill('SIGKILL'))
}
