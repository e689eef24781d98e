/** Asking Azure by its command line, or by answers that were recorded. */
import { spawnSync } from 'node:child_process'

export interface Answer {
  readonly ok: boolean
  /** What the command printed; of a refused one, what it printed as its fault. */
  readonly text: string
}

/** Runs a command, such as `['az', 'account', 'show']`. */
export type Ask = (command: readonly string[]) => Answer

/** A command is given up after this (ms). */
const commandMs = 120_000

/** Asks for real. */
export const askCommand: Ask = ([program = '', ...args]) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: commandMs,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status === 0) return { ok: true, text: stdout.trim() }
  return { ok: false, text: (stderr ?? '').trim() || (error?.message ?? `ended with ${status}`) }
}

/** Answers by command line; a line that starts with the key is answered, by the longest key that does. */
export type Recording = Readonly<Record<string, Answer>>

/** Answers from a recording; what it does not hold is refused, and named. */
export function askRecording(recording: Recording): Ask {
  return command => {
    const line = command.join(' ')
    const [key] = Object.keys(recording)
      .filter(start => line.startsWith(start))
      .sort((a, b) => b.length - a.length)
    const answer = key === undefined ? undefined : recording[key]
    return answer ?? { ok: false, text: `not recorded: ${line}` }
  }
}

/** Reads an answer as JSON; undefined for a refusal, and for what is no JSON. */
export function jsonOf<T>({ ok, text }: Answer): T | undefined {
  if (!ok) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
