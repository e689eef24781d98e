/**
 * What tracing costs: a gateway that sends spans beside one that does not, in alternating rounds by pairs of processes.
 * With tracing off no code of it is in the path, so that `off` compares a gateway with its twin: what it differs from 1
 * is the noise of this measurement.
 */
import { join } from 'node:path'
import { freePort } from '../gateway/free-port.ts'
import { type Commanded, startCommanded } from './command.ts'
import { startContender } from './contenders.ts'
import type { Figure } from './figures.ts'
import { comparePaired, figureOfPairs } from './paired.ts'
import { rows, type Stage } from './rows.ts'
import { measureTurnsAndSessions } from './turns.ts'

/** Where spans go: nowhere, to a collector, or to an address at which nobody listens. */
const variants = ['off', 'on', 'away'] as const
type Variant = (typeof variants)[number]

/** The unit of an event's cost. */
export const untraced = 'times untraced'

export const tracedRows: readonly string[] = ['down, 6.4 kB', 'up, 6.4 kB']

/** As many pairs as there is time for; a whole run takes six minutes at most. */
const pairs = 10
const rounds = 12
/** A process that sends its first spans loads what sends them: some 40 ms of CPU, once, that no event is charged for. */
const roundsOfWarmUp = 30
const mostMsOfVariant = 90_000

/** Of turns and sessions, which are dearer and end in spans. */
const extentOfSpans = { pairs: 2, rounds: 2, count: 400, perSecond: 800, dialled: 100 }
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
  return comparisons.map(comparison => figureOfPairs(`tracing ${variant}`, untraced, comparison))
}

/** What a turn and a session take, the sending of their spans included. */
function measureSpans(stage: Stage, endpoint: string | null): Promise<Figure[]> {
  const contenderOf = (name: 'traced' | 'untraced', sentTo: string | null) => ({
    name,
    kind: 'turn' as const,
    start: () =>
      startContender('gateway', stage.upstreams.plain, { group: name, environment: environmentOf(sentTo) }),
  })
  return measureTurnsAndSessions(stage, {
    prefix: 'tracing on',
    subject: contenderOf('traced', endpoint),
    reference: contenderOf('untraced', null),
    afterwardsMs: deliveryMs,
    ...extentOfSpans,
  })
}
