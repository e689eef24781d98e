/** What the gateway is to cost at most, beside what it did cost in a run. */
import { type Figure, timesOf } from './figures.ts'
import { eventsWithTools } from './tools.ts'
import { tracedRows } from './tracing.ts'

export interface Aim {
  readonly what: string
  /** null where the run did not measure it. */
  readonly value: number | null
  readonly limit: number
  readonly kind: 'at most' | 'at least'
}

const sizes = ['400 B', '6.4 kB', '64 kB']
const ways = ['down', 'up']
const clientTlsRows = ways.flatMap(way => ['400 B', '6.4 kB'].map(size => `${way}, ${size}, client TLS`))
const latencyRows = ['latency, 200 sessions, p50', 'latency, 1000 sessions, p50']

/** Rounds of latency differ by more than this. */
const sameLatency = 1.05

const tailRows = [200, 1000, 5000].map(sessions => `tails, ${sessions} sessions, p99.9`)

/** One event of a thousand is held up by whatever else the machine does: rounds differ by more than this. */
const sameTail = 1.25

/** Every aim, with the run's figure. */
export function aimsOf(figures: readonly Figure[]): Aim[] {
  const at = (row: string, contender: string) =>
    figures.find(figure => figure.row === row && figure.contender === contender)
  const median = (row: string, contender: string) => at(row, contender)?.median ?? null
  /** One process, or two where the limit of open files is low. */
  const medianOfAny = (row: string) => figures.find(figure => figure.row === row)?.median ?? null
  const times = (one: Cell, other: Cell) => timesOf(at(...one), at(...other))
  const atMost = (what: string, value: number | null, limit: number): Aim => ({
    what,
    value,
    limit,
    kind: 'at most',
  })
  const relayed = ways.flatMap(way => sizes.map(size => `${way}, ${size}`))
  return [
    ...relayed.map(row =>
      atMost(`${row}: times the bare relay`, times([row, 'gateway'], [row, 'bare']), 1.1),
    ),
    ...relayed.map(row => atMost(`${row}: times HAProxy`, times([row, 'gateway'], [row, 'haproxy']), 1.5)),
    ...[...relayed.map(name => `${name}, TLS`), ...clientTlsRows].flatMap(row => [
      atMost(`${row}: times the bare relay`, times([row, 'gateway'], [row, 'bare']), 1),
      atMost(`${row}: times HAProxy`, times([row, 'gateway'], [row, 'haproxy']), 1.6),
    ]),
    atMost(
      'dropped: times forwarded',
      times(['dropped, 6.4 kB', 'gateway'], ['down, 6.4 kB', 'gateway']),
      0.6,
    ),
    atMost(
      'extraction: times the bare relay',
      times(['extraction, 2 kB', 'gateway'], ['extraction, 2 kB', 'bare']),
      1.5,
    ),
    ...['on', 'away'].flatMap(variant =>
      tracedRows.map(row => {
        const name = `tracing ${variant}, ${row}`
        return atMost(`${name}: times untraced`, median(name, 'gateway'), 1.05)
      }),
    ),
    ...eventsWithTools.map(row => atMost(`${row}: times without tools`, median(row, 'gateway'), 1.1)),
    atMost(
      'tools, a session: times one without',
      times(['tools, a session', 'with a tool'], ['tools, a session', 'without']),
      1.25,
    ),
    atMost('tools, a turn with one call (µs)', median('tools, a turn', 'with a tool'), 2000),
    atMost('idle session of 5000 (kB)', median('idle session of 5000', 'gateway'), 12),
    ...latencyRows.map(row =>
      atMost(`${row}: times the bare relay's`, times([row, 'gateway'], [row, 'bare']), sameLatency),
    ),
    ...tailRows.map(row =>
      atMost(`${row}: times the bare relay's`, times([row, 'gateway'], [row, 'bare']), sameTail),
    ),
    {
      what: 'storm of 5000: connects, times the bare relay',
      value: times(['storm of 5000: connects', 'gateway'], ['storm of 5000: connects', 'bare']),
      limit: 0.9,
      kind: 'at least',
    },
    atMost(
      "storm of 5000: the last one served, times the bare relay's",
      times(
        ['storm of 5000: the last one served', 'gateway'],
        ['storm of 5000: the last one served', 'bare'],
      ),
      2,
    ),
    atMost(
      'drain of 5000: longest delay of the next event loop (ms)',
      median('drain of 5000: longest delay of the next event loop', 'gateway'),
      100,
    ),
    {
      what: 'two workers, extracting: times one',
      value: times(['most, extracted, 600 B', 'workers'], ['most, extracted, 600 B', 'gateway']),
      limit: 1.8,
      kind: 'at least',
    },
    atMost(
      'over 5000 sessions: times over 100',
      median('an event over 5000 sessions, of 100', 'gateway'),
      1.2,
    ),
    atMost(
      '10,000 idle sessions: memory of one, without garbage (kB)',
      medianOfAny('capacity, 10000 idle: memory of a session, without garbage'),
      10,
    ),
    atMost(
      'over 5000 talking sessions: times over 100',
      median('capacity, 5000 talking: that, times 100 sessions', 'gateway'),
      1.2,
    ),
    atMost('start of the image until it is ready (ms)', median('start to ready, warm', 'image'), 400),
  ]
}

type Cell = readonly [row: string, contender: string]

export function isReached({ value, limit, kind }: Aim): boolean {
  return value !== null && (kind === 'at most' ? value <= limit : value >= limit)
}

/** Prints one line an aim that the run has measured. */
export function printAims(figures: readonly Figure[]): void {
  const measured = aimsOf(figures).filter(({ value }) => value !== null)
  if (measured.length === 0) return
  console.log('\n| aim | figure | |\n|---|---|---|')
  for (const aim of measured) {
    const { what, value, limit, kind } = aim
    console.log(
      `| ${what}, ${kind} ${limit} | ${value?.toFixed(2)} | ${isReached(aim) ? 'reached' : 'not reached'} |`,
    )
  }
}
