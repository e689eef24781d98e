/** The words after `npm start --`. */
import { parseArgs } from 'node:util'
import { closestOf } from '../core/closest.ts'

export interface CommandLine {
  /** https and wss, with a certificate made on the spot. */
  readonly tls: boolean
  readonly help: boolean
  /** Given by a supervisor to its workers, which count from 1; 0 is no worker. */
  readonly worker: number
}

export const help = `npm start -- [flags]

The gateway. Without settings it stands before the embedded simulator: no account, no cost, no network.

  --tls      https and wss, with a certificate made on the spot (.tls/)
  --help     this text

Settings are environment variables, also from a file .env; .env.example lists them all.
`

const options = {
  tls: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  worker: { type: 'string', default: '0' },
} as const

/** A word on the command line that means nothing. */
export class CommandLineError extends Error {}

/** @throws CommandLineError that names the word, and the one that was meant */
export function readCommandLine(args: readonly string[]): CommandLine {
  try {
    const { values } = parseArgs({ args: [...args], options })
    return { tls: values.tls, help: values.help, worker: Number(values.worker) }
  } catch (fault) {
    throw new CommandLineError(describe(args, fault as Error))
  }
}

function describe(args: readonly string[], fault: Error): string {
  const flags = ['--tls', '--help']
  const unknown = args.find(word => !flags.includes(word) && !word.startsWith('--worker='))
  if (unknown === undefined) return fault.message
  const meant = closestOf(unknown, flags)
  return `${unknown} is no flag of the gateway; ${meant === null ? `there are ${flags.join(' and ')}` : `did you mean ${meant}?`}`
}
