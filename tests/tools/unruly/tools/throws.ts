import { defineTool, ToolError, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Throws',
  parameters: z.strictObject({ told: z.boolean().default(false) }),
  run({ told }) {
    if (told) throw new ToolError('The oven is off')
    throw new Error('password=hunter2')
  },
})
