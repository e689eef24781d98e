/** `npm run azure:sleep -- STACK` and `npm run azure:wake -- STACK`. */
import { askCommandWithin } from './azure-cli.ts'
import { runCommand, UsageError } from './command.ts'
import { patienceMs, readOutputs, sleep, wake } from './sleep.ts'

const help = `npm run azure:sleep -- STACK, npm run azure:wake -- STACK

Stops what a stack is billed for by the hour, and starts it again. Its sessions end.`

await runCommand(help, ([verb, stack = '']) => {
  if (stack === '') throw new UsageError('Name the stack')
  const ask = askCommandWithin(patienceMs)
  const outputs = readOutputs(stack, ask)
  console.log(`${outputs.app} and ${outputs.gateway}: this takes about ten minutes`)
  if (verb === 'sleep') sleep(outputs, ask)
  else wake(outputs, ask)
})
