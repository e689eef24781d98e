import { spawn } from 'node:child_process'
import { defineTool, z } from 'realtime-gateway/tools'

/** Writes for as long as somebody reads, and half a minute at most. */
const writer = `
setTimeout(() => process.exit(0), 30_000)
setInterval(() => process.stdout.write('left behind\\n'), 10)
`

export default defineTool({
  description: 'Leaves a process of a group of its own behind, which writes on',
  parameters: z.strictObject({}),
  timeoutMs: 20_000,
  run(_, { emit }) {
    const stdio: ('ignore' | 'inherit')[] = ['ignore', 'inherit', 'inherit']
    const { pid } = spawn(process.execPath, ['--eval', writer], { detached: true, stdio })
    emit('started', { pid })
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 500)
    return new Promise(() => undefined)
  },
})
