/** `npm run azure:sleep -- STACK` and `npm run azure:wake -- STACK`. */
import { askCommand } from './azure-cli.ts'
import { runCommand, UsageError } from './command.ts'
import { readOutputs, sleep, wake } from './sleep.ts'

const help = `npm run azure:sleep -- STACK, npm run azure:wake -- STACK

Stops what a stack is billed for by the hour, and starts it again. Its sessions end.`

await runCommand(help, ([verb, stack = '']) => {
  if (stack === '') throw new UsageError('Name the stack')
  const outputs = readOutputs(stack, askCommand)
  if (verb === 'sleep') sleep(outputs, askCommand)
  else wake(outputs, askCommand)
})
