/** Asking Azure by its command line, or by answers that were recorded. */
import { spawnSync } from 'node:child_process'

export interface Answer {
  readonly ok: boolean
  /** What the command printed; of a refused one, what it printed as its fault. */
  readonly text: string
  /** The program is not there. */
  readonly isAbsent?: boolean
}

/** Runs a command, such as `['az', 'account', 'show']`. */
export type Ask = (command: readonly string[]) => Answer

/** A command is given up after this (ms), unless it is one that Azure works on for longer. */
const commandMs = 120_000

/**
 * Asks for real.
 * @param ms a command is given up after this; what Azure has begun by then goes on
 */
export const askCommandWithin =
  (ms: number): Ask =>
  ([program = '', ...args]) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      encoding: 'utf8',
      timeout: ms,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (status === 0) return { ok: true, text: stdout.trim() }
    const code = (error as NodeJS.ErrnoException | undefined)?.code
    if (code === 'ENOENT') return { ok: false, text: notInstalled(program), isAbsent: true }
    if (code === 'ETIMEDOUT') return { ok: false, text: `did not end within ${ms / 1000} s` }
    return { ok: false, text: (stderr ?? '').trim() || (error?.message ?? `ended with ${status}`) }
  }

/** Asks for real, for two minutes at most. */
export const askCommand: Ask = askCommandWithin(commandMs)

/** What to do about a program that cannot be started. */
export function notInstalled(program: string): string {
  const address = installPages[program]
  return `${program} is not installed, or not on the path: open the devcontainer${address ? `, or see ${address}` : ''}`
}

const installPages: Readonly<Record<string, string>> = {
  az: 'https://aka.ms/install-azure-cli',
  docker: 'https://docs.docker.com/get-started/get-docker/',
  gh: 'https://cli.github.com',
  pulumi: 'https://www.pulumi.com/docs/install/',
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
