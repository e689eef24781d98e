import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Ends the process',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run() {
    process.exit(0)
  },
})
