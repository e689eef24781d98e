/** `npm run protocol-table`: writes docs/endpoints/protocol.md from the installed `openai` package. */
import { readSdkProtocol } from './sdk-types.ts'
import { renderProtocol, writePage } from './table.ts'

const ends: (() => unknown)[] = []
const text = await renderProtocol({ teardown: end => void ends.push(end) }, readSdkProtocol())
writePage(text)
for (const end of ends.reverse()) await end()
