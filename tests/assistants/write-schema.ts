/** `npm run assistant-schema`: writes the JSON Schema of `assistant.yaml` anew. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemaFile, writeJsonSchema } from '../../runtime/assistants/schema.ts'

if (process.argv.includes('--help')) {
  process.stdout.write(
    `npm run assistant-schema: writes assistants/${schemaFile}, by which editors complete and check assistant.yaml\n`,
  )
} else writeFileSync(join(import.meta.dirname, '../../assistants', schemaFile), writeJsonSchema())
