/** Runs an example as its reader does: as a program of its own, with the gateway's address in the environment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bindChild } from '../gateway/child.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'

export const examples = join(import.meta.dirname, '../../examples')

export interface Example {
  readonly child: ChildProcess
  /** Lines of stdout and stderr, in the order in which they came. */
  readonly lines: readonly string[]
  /** Types a line. */
  type(line: string): void
  /** Resolves with the first line that fits, past or future. */
  printed(pattern: RegExp): Promise<string>
  readonly exited: Promise<number | null>
}

/** Starts an example; it is killed when the test ends. @param file below `examples/` */
export function startExample(
  t: Stage,
  file: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Example {
  const child = spawn(process.execPath, [join(examples, file), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  bindChild(t, child)
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', line => {
      lines.push(line)
      for (const look of [...waiting]) look()
    })
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  const said = () => `${file} printed:\n${lines.join('\n')}`
  return {
    child,
    lines,
    type: line => void child.stdin.write(`${line}\n`),
    printed: pattern => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      const look = () => {
        const line = lines.find(line => pattern.test(line))
        if (line !== undefined) resolve(line)
      }
      waiting.add(look)
      look()
      void exited.then(code => reject(new Error(`exited with ${code} before ${pattern}; ${said()}`)))
      return within(
        promise,
        patienceMs,
        `${file} does not print ${pattern}; it printed ${lines.length} lines`,
      )
        .catch(fault => {
          throw new Error(`${fault.message}; ${said()}`)
        })
        .finally(() => waiting.delete(look))
    },
    get exited() {
      return within(exited, patienceMs, `${file} does not end; ${said()}`)
    },
  }
}

/** Runs an example to its end. */
export async function runExample(
  t: Stage,
  file: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<{ code: number | null; text: string }> {
  const example = startExample(t, file, env, args)
  const code = await example.exited
  return { code, text: example.lines.join('\n') }
}
