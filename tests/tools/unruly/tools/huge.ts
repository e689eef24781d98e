import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Returns 10 MB',
  parameters: z.strictObject({}),
  run() {
    return 'x'.repeat(10_000_000)
  },
})
