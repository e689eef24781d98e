/** An assistant for calls, whose one tool notes each run in a file, and takes as long as a test holds it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderWith } from '../assistants/folders.ts'
import type { Stage } from '../gateway/start.ts'
import { until } from '../gateway/within.ts'

const tool = `
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({
  description: 'Stamps a paper',
  parameters: z.strictObject({ paper: z.string() }),
  timeoutMs: Number(process.env.STAMP_MS),
  idempotent: false,
  async run({ paper }, { env, signal, conversation, emit }) {
    appendFileSync(env.STAMPS, paper + '\\n')
    while (existsSync(env.HELD) && !signal.aborted) await setTimeout(20)
    await conversation.update(({ papers = [] }) => ({ papers: [...papers, paper] }))
    emit('stamped', { paper })
    return { stamped: paper }
  },
})
`

export interface Clerk {
  /** Settings of a gateway that has the assistant `clerk`. */
  readonly env: Record<string, string>
  /** Papers, once for each run that stamped them. */
  stamped(): readonly string[]
  /** Waits until a paper is stamped; its run ends when nothing holds it. */
  untilStamped(paper: string): Promise<void>
  /** From now on, runs do not end. */
  hold(): void
  release(): void
}

/**
 * @param timeoutMs of the tool
 * @param eagerness how soon the model takes what it hears for a whole turn
 */
export function clerkFor(t: Stage, timeoutMs: number, eagerness: 'low' | 'high'): Clerk {
  const folder = mkdtempSync(join(tmpdir(), 'stamps-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [stamps, held] = [join(folder, 'stamps'), join(folder, 'held')]
  const files = {
    'clerk/assistant.yaml':
      'description: Stamps papers\nwebrtc: visible\nenv: [STAMPS, HELD, STAMP_MS]\n' +
      `session: { audio: { input: { turn_detection: { type: semantic_vad, eagerness: ${eagerness} } } } }\n`,
    'clerk/instructions.md': 'You stamp papers.',
    'clerk/tools/stamp.ts': tool,
  }
  const stamped = () => (existsSync(stamps) ? readFileSync(stamps, 'utf8').trim().split('\n') : [])
  return {
    env: {
      ASSISTANTS_DIR: folderWith(t, files),
      STAMPS: stamps,
      HELD: held,
      STAMP_MS: String(timeoutMs),
    },
    stamped,
    untilStamped: async paper => {
      await until(() => stamped().includes(paper), `${paper} is not stamped`)
    },
    hold: () => writeFileSync(held, ''),
    release: () => rmSync(held),
  }
}
