import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Stores more than a conversation may',
  parameters: z.strictObject({}),
  run(_, { conversation }) {
    return conversation.update(() => ({ text: 'x'.repeat(300_000) }))
  },
})
