/** Holds how tests start processes: none holds the output of a test's process open. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import ts from 'typescript'
import { root } from './layout.ts'

const files = globSync('tests/**/*.ts', { cwd: root, exclude: ['**/node_modules/**'] }).filter(
  file => file !== 'tests/repository/processes.test.ts',
)

/** Commands that a person runs, by what of theirs goes to the terminal; and what a tool of a test does. */
const inheriting: Readonly<Record<string, string>> = {
  'tests/load/main.ts': 'the report of the load tests',
  'tests/rehearsal/install-servers.ts': 'what the installation of servers says',
  'tests/rehearsal/portable.ts': 'what the command that restarts a server says',
  'tests/tools/unruly/tools/leaves.ts': 'the output of the process of tools, which is a pipe of its own',
}

/** Files that start processes with a channel by themselves. */
const forking: Readonly<Record<string, string>> = {
  'tests/gateway/child.ts': 'starts them for the others',
  'tests/mutation/quick-runs.ts': 'ignores all output, and ends the group of the process',
}

/** Texts of a file, and which functions it imports of `node:child_process`. */
function readSource(file: string): { texts: string[]; imported: string[] } {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest)
  const found = { texts: [] as string[], imported: [] as string[] }
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.texts.push(node.text)
    if (
      ts.isImportDeclaration(node) &&
      (node.moduleSpecifier as ts.StringLiteral).text === 'node:child_process'
    ) {
      const names = node.importClause?.namedBindings
      if (names !== undefined && ts.isNamedImports(names))
        found.imported.push(...names.elements.map(({ name, propertyName }) => (propertyName ?? name).text))
      else found.imported.push('fork')
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

test('no process that a test starts inherits its output: ava would wait until that process ends', t => {
  t.true(files.length > 500, 'the files are found')
  const sources = files.map(file => ({ file, ...readSource(file) }))
  t.deepEqual(
    sources
      .filter(({ texts }) => texts.includes('inherit'))
      .map(({ file }) => file)
      .sort(),
    Object.keys(inheriting),
  )
  // A forked process inherits where nothing is said.
  t.deepEqual(
    sources
      .filter(({ imported }) => imported.includes('fork'))
      .map(({ file }) => file)
      .sort(),
    Object.keys(forking),
  )
})
