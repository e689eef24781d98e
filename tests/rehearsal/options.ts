/** The words on the command line. */
import { parseArgs } from 'node:util'

export interface Options {
  readonly sessions: number
  /** How long sessions run before the switch begins (s). */
  readonly duration: number
  readonly grace: number
  readonly pingInterval: number
  readonly mode: 'switch' | 'scale-in' | 'kill'
  readonly label: boolean
  readonly out: string
  /** A deployed gateway (`wss://…`) in place of local revisions. */
  readonly target: string | null
  /** Plants a fault, so that a proof must fail. */
  readonly plant: Plant
}

export type Plant = 'none' | 'accept-while-draining' | 'ignore-sigterm' | 'ignore-weight' | 'lose-tickets'

const plants: readonly Plant[] = [
  'none',
  'accept-while-draining',
  'ignore-sigterm',
  'ignore-weight',
  'lose-tickets',
]

export const help = `npm run rehearse -- [options]

Moves conversations from one revision to the next behind a real proxy, and writes what happened.

  --sessions N       conversations at once (60)
  --duration S       seconds of talk before the switch (5)
  --grace S          grace period between SIGTERM and SIGKILL (30)
  --ping-interval S  heartbeat of the gateway (10)
  --scale-in         two replicas of one revision, one of them is scaled in
  --kill             kill -9 in place of SIGTERM
  --label            also reaches the new revision by its label's host
  --target URL       a deployed gateway, wss://HOST; weights are yours to move, the commands are printed
  --out FOLDER       where the report goes (rollout-report)
  --plant FAULT      plants a fault that a proof must name: ${plants.slice(1).join(', ')}
`

/** @throws Error that says which word is wrong */
export function readOptions(words: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      sessions: { type: 'string', default: '60' },
      duration: { type: 'string', default: '5' },
      grace: { type: 'string', default: '30' },
      'ping-interval': { type: 'string', default: '10' },
      'scale-in': { type: 'boolean', default: false },
      kill: { type: 'boolean', default: false },
      label: { type: 'boolean', default: false },
      target: { type: 'string' },
      out: { type: 'string', default: 'rollout-report' },
      plant: { type: 'string', default: 'none' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const plant = plants.find(name => name === values.plant)
  if (plant === undefined) throw new Error(`--plant: "${values.plant}" is none of ${plants.join(', ')}`)
  return {
    sessions: whole('sessions', values.sessions, 1, 2000),
    duration: whole('duration', values.duration, 1, 3600),
    grace: whole('grace', values.grace, 1, 600),
    pingInterval: whole('ping-interval', values['ping-interval'], 1, 300),
    mode: values.kill ? 'kill' : values['scale-in'] ? 'scale-in' : 'switch',
    label: values.label,
    out: values.out,
    target: values.target ?? null,
    plant,
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new Error(`--${name}: "${text}" is no whole number from ${min} to ${max}`)
}
