import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Never gives the processor back',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run() {
    for (;;);
  },
})
