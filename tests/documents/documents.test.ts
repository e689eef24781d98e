/** The documents: generated parts are current, links lead somewhere, commands exist, both languages have the same. */
import { dirname, join, normalize } from 'node:path'
import test from 'ava'
import { errorTable } from '../../runtime/core/errors.ts'
import { readBehaviour, renderJapaneseBehaviour } from './behaviour.ts'
import { errorSubjects, errorTexts } from './errors.ts'
import { findOutdated, parts } from './generated.ts'
import { errorSubjects as japaneseSubjects } from './japanese.ts'
import * as behaviourTexts from './japanese-behaviour.ts'
import { anchorsOf, isThere, linksOf, pages, readPage, scriptsOf } from './pages.ts'
import { untranslated } from './tables.ts'

const maxReadmeBytes = 8 * 1024

test('the generated parts are what `npm run documents` writes', t => {
  t.true(parts.length >= 6)
  t.deepEqual(findOutdated(), [])
})

test('a Japanese table shows no English phrase', t => {
  t.deepEqual(untranslated(), [])
})

test("a row of the simulator's behaviour without a Japanese text stops the Japanese page", t => {
  const [first, ...others] = readBehaviour()
  const rows = [...(first?.rows ?? []), ['it sings', 'assumed: a choir', '`x.test.ts`: sings']]
  t.notThrows(() => renderJapaneseBehaviour())
  t.throws(() => renderJapaneseBehaviour([{ heading: 'Sessions', rows }, ...others]), {
    message: /has no text for: it sings; assumed: a choir$/,
  })
})

test('no Japanese text is left of a row of behaviour that the English page no longer has', t => {
  const sections = readBehaviour()
  const rows = sections.flatMap(section => section.rows)
  const { headings, behaviours, sources } = behaviourTexts
  t.deepEqual(
    Object.keys(headings),
    sections.map(({ heading }) => heading),
  )
  t.deepEqual(Object.keys(behaviours).sort(), [...new Set(rows.map(([behaviour = '']) => behaviour))].sort())
  t.deepEqual(Object.keys(sources).sort(), [...new Set(rows.map(([, source = '']) => source))].sort())
})

test('every error code has its meaning and what to do, each a sentence of its own', t => {
  t.deepEqual(Object.keys(errorTexts).sort(), Object.keys(errorTable).sort())
  const texts = Object.values(errorTexts).map(([meaning]) => meaning)
  t.is(new Set(texts).size, texts.length)
})

test('every error code stands in the section of its subject, once, and no section is empty', t => {
  for (const [page, subjects] of [
    ['docs/errors.md', errorSubjects],
    ['docs/ja/errors.md', japaneseSubjects],
  ] as const) {
    const sections = readPage(page).split(/^#{2,3} /m)
    for (const [subject, [heading]] of Object.entries(subjects)) {
      const section = sections.find(text => text.startsWith(`${heading}\n`)) ?? ''
      const shown = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, code = '']) => code)
      const expected = Object.entries(errorTable).filter(([, row]) => row.subject === subject)
      t.true(expected.length > 0, subject)
      t.deepEqual(
        shown,
        expected.map(([code]) => code),
        `${page}: ${subject}`,
      )
    }
  }
})

test('every code that /chat alone says is in its table', t => {
  const source = readPage('runtime/chat/chat-errors.ts')
  const codes = [...source.matchAll(/code: '(\w+)'/g), ...source.matchAll(/\?\? '(\w+)'/g)].map(
    ([, code = '']) => code,
  )
  const own = codes.filter(code => !(code in errorTable))
  t.true(own.length >= 5)
  for (const code of own) t.true(readPage('docs/errors.md').includes(`| \`${code}\` |`), code)
})

test('every relative link leads to a file, and every anchor to a heading of it', t => {
  t.true(pages.length > 30)
  let links = 0
  for (const page of pages)
    for (const target of linksOf(readPage(page))) {
      links += 1
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)))
      t.true(isThere(file), `${page}: "${target}" leads to no file`)
      if (anchor !== undefined && file.endsWith('.md') && isThere(file))
        t.true(
          anchorsOf(readPage(file)).has(decodeURIComponent(anchor)),
          `${page}: "${target}" leads to no heading`,
        )
    }
  t.true(links > 200, String(links))
})

test('every npm script that the documents run exists, and every file that they name is there', t => {
  const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> }
  const named = new Set<string>()
  for (const page of pages) {
    const text = readPage(page)
    for (const script of scriptsOf(text)) {
      named.add(script)
      t.true(script in scripts || script === 'COMMAND', `${page}: npm run ${script}`)
    }
    for (const [, path = ''] of text.matchAll(/(?:^|`)node (?!--)([\w./-]+)/gm))
      t.true(isThere(path), `${page}: node ${path}`)
    for (const [, path = ''] of text.matchAll(/`((?:runtime|infra|tests|web)\/[\w/.-]+\.\w+)`/g))
      t.true(isThere(path), `${page}: ${path}`)
  }
  const lifecycle = (name: string) => name.startsWith('pre') && name.slice(3) in scripts
  for (const name of Object.keys(scripts).filter(name => !lifecycle(name) && name !== 'build'))
    t.true(named.has(name), `no page tells of npm run ${name}`)
})

test('README has at most 8 kB, and leads to every page', t => {
  const readme = readPage('README.md')
  t.true(Buffer.byteLength(readme) <= maxReadmeBytes, `${Buffer.byteLength(readme)} bytes`)
  const targets = new Set(linksOf(readme).map(target => target.split('#')[0]))
  for (const page of pages.filter(path => path.startsWith('docs/') && !path.startsWith('docs/ja/')))
    t.true(targets.has(page), `README does not lead to ${page}`)
})
