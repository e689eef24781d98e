/** Takes the next number of the conversation, and counts in Redis that its run began, and that it ended. */
import { defineTool, z } from 'realtime-gateway/tools'
import { createClient } from 'redis'
import { beganKey, endedKey, heldKey } from '../../../tool-runs.ts'

interface State {
  readonly number?: number
}

const pollMs = 100

const redis = createClient({ url: process.env.RUNS_URL ?? '' })
redis.on('error', () => undefined)
await redis.connect()

export default defineTool({
  description: 'Takes the next number',
  parameters: z.strictObject({ purpose: z.string() }),
  timeoutMs: Number(process.env.RUN_TIMEOUT_MS),
  idempotent: false,
  async run({ purpose }, { conversation, signal }) {
    await redis.hIncrBy(beganKey, purpose, 1)
    while ((await redis.exists(heldKey)) === 1 && !signal.aborted)
      await new Promise(resolve => setTimeout(resolve, pollMs))
    signal.throwIfAborted()
    const { number } = await conversation.update((state: State) => ({ number: (state.number ?? 0) + 1 }))
    await redis.hIncrBy(endedKey, purpose, 1)
    return { number }
  },
})
