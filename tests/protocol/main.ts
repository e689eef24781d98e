/** `npm run protocol-table`: writes docs/endpoints/protocol.md from the installed `openai` package. */
import { readSdkProtocol } from './sdk-types.ts'
import { renderProtocol, writePage } from './table.ts'

if (process.argv.includes('--help')) {
  console.log(
    'npm run protocol-table\n\nWrites docs/endpoints/protocol.md from the installed openai package.',
  )
  process.exit(0)
}
const ends: (() => unknown)[] = []
const text = await renderProtocol({ teardown: end => void ends.push(end) }, readSdkProtocol())
writePage(text)
for (const end of ends.reverse()) await end()
