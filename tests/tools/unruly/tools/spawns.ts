import { spawn } from 'node:child_process'
import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Starts a process, and kills its own',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run(_, { emit }) {
    const { pid } = spawn('/bin/sleep', ['600'], { stdio: 'ignore' })
    emit('started', { pid })
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50)
    return new Promise(() => undefined)
  },
})
