/** `node run-provide-registry.ts STACK FILE`: appends `server=NAME` to a file, as a workflow's step hands its outputs on. */
import { appendFileSync } from 'node:fs'
import { provideRegistry } from './provide-registry.ts'

const [stack = '', file = ''] = process.argv.slice(2)
if (stack === '' || file === '') throw new Error('node run-provide-registry.ts STACK FILE')
appendFileSync(file, `server=${provideRegistry(stack)}\n`)
