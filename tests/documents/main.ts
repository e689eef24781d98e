/** `npm run documents`: writes the generated parts of the documents from their sources. */
import { parseArgs } from 'node:util'
import { findOutdated, parts, writeParts } from './generated.ts'

const help = `npm run documents [-- OPTIONS]

Writes the generated parts of the documents from their sources:
${parts.map(({ file }) => `  ${file}`).join('\n')}

  --check   writes nothing; exit code 1 where a file is not up to date
  --help`

const { check } = readOptionsOrExit()
const files = check ? findOutdated() : writeParts()
for (const file of files)
  console.log(check ? `${file} is not up to date; run npm run documents` : `${file} written`)
process.exit(check && files.length > 0 ? 1 : 0)

function readOptionsOrExit(): { check: boolean } {
  try {
    const { values } = parseArgs({
      options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    })
    if (!values.help) return values
    console.log(help)
    process.exit(0)
  } catch (fault) {
    console.error(`${(fault as Error).message}\n\n${help}`)
    process.exit(2)
  }
}
