/** The version of an assistant: a hash of its folder and of what its files import. */
import { cpSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { readFolder, versionOf } from '../../runtime/assistants/folder.ts'
import { type Files, folderWith, writeFiles } from './folders.ts'

const files: Files = {
  'cafe/assistant.yaml': 'description: a',
  'cafe/instructions.md': 'Be brief.',
  'cafe/tools/add.ts':
    "import { price } from '../../shared/price.ts'\nexport { b } from './b.ts'\nawait import('../../shared/late.ts')",
  'cafe/tools/b.ts': 'export const b = 1',
  'shared/price.ts': "import tax from './tax.json' with { type: 'json' }\nexport const price = tax",
  'shared/tax.json': '10',
  'shared/late.ts': '',
  'shared/unused.ts': '1',
  'package-lock.json': '{}',
}

const versionIn = (root: string) => versionOf(readFolder(join(root, 'cafe')), root)

test('the same files have the same version wherever they are', t => {
  const root = folderWith(t, files)
  const copy = folderWith(t, {})
  cpSync(root, copy, { recursive: true })
  t.is(versionIn(copy), versionIn(root))
  t.regex(versionIn(root), /^[0-9a-f]{12}$/)
})

const changes: [what: string, path: string, counts: boolean][] = [
  ['its settings', 'cafe/assistant.yaml', true],
  ['its instructions', 'cafe/instructions.md', true],
  ['a tool', 'cafe/tools/b.ts', true],
  ['a new file', 'cafe/menu.json', true],
  ['what a tool imports', 'shared/price.ts', true],
  ['what that imports', 'shared/tax.json', true],
  ['what is imported later', 'shared/late.ts', true],
  ['the packages', 'package-lock.json', true],
  ['what nothing imports', 'shared/unused.ts', false],
  ['a file of an editor', 'cafe/.swp', false],
  ['an installed package', 'cafe/node_modules/a/index.js', false],
  ['another assistant', 'bar/instructions.md', false],
]

for (const [what, path, counts] of changes)
  test(`${what}: a change makes ${counts ? 'another' : 'no other'} version`, t => {
    const root = folderWith(t, files)
    const before = versionIn(root)
    writeFiles(root, { [path]: 'changed' })
    if (counts) t.not(versionIn(root), before)
    else t.is(versionIn(root), before)
  })

test('a file under another name is another version, and so is its content moved to its neighbour', t => {
  const root = folderWith(t, files)
  const before = versionIn(root)
  renameSync(join(root, 'cafe/tools/b.ts'), join(root, 'cafe/tools/c.ts'))
  t.not(versionIn(root), before)
  const [first, second] = [
    { 'cafe/a': 'xy', 'cafe/b': '' },
    { 'cafe/a': 'x', 'cafe/b': 'y' },
  ].map(content => versionIn(folderWith(t, content)))
  t.not(first, second)
})

test('a module that is gone is no part of the version, and no fault', t => {
  const root = folderWith(t, files)
  rmSync(join(root, 'shared/late.ts'))
  t.regex(versionIn(root), /^[0-9a-f]{12}$/)
})
