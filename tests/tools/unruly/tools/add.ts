import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Counts in the conversation',
  parameters: z.strictObject({ by: z.int().min(1).max(9).default(1), wait: z.int().default(0) }),
  timeoutMs: 20_000,
  async run({ by, wait }, { conversation }) {
    await new Promise(resolve => setTimeout(resolve, wait))
    return conversation.update(state => ({ ...state, count: (state.count ?? 0) + by }))
  },
})
