/**
 * Names that were replaced by the field's own do not come back: each of these words had another meaning here than a
 * reader knows it by.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const root = join(import.meta.dirname, '..', '..')

/** By word, what it is called now. */
const replaced: Readonly<Record<string, string>> = {
  carryover: 'resumption',
  corkstand: 'upgrade cork',
  deeds: 'client events',
  faceof: 'wheelOf',
  faultdesk: 'fault injector',
  guard: 'admission, or pinned session',
  hearingupdate: 'audioInputUpdate',
  manners: 'mode',
  saiditem: 'transcript item',
  saiditems: 'transcript',
  sessionguard: 'pinned session',
  supervisedoptions: 'limited connection',
  tokenkeeper: 'token cache',
  wishof: 'request',
}

const words = new RegExp(`\\b(${Object.keys(replaced).join('|')})\\b`, 'gi')

test('no replaced word stands in the code or in the documents', t => {
  const files = globSync(['{runtime,infra,web}/**/*.ts', 'docs/**/*.md', '*.md'], {
    cwd: root,
    exclude: ['**/node_modules/**', '**/dist/**'],
  })
  t.true(files.length > 300, 'the files are found')
  const found = files.flatMap(file => {
    const text = readFileSync(join(root, file), 'utf8')
    return [...text.matchAll(words)].map(([word]) => `${file}: ${word} is ${replaced[word.toLowerCase()]}`)
  })
  t.deepEqual(found, [])
})
