/** The command line of the simulator. */
import { parseArgs } from 'node:util'

const defaultPort = 8090

export interface Flags {
  host: string
  port: number
  tls: boolean
  seed: number | undefined
  rate: number | undefined
  faults: boolean
  replay: string | undefined
  fast: boolean
  help: boolean
}

export const help = `npm run simulator -- [flags]

A stand-in for the Realtime API of OpenAI and Azure OpenAI.

  --host HOST      address to listen on (127.0.0.1)
  --port PORT      port to listen on, 0 for any free one (${defaultPort})
  --tls            https and wss, with a certificate made on the spot
  --seed N         the same ids and sounds at each start
  --rate N         audio pace, times faster than real time (4)
  --faults         let clients ask for faults: ?fault=NAME, x-simulator-fault, a model name with --fault-NAME
  --replay FILE    play a recording (JSON lines) to every client instead
  --fast           play it without its pauses
  --help           this text`

/**
 * Reads the flags.
 *
 * @throws Error that names the flag that is wrong
 */
export function readFlags(args: string[]): Flags {
  const { values } = parseArgs({
    args,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: String(defaultPort) },
      tls: { type: 'boolean', default: false },
      seed: { type: 'string' },
      rate: { type: 'string' },
      faults: { type: 'boolean', default: false },
      replay: { type: 'string' },
      fast: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { seed, rate, replay, ...rest } = values
  return {
    ...rest,
    port: numberOf('port', values.port, 0, 65_535),
    seed: seed === undefined ? undefined : numberOf('seed', seed, 0, 2 ** 31),
    rate: rate === undefined ? undefined : numberOf('rate', rate, 0.01, 10_000),
    replay,
  }
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text !== '' && value >= min && value <= max) return value
  throw new Error(`--${name} must be a number from ${min} to ${max}, not '${text}'`)
}
