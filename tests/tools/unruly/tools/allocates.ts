import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Takes memory outside of the heap, and gives the processor back meanwhile',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  async run() {
    const kept: Buffer[] = []
    for (;;) {
      kept.push(Buffer.alloc(4 * 1024 * 1024, 1))
      await new Promise(resolve => setImmediate(resolve))
    }
  },
})
