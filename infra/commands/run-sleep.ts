/** `npm run azure:sleep -- STACK` and `npm run azure:wake -- STACK`. */
import { askCommand } from './azure-cli.ts'
import { readOutputs, sleep, wake } from './sleep.ts'

const [verb, stack = ''] = process.argv.slice(2)
if (stack === '') throw new Error('Name the stack: npm run azure:sleep -- dev')
const outputs = readOutputs(stack, askCommand)
if (verb === 'sleep') sleep(outputs, askCommand)
else wake(outputs, askCommand)
