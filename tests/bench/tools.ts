/**
 * What tools on the server cost: sessions of an assistant that has one, beside sessions of one that has none, at gateways
 * that both serve both. An event is only forwarded, a turn calls the tool once, a session is told of it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../gateway/within.ts'
import { type Contender, startContender } from './contenders.ts'
import { type Figure, figureOf } from './figures.ts'
import { comparePaired, isSubjectFirst, ratioOf } from './paired.ts'
import { cpuMicrosOfEach } from './process-tree.ts'
import { openSessions, rows, type Stage, untilReceived } from './rows.ts'
import type { Upstream } from './source.ts'

const eventRows: readonly string[] = ['down, 6.4 kB', 'up, 6.4 kB']

/** The rows of events, as their figures are named. */
export const eventsWithTools: readonly string[] = eventRows.map(row => `tools, ${row}`)

export interface ToolsExtent {
  /** Of events; as many pairs of processes as there is time for (ms). */
  readonly events: { pairs: number; rounds: number; roundsOfWarmUp: number; mostMs: number }
  /** Of turns and sessions. */
  readonly turns: { pairs: number; rounds: number; count: number; dialled: number }
}

/** Two minutes. */
const usual: ToolsExtent = {
  events: { pairs: 6, rounds: 8, roundsOfWarmUp: 24, mostMs: 60_000 },
  turns: { pairs: 2, rounds: 4, count: 400, dialled: 100 },
}

const sessions = 50
const turnsPerSecond = 400
const turnBytes = 1000

/** What each session's client sees of one turn: its beginning and its end, and the item between them after a call. */
const eventsOfTurn = { call: 3, turn: 2 } as const

const events = 'events: [session.*, error, response.*, conversation.*, input_audio_buffer.*]'

/** `clerk` has a tool, and `plain` has none. */
const files: Readonly<Record<string, string>> = {
  'clerk/assistant.yaml': `description: Looks words up\n${events}\nlimits: { tool_calls_per_minute: 10000 }\n`,
  'clerk/instructions.md': 'Look up what you are asked for.\n',
  'clerk/tools/look_up.ts': `import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Looks up a word',
  parameters: z.strictObject({ word: z.string() }),
  timeoutMs: 5000,
  idempotent: true,
  run: async ({ word }) => ({ word, found: true }),
})
`,
  'plain/assistant.yaml': `description: Answers\n${events}\n`,
  'plain/instructions.md': 'Answer.\n',
}

type AssistantName = 'clerk' | 'plain'

/** Measures events, turns and sessions with a tool and without one. */
export async function measureTools(stage: Stage, extent: ToolsExtent = usual): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-assistants-'))
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(folder, file, '..'), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    return [
      ...(await measureEvents(stage, folder, extent.events)),
      ...(await measureTurnsAndSessions(stage, folder, extent.turns)),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param assistant that its clients choose; the group has its name */
async function startServing(
  upstream: Upstream,
  folder: string,
  assistant: AssistantName,
): Promise<Contender> {
  const contender = await startContender('gateway', upstream, {
    group: assistant,
    environment: { ASSISTANTS_DIR: folder },
  })
  return { ...contender, url: `${contender.url}?assistant=${assistant}` }
}

async function measureEvents(
  stage: Stage,
  folder: string,
  { pairs: processes, ...extent }: ToolsExtent['events'],
): Promise<Figure[]> {
  const comparisons = await comparePaired(
    stage,
    rows.filter(({ name }) => eventRows.includes(name)),
    {
      subject: upstream => startServing(upstream, folder, 'clerk'),
      reference: upstream => startServing(upstream, folder, 'plain'),
      ...{ processes, ...extent },
    },
  )
  return comparisons.map(({ row, pairs }) =>
    figureOf(
      `tools, ${row}`,
      'gateway',
      'times without tools',
      pairs.map(each => ratioOf({ row, pairs: [each] }).ratio),
    ),
  )
}

async function measureTurnsAndSessions(
  stage: Stage,
  folder: string,
  { pairs, rounds, count, dialled }: ToolsExtent['turns'],
): Promise<Figure[]> {
  const taken = { turn: { clerk: [], plain: [] }, session: { clerk: [], plain: [] } } as Record<
    'turn' | 'session',
    Record<AssistantName, number[]>
  >
  for (let pair = 0; pair < pairs; pair += 1) {
    const both: Record<AssistantName, Contender> = {
      clerk: await startServing(stage.upstreams.plain, folder, 'clerk'),
      plain: await startServing(stage.upstreams.plain, folder, 'plain'),
    }
    for (const contender of Object.values(both)) await openSessions(stage, contender, sessions)
    // The first round warms up.
    for (let round = -1; round < rounds; round += 1) {
      const order = ['clerk', 'plain'] as const
      for (const name of isSubjectFirst(round + 1) ? order : order.toReversed()) {
        const turn = await measureTurns(stage, both[name], name === 'clerk' ? 'call' : 'turn', count)
        const session = await measureSessions(stage, both[name], dialled)
        if (round < 0) continue
        taken.turn[name].push(turn)
        taken.session[name].push(session)
      }
    }
    for (const { group, stop } of Object.values(both)) {
      await stage.clients.ask('close', group)
      stop()
    }
  }
  return (['turn', 'session'] as const).flatMap(what =>
    (['clerk', 'plain'] as const).map(name =>
      figureOf(
        `tools, a ${what}`,
        name === 'clerk' ? 'with a tool' : 'without',
        `µs a ${what}`,
        taken[what][name],
      ),
    ),
  )
}

/** @returns CPU of a turn, the process of the tool included (µs) */
function measureTurns(
  { source, clients }: Stage,
  { group, pid }: Contender,
  kind: 'call' | 'turn',
  count: number,
): Promise<number> {
  return cpuMicrosOfEach(pid, count, async () => {
    const goal = (await clients.ask<number>('received', group)) + eventsOfTurn[kind] * count
    await source.ask('send', { group, kind, bytes: turnBytes, count, perSecond: turnsPerSecond })
    await untilReceived(clients, group, goal)
  })
}

/** @returns CPU of a session that begins and ends, at upstream too (µs) */
function measureSessions(
  { source, clients }: Stage,
  { group, url, pid }: Contender,
  dialled: number,
): Promise<number> {
  const briefly = 'briefly'
  return cpuMicrosOfEach(pid, dialled, async () => {
    await clients.ask('open', { group: briefly, url, count: dialled })
    await clients.ask('close', briefly)
    const haveEnded = async () => (await source.ask<number>('sessions', group)) <= sessions
    await until(haveEnded, 'sessions that were closed do not end at upstream')
  })
}
