import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { defineTool, z } from 'realtime-gateway/tools'

export default defineTool({
  description: 'Tells what it is given',
  parameters: z.strictObject({}),
  run(_, { caller, idempotencyKey, env }) {
    const environ = readFileSync('/proc/self/environ', 'utf8')
    const { argv, execArgv } = process
    return {
      caller,
      idempotencyKey,
      env,
      processEnv: process.env,
      environ,
      argv,
      execArgv,
      nice: getPriority(),
    }
  },
})
