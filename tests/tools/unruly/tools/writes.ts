import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Fills log and output',
  parameters: z.strictObject({ lines: z.int() }),
  timeoutMs: 20_000,
  async run({ lines }, { log }) {
    for (let line = 0; line < lines; line += 1) {
      log.warn(`line ${line}`.padEnd(4000, '.'), { line })
      process.stdout.write(`${'o'.repeat(10_000)}\n`)
      if (line % 10 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    return null
  },
})
