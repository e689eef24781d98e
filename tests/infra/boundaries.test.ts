/** What the infrastructure may know, and what it may not do. */
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { readText } from './azure.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const files = ['index.ts', ...globSync('infra/*.ts', { cwd: root })]

test('of the runtime, the infrastructure knows the dictionary, the models, the table of variables, and the assistants', t => {
  for (const file of files) {
    for (const [, path = ''] of readText(file).matchAll(/from '(\.[^']+)'/g)) {
      t.regex(
        path,
        /^(\.\/(infra\/)?[\w-]+\.ts|\.\.\/runtime\/(core\/contract|config\/environment|models\/\w+|assistants\/[\w-]+)\.ts)$/,
        file,
      )
    }
  }
})

test('of its libraries, the infrastructure imports Pulumi, zod and Node', t => {
  for (const file of files) {
    for (const [, name = ''] of readText(file).matchAll(/from '([^.'][^']*)'/g)) {
      t.regex(
        name,
        /^(@pulumi\/(pulumi|docker-build|random|azure-native(\/[a-z]+\/index\.js)?)|zod|node:(crypto|fs|path))$/,
        file,
      )
    }
  }
})

test('the whole of azure-native, which is slow to load, is imported for its types only', t => {
  for (const file of files) t.notRegex(readText(file), /import (?!type)[^\n]*'@pulumi\/azure-native'/, file)
})

test('nothing in the infrastructure is left to chance, or read from the process', t => {
  for (const file of files) t.notRegex(readText(file), /Math\.random|randomUUID|randomBytes|process\./, file)
})

test('only index.ts looks at the clock', t => {
  for (const file of files.slice(1)) t.notRegex(readText(file), /new Date\(\)|Date\.now/, file)
})

test('no type is asserted away: no any, no non-null assertion', t => {
  for (const file of files)
    t.notRegex(readText(file), /\bas any\b|: any\b|[\w\])]!\.|@ts-(ignore|expect-error)/, file)
})
