/** Commands to a process of the bench, and its answers, over the channel that `fork` opens. */
import type { ChildProcess } from 'node:child_process'
import { type ForkedOptions, forkChild, startMs } from '../gateway/child.ts'
import { within } from '../gateway/within.ts'

interface Asked {
  id: number
  name: string
  argument: unknown
}

interface Answered {
  id: number
  result?: unknown
  fault?: string
}

// Each command knows its own argument's shape; the channel does not.
type Commands = Record<string, (argument: never) => Promise<unknown>>

/** Answers commands for as long as the parent lives. */
export function answerCommands(commands: Commands): void {
  process.on('message', ({ id, name, argument }: Asked) => {
    const run = commands[name] ?? (() => Promise.reject(new Error(`no command "${name}"`)))
    run(argument as never).then(
      result => process.send?.({ id, result } satisfies Answered),
      (fault: Error) => process.send?.({ id, fault: String(fault) } satisfies Answered),
    )
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ id: 0 } satisfies Answered)
}

export interface Commanded {
  readonly child: ChildProcess
  ask<Result = void>(name: string, argument?: unknown): Promise<Result>
}

/**
 * Starts a process that answers commands. @returns when it is ready
 * @throws Error when it ends before; so does whatever is asked of one that has ended
 */
export async function startCommanded(file: string, options: ForkedOptions = {}): Promise<Commanded> {
  const child = forkChild(null, file, [], options)
  const waiting = new Map<number, (answer: Answered) => void>()
  let last = 0
  const ready = new Promise<Answered>(resolve => waiting.set(0, resolve))
  child.on('message', (answer: Answered) => {
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  let end: string | null = null
  child.once('exit', (code, signal) => {
    end = `the process ended with ${signal ?? code}`
    for (const [id, answer] of waiting) answer({ id, fault: end })
  })
  const { fault } = await within(ready, startMs, `${file} does not start`).catch(late => {
    child.kill('SIGKILL')
    throw late
  })
  if (fault !== undefined) throw new Error(`${file}: ${fault}`)
  return {
    child,
    ask: async <Result>(name: string, argument?: unknown) => {
      if (end !== null) throw new Error(`${name}: ${end}`)
      last += 1
      const id = last
      const answered = new Promise<Answered>(resolve => waiting.set(id, resolve))
      child.send({ id, name, argument } satisfies Asked)
      const { result, fault } = await answered
      if (fault !== undefined) throw new Error(`${name}: ${fault}`)
      return result as Result
    },
  }
}
