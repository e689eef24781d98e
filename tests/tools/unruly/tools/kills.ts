import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Kills its process',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run() {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => undefined)
  },
})
