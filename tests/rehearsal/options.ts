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
  /** Some conversations call a tool that runs on the server, and the old revision goes meanwhile. */
  readonly tools: boolean
  /** Between clients and the proxy. */
  readonly network: 'good' | 'bad'
  /** Decides what befalls the connections of a bad network. */
  readonly seed: number
  readonly out: string
  /** A deployed gateway (`wss://…`) in place of local revisions. */
  readonly target: string | null
  /** The target is any address of the Realtime API: no feature of the gateway is used. */
  readonly any: boolean
  /** Restarts the server of such a target; null leaves that to whoever runs the rehearsal. */
  readonly restartCommand: string | null
  readonly azure: AzureApp
  /** Plants a fault, so that a proof must fail. */
  readonly plant: Plant
}

/** What the commands of Azure need to know; '' is not known. */
export interface AzureApp {
  readonly app: string
  readonly group: string
  /** Revisions by their full names; what is not given is found out. */
  readonly from: string
  readonly to: string
}

export const plants = [
  'none',
  'accept-while-draining',
  'ignore-sigterm',
  'ignore-weight',
  'lose-tickets',
  'lose-delta',
  'double-delta',
  'swap-deltas',
  'repeat-tools',
] as const
export type Plant = (typeof plants)[number]

/** A silent direction is noticed by missing pings: a rehearsal cannot wait for it as long as a person. */
const pingIntervals = { good: '10', bad: '2' } as const

/** Where clients of the API dial by themselves. */
const anyPath = '/v1/realtime?model=gpt-realtime'

/** One conversation for every phase. */
const fewestSessions = 6
/** And one that calls a tool on the server. */
const fewestWithTools = 8

/** A tool on the server has the grace period less this (s): the drain ends before it, and keeps some time for itself. */
export const toolReserveSec = 10
const graceSecs = { plain: '30', withTools: '45' } as const

export const help = `npm run rehearse -- [options]

Moves conversations from one revision to the next behind a real proxy, and writes what happened.
Exit code: 0 when every proof holds, 1 when one does not, 2 for words that are not understood.

  --sessions N       conversations at once (60; at least ${fewestSessions} on this machine, for every phase)
  --duration S       seconds of talk before the switch (5)
  --grace S          grace period between SIGTERM and SIGKILL (30; 45 with --tools)
  --ping-interval S  heartbeat of the gateway (10; 2 with --network bad)
  --network bad      puts a network between clients and the proxy that delays, falls silent in one direction, and
                     resets connections in the middle of a handshake or of a frame
  --seed N           decides what befalls each connection of a bad network (1)
  --tools            one of five conversations calls a tool that runs on the server, and the old revision goes while all
                     of these run; the tool counts its runs in Redis
  --scale-in         two replicas of one revision, one of them is scaled in
  --kill             kill -9 in place of SIGTERM
  --label            also reaches the new revision by its label's host
  --out FOLDER       where index.html, timeline.svg and report.json go (rollout-report)
  --plant FAULT      plants a fault that a proof must name: ${plants.slice(1, 5).join(', ')},
                     ${plants.slice(5).join(', ')}
  --help             this text

At a deployed gateway:

  --target URL       wss://HOST (or ws://); TARGET_CREDENTIAL in the environment is shown as api-key
  --app NAME         the container app, and
  --resource-group G its group: with both, and az on the path, weights are moved and the old revision is
                     deactivated from here; else the commands are printed, for somebody to run
  --from REVISION    the revision to leave (the one that the first conversations found)
  --to REVISION      the revision to go to (the newest other one that is active)
  --duration S       seconds between two commands; without az, seconds to watch

At any address of the Realtime API, the gateway's or another server's (docs/portable-rehearsal.md):

  --any              with --target wss://HOST/PATH?model=MODEL (default ${anyPath}):
                     clients speak the API's own protocol and nothing else; TARGET_CREDENTIAL is shown as a bearer
                     token, to Azure as api-key
  --restart-command COMMAND
                     restarts the server, by the shell; without it, somebody restarts it meanwhile
  --duration S       seconds of talk before and after the restart; without a command, seconds to watch

The local ones of --grace, --ping-interval, --network, --seed, --tools, --scale-in, --kill, --label and --plant do not
go with --target.
`

