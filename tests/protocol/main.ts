/** `npm run protocol-table`: writes the page of the protocol, in both languages, from the installed `openai` package. */
import { readSdkProtocol } from './sdk-types.ts'
import { readRows, writePages } from './table.ts'

if (process.argv.includes('--help')) {
  console.log(
    'npm run protocol-table\n\nWrites docs/endpoints/protocol.md and docs/ja/endpoints/protocol.md from the installed openai package.',
  )
  process.exit(0)
}
const ends: (() => unknown)[] = []
writePages(await readRows({ teardown: end => void ends.push(end) }, readSdkProtocol()))
for (const end of ends.reverse()) await end()
