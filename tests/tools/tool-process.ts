/**
 * A gateway in a process of its own whose one tool counts its runs in a file, and takes as long as its test says. It is
 * started with a file to count in, and how long the tool takes (ms).
 */
import { appendFileSync } from 'node:fs'
import { readConfig } from '../../runtime/config/config.ts'
import { startGateway } from '../../runtime/gateway/gateway.ts'
import { done, scriptedRunner } from './scripted-runner.ts'

const [file = '', ms = '0'] = process.argv.slice(2)
const runner = scriptedRunner({
  get_weather: {
    timeoutMs: 6000,
    run: async ({ idempotencyKey, signal }) => {
      appendFileSync(file, `${idempotencyKey}\n`)
      process.send?.('runs')
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, Number(ms))
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
      return signal.aborted ? { kind: 'interrupted' } : done('clear')
    },
  },
})
const quiet = () => undefined
const log = { info: quiet, warn: quiet, error: quiet }
const gateway = await startGateway(readConfig(process.env), log, null, undefined, {
  toolsFor: () => ({ runner }),
})
process.once('SIGTERM', async () => {
  await gateway.drain()
  process.exit(0)
})
process.send?.(gateway.port)
