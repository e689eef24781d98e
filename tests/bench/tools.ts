/**
 * What tools on the server cost: sessions of an assistant that has one, beside sessions of one that has none, at gateways
 * that both serve both. An event is only forwarded, a turn calls the tool once, a session is told of it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contender, startContender } from './contenders.ts'
import type { Figure } from './figures.ts'
import { comparePaired, figureOfPairs } from './paired.ts'
import { rows, type Stage } from './rows.ts'
import type { Upstream } from './source.ts'
import { measureTurnsAndSessions, type TurnsExtent } from './turns.ts'

const eventRows: readonly string[] = ['down, 6.4 kB', 'up, 6.4 kB']

/** The rows of events, as their figures are named. */
export const eventsWithTools: readonly string[] = eventRows.map(row => `tools, ${row}`)

export interface ToolsExtent {
  /** Of events; as many pairs of processes as there is time for (ms). */
  readonly events: { pairs: number; rounds: number; roundsOfWarmUp: number; mostMs: number }
  readonly turns: TurnsExtent
}

/** Three minutes. */
const usual: ToolsExtent = {
  events: { pairs: 6, rounds: 8, roundsOfWarmUp: 24, mostMs: 120_000 },
  turns: { pairs: 2, rounds: 4, count: 400, perSecond: 400, dialled: 100 },
}

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
      ...(await measureCalls(stage, folder, extent.turns)),
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
  return comparisons.map(comparison => figureOfPairs('tools', 'times without tools', comparison))
}

function measureCalls(stage: Stage, folder: string, extent: TurnsExtent): Promise<Figure[]> {
  const start = (assistant: AssistantName) => () => startServing(stage.upstreams.plain, folder, assistant)
  return measureTurnsAndSessions(stage, {
    prefix: 'tools',
    subject: { name: 'with a tool', kind: 'call', start: start('clerk') },
    reference: { name: 'without', kind: 'turn', start: start('plain') },
    afterwardsMs: 0,
    ...extent,
  })
}
