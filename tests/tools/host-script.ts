/** A process with a tool host: says the id of the host's process, and waits to be killed. */

import { startToolHost } from '../../runtime/tools/tool-host.ts'
import { keepLog, mebibyte, unruly } from './host.ts'

const { log, logged } = keepLog()
await startToolHost({
  ...{ assistant: 'unruly', version: 'v1', folder: unruly, tools: ['add'], env: {}, log },
  ...{ memoryBytes: 256 * mebibyte, longestTimeoutMs: 20_000 },
})
const { pid } = await logged('tool.host.started')
process.stdout.write(`${pid}\n`)
setInterval(() => undefined, 60_000)
