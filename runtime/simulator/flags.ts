/** The command line of the simulator. */
import { parseArgs } from 'node:util'

const defaultPort = 8090
const defaultWebhook = 'http://127.0.0.1:8080/webhooks/realtime'
/** No secret: it stands here for everybody to read. */
const defaultWebhookSecret = 'whsec_c2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0'
const defaultHangUpAfterMs = 20_000

export interface Flags {
  host: string
  port: number
  tls: boolean
  seed: number | undefined
  rate: number | undefined
  faults: boolean
  replay: string | undefined
  fast: boolean
  call: boolean
  webhook: string
  webhookSecret: string
  deliveries: number
  hangUpAfterMs: number
  to: string | undefined
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
  --call           make a telephone call at the start: a webhook, a caller who speaks and presses a key
  --to ADDRESS     SIP address that is called (sip:+15550199@sip.example)
  --webhook URL    where calls are announced (${defaultWebhook})
  --webhook-secret SECRET
                   what signs webhooks (${defaultWebhookSecret})
  --deliveries N   deliver each webhook so many times at once (1)
  --hang-up-after MS
                   the caller hangs up after this, answered or not (${defaultHangUpAfterMs})
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
      call: { type: 'boolean', default: false },
      webhook: { type: 'string', default: defaultWebhook },
      'webhook-secret': { type: 'string', default: defaultWebhookSecret },
      deliveries: { type: 'string', default: '1' },
      'hang-up-after': { type: 'string', default: String(defaultHangUpAfterMs) },
      to: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const {
    seed,
    rate,
    replay,
    to,
    'webhook-secret': webhookSecret,
    'hang-up-after': hangUpAfter,
    ...rest
  } = values
  if (!URL.canParse(values.webhook)) throw new Error(`--webhook must be an address, not '${values.webhook}'`)
  if (to !== undefined && !/^(?:tel|sips?):\S+$/.test(to))
    throw new Error(`--to must be a SIP address such as sip:+15550199@sip.example, not '${to}'`)
  return {
    ...rest,
    to,
    port: numberOf('port', values.port, 0, 65_535),
    seed: seed === undefined ? undefined : numberOf('seed', seed, 0, 2 ** 31),
    rate: rate === undefined ? undefined : numberOf('rate', rate, 0.01, 10_000),
    replay,
    webhookSecret,
    deliveries: numberOf('deliveries', values.deliveries, 1, 10),
    hangUpAfterMs: numberOf('hang-up-after', hangUpAfter, 0, 3_600_000),
  }
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text !== '' && value >= min && value <= max) return value
  throw new Error(`--${name} must be a number from ${min} to ${max}, not '${text}'`)
}
