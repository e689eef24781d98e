/**
 * What tracing costs: a gateway that sends spans beside one that does not, in alternating rounds by pairs of processes.
 * With tracing off no code of it is in the path, so that `off` compares a gateway with its twin: what it differs from 1
 * is the noise of this measurement.
 */
import { join } from 'node:path'
import { freePort } from '../gateway/free-port.ts'
import { type Commanded, startCommanded } from './command.ts'
import { type Contender, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { type Comparison, comparePaired, isSubjectFirst, ratioOf } from './paired.ts'
import { cpuMicrosOfEach } from './process-tree.ts'
import { openSessions, type Row, rows, type Stage, untilReceived } from './rows.ts'

/** Where spans go: nowhere, to a collector, or to an address at which nobody listens. */
const variants = ['off', 'on', 'away'] as const
type Variant = (typeof variants)[number]

export const tracedRows: readonly string[] = ['down, 6.4 kB', 'up, 6.4 kB']

/** As many pairs as there is time for; a whole run takes six minutes at most. */
const pairs = 10
const rounds = 12
/** A process that sends its first spans loads what sends them: some 40 ms of CPU, once, that no event is charged for. */
const roundsOfWarmUp = 30
const mostMsOfVariant = 90_000

/** Of turns and sessions, which are dearer and end in spans. */
const pairsOfSpans = 2
const roundsOfSpans = 2
const sessions = 50
const turnBytes = 1000
const turns = { count: 400, perSecond: 800 }
const dialled = 100
/** Spans are sent a second after they ended: what that takes is in the figure (ms). */
const deliveryMs = 1500

/** Ends of responses are admitted, unlike in the other rows. */
const everything = { REALTIME_ALLOWED_EVENT_TYPES: '*' }

/** Measures events with tracing off, on and in vain; turns and sessions with tracing on. */
export async function measureTracing(stage: Stage): Promise<Figure[]> {
  const collector = await startCommanded(join(import.meta.dirname, 'collector.ts'))
  try {
    const endpoints: Readonly<Record<Variant, string | null>> = {
      off: null,
      on: `http://127.0.0.1:${await collector.ask<number>('port')}`,
      away: `http://127.0.0.1:${await freePort()}`,
    }
    const figures: Figure[] = []
    for (const variant of variants) figures.push(...(await measureEvents(stage, variant, endpoints[variant])))
    figures.push(...(await measureSpans(stage, endpoints.on)))
    if ((await collector.ask<number>('requests')) === 0) throw new Error('the collector was sent no spans')
    return figures
  } finally {
    endCollector(collector)
  }
}

function endCollector({ child }: Commanded): void {
  child.disconnect()
}

const environmentOf = (endpoint: string | null) => ({
  ...everything,
  ...(endpoint !== null && { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
})

async function measureEvents(stage: Stage, variant: Variant, endpoint: string | null): Promise<Figure[]> {
  const comparisons = await comparePaired(
    stage,
    rows.filter(({ name }) => tracedRows.includes(name)),
    {
      subject: (upstream, starting) =>
        startContender('gateway', upstream, {
          ...starting,
          group: 'traced',
          environment: environmentOf(endpoint),
        }),
      reference: (upstream, starting) =>
        startContender('gateway', upstream, {
          ...starting,
          group: 'untraced',
          environment: environmentOf(null),
        }),
      processes: pairs,
      mostMs: mostMsOfVariant,
      rounds,
      roundsOfWarmUp,
    },
  )
  return comparisons.map(comparison => figureOfComparison(`tracing ${variant}`, comparison))
}

/** @returns how many times the untraced gateway's CPU the traced one takes, by pair of processes */
export function figureOfComparison(prefix: string, { row, pairs }: Comparison): Figure {
  const times = pairs.map(each => ratioOf({ row, pairs: [each] }).ratio)
  return figureOf(`${prefix}, ${row}`, 'gateway', 'times untraced', times)
}

/** What a turn and a session take, the sending of their spans included. */
async function measureSpans(stage: Stage, endpoint: string | null): Promise<Figure[]> {
  const taken = {
    turn: { traced: [] as number[], untraced: [] as number[] },
    session: { traced: [] as number[], untraced: [] as number[] },
  }
  for (let pair = 0; pair < pairsOfSpans; pair += 1) {
    const traced = await startContender('gateway', stage.upstreams.plain, {
      group: 'traced',
      environment: environmentOf(endpoint),
    })
    const untraced = await startContender('gateway', stage.upstreams.plain, {
      group: 'untraced',
      environment: environmentOf(null),
    })
    const both = { traced, untraced }
    for (const contender of [traced, untraced]) await openSessions(stage, contender, sessions)
    // The first round warms up.
    for (let round = -1; round < roundsOfSpans; round += 1) {
      const order = ['traced', 'untraced'] as const
      for (const name of isSubjectFirst(round + 1) ? order : order.toReversed()) {
        const turn = await measureTurns(stage, both[name])
        const session = await measureSessions(stage, both[name])
        if (round < 0) continue
        taken.turn[name].push(turn)
        taken.session[name].push(session)
      }
    }
    for (const { group, stop } of [traced, untraced]) {
      await stage.clients.ask('close', group)
      stop()
    }
    console.error(`pair ${pair + 1} of ${pairsOfSpans} of turns and sessions is measured`)
  }
  return (['turn', 'session'] as const).flatMap(what =>
    (['traced', 'untraced'] as const).map(name =>
      figureOf(`tracing on, a ${what}`, name, `µs a ${what}`, taken[what][name]),
    ),
  )
}

const turnRow: Pick<Row, 'kind' | 'bytes'> = { kind: 'turn', bytes: turnBytes }

/** @returns CPU of a turn: its two events, and its span (µs) */
async function measureTurns({ source, clients }: Stage, { group, pid }: Contender): Promise<number> {
  return spent(pid, turns.count, async () => {
    // Each turn is two events: its beginning and its end.
    const goal = (await clients.ask<number>('received', group)) + 2 * turns.count
    await source.ask('send', { group, ...turnRow, ...turns })
    await untilReceived(clients, group, goal)
  })
}

/** @returns CPU of a session that begins and ends: its span, and that of its dial (µs) */
async function measureSessions({ clients }: Stage, { url, pid }: Contender): Promise<number> {
  const group = 'briefly'
  return spent(pid, dialled, async () => {
    await clients.ask('open', { group, url, count: dialled })
    await clients.ask('close', group)
  })
}

/** What is sent for it afterwards is in it. */
function spent(pid: number | null, count: number, run: () => Promise<void>): Promise<number> {
  return cpuMicrosOfEach(pid, count, async () => {
    await run()
    await new Promise(resolve => setTimeout(resolve, deliveryMs))
  })
}
