import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Returns what JSON cannot carry',
  parameters: z.strictObject({}),
  run() {
    return { count: 1n }
  },
})