const localOnly = [
  'grace',
  'ping-interval',
  'network',
  'seed',
  'tools',
  'scale-in',
  'kill',
  'label',
  'plant',
] as const
const azureOnly = ['app', 'resource-group', 'from', 'to'] as const
const targetOnly = [...azureOnly, 'any', 'restart-command'] as const

/** @returns null when help is asked for @throws Error that says which word is wrong */
export function readOptions(words: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      sessions: { type: 'string', default: '60' },
      duration: { type: 'string', default: '5' },
      grace: { type: 'string' },
      'ping-interval': { type: 'string' },
      network: { type: 'string' },
      seed: { type: 'string' },
      tools: { type: 'boolean' },
      'scale-in': { type: 'boolean' },
      kill: { type: 'boolean' },
      label: { type: 'boolean' },
      target: { type: 'string' },
      app: { type: 'string' },
      'resource-group': { type: 'string' },
      any: { type: 'boolean' },
      'restart-command': { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      out: { type: 'string', default: 'rollout-report' },
      plant: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { any = false } = values
  const target = values.target === undefined ? null : socketAddress(values.target, any)
  for (const name of target === null ? targetOnly : localOnly)
    if (values[name] !== undefined)
      throw new Error(
        `--${name} ${target === null ? 'goes with --target only' : 'does not go with --target'}`,
      )
  for (const name of any ? azureOnly : (['restart-command'] as const))
    if (values[name] !== undefined)
      throw new Error(`--${name} ${any ? 'does not go with --any' : 'goes with --any only'}`)
  if (values.kill && values['scale-in']) throw new Error('--kill and --scale-in do not go together')
  if ((values.app === undefined) !== (values['resource-group'] === undefined))
    throw new Error('--app and --resource-group go together')
  const plant = plants.find(name => name === (values.plant ?? 'none'))
  if (plant === undefined) throw new Error(`--plant: "${values.plant}" is none of ${plants.join(', ')}`)
  const { network = 'good', tools = false } = values
  if (network !== 'good' && network !== 'bad') throw new Error(`--network: "${network}" is none of good, bad`)
  const { app = '', 'resource-group': group = '', from = '', to = '' } = values
  const fewest = tools ? fewestWithTools : fewestSessions
  const grace = values.grace ?? graceSecs[tools ? 'withTools' : 'plain']
  return {
    sessions: whole('sessions', values.sessions, target === null ? fewest : 1, 2000),
    duration: whole('duration', values.duration, 1, 3600),
    grace: whole('grace', grace, tools ? 2 * toolReserveSec : 1, 600),
    pingInterval: whole('ping-interval', values['ping-interval'] ?? pingIntervals[network], 1, 300),
    network,
    seed: whole('seed', values.seed ?? '1', 0, 1_000_000),
    mode: values.kill ? 'kill' : values['scale-in'] ? 'scale-in' : 'switch',
    label: values.label ?? false,
    tools,
    out: values.out,
    target,
    any,
    restartCommand: values['restart-command'] ?? null,
    azure: { app, group, from, to },
    plant,
  }
}

/** Makes `wss://host` of what a person writes, at any server with the path. @throws Error */
function socketAddress(text: string, any: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const secure = url?.protocol === 'wss:' || url?.protocol === 'https:'
  if (url === null || !(secure || url.protocol === 'ws:' || url.protocol === 'http:'))
    throw new Error(`--target: "${text}" is no address like wss://HOST`)
  const path = !any ? '' : url.pathname === '/' ? anyPath : `${url.pathname}${url.search}`
  return `${secure ? 'wss' : 'ws'}://${url.host}${path}`
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new Error(`--${name}: "${text}" is no whole number from ${min} to ${max}`)
}
