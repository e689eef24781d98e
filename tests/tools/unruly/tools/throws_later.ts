import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Throws outside of its call',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run() {
    setTimeout(() => {
      throw new Error('later')
    }, 1)
    return new Promise(() => undefined)
  },
})
