import { writeSync } from 'node:fs'
import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: "Writes into the gateway's pipe",
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run() {
    writeSync(3, Buffer.alloc(64, 255))
    return new Promise(() => undefined)
  },
})
