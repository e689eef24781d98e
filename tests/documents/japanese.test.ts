/** The Japanese texts: one spelling for each term, one style of numbers and parentheses, and the pages of the English. */
import { dirname, join, normalize } from 'node:path'
import test from 'ava'
import { japanese as pageWords } from '../../web/language/japanese.ts'
import { errors, stackSettings, variables } from './japanese.ts'
import { isThere, linksOf, pages, readPage, sharedProseOf, skeletonOf, withoutCode } from './pages.ts'

const glossary = 'docs/ja/glossary.md'

const japanesePages = ['README.ja.md', ...pages.filter(page => page.startsWith('docs/ja/'))]
const englishOf = (page: string) =>
  page === 'README.ja.md' ? 'README.md' : page.replace('docs/ja/', 'docs/')

/** The prose of a page: no fenced code, no code spans, no targets of links. */
const proseOf = (page: string) =>
  withoutCode(readPage(page))
    .replace(/<!--.*?-->/gs, '')
    .replace(/`[^`]+`/g, 'code')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/<https?:[^>]*>/g, '')

/** Everything that a Japanese reader sees, by where it stands. */
const texts: readonly (readonly [place: string, text: string])[] = [
  ...japanesePages.filter(page => page !== glossary).map(page => [page, proseOf(page)] as const),
  ...Object.entries(pageWords).map(([english, text]) => [`web "${english}"`, text] as const),
  ...Object.entries(variables),
  ...Object.entries(stackSettings).map(([name, parts]) => [name, parts.join(' ')] as const),
  ...Object.entries(errors).map(
    ([code, parts]) => [code, parts.join(' ').replace(/`[^`]+`/g, 'code')] as const,
  ),
]

/** The glossary's rows: the term, and the spellings that are not used for it. */
const terms = [...readPage(glossary).matchAll(/^\| ([^|]+?) \| [^|]+ \| [^|]+ \|([^|]*)\|$/gm)]
  .map(([, term = '', others = '']) => ({ term, others: others.trim().split('、').filter(Boolean) }))
  .filter(({ term }) => term !== '用語')

/** The terms of a glossary by section: of the English page its first column, of the Japanese one its second. */
function englishTerms(page: string, column: number): string[][] {
  return readPage(page)
    .split(/^## /m)
    .slice(1)
    .map(section =>
      section
        .split('\n')
        .filter(line => line.startsWith('| '))
        .slice(1)
        .map(row => row.split(' | ')[column]?.replace(/^\| /, '').split(', ')[0] ?? ''),
    )
}

/** A text without the terms themselves, the longest first: what is left of "サーバー" is no "サーバ". */
function withoutTerms(text: string): string {
  const longestFirst = terms.map(({ term }) => term).sort((a, b) => b.length - a.length)
  return longestFirst.reduce((left, term) => left.replaceAll(term, '\u0000'), text)
}

/** Ways of writing that read like a translation, or that differ from the rest. */
const unwanted: Readonly<Record<string, RegExp>> = {
  'a half-width parenthesis beside Japanese': /[぀-ヿ一-鿿] ?\(|\([^()]*[぀-ヿ一-鿿][^()]*\)/u,
  'a range without ～': /\d[~〜]\d|[〜]/u,
  'no space between Latin letters and Japanese':
    /[A-Za-z0-9%][ぁ-ゖァ-ヺ一-鿿]|[ぁ-ゖァ-ヺ一-鿿][A-Za-z0-9]/u,
  'a space within a compound of katakana': /[ァ-ヴー] [ァ-ヴー]/u,
  'a number in kanji before a counter':
    /[一二三四五六七八九十]+(?:つ|個|回|秒|行|台|倍|種類|日間|本|件|か所)/u,
  'a phrase of a translation': /戻ってくる|作りかた|身元|しかた|言いかた|探しかた/u,
}

test('the glossary has the terms that are used, and each once', t => {
  t.true(terms.length > 50, String(terms.length))
  t.is(new Set(terms.map(({ term }) => term)).size, terms.length)
  t.true(terms.flatMap(({ others }) => others).length > 40)
})

test('both glossaries have the same terms; the Japanese one has spellings besides', t => {
  const english = englishTerms('docs/glossary.md', 0)
  const japanese = englishTerms(glossary, 1)
  t.true(english.length >= 3)
  t.deepEqual(japanese.slice(0, -1), english)
})

test('a term of the glossary stands on more than one English page', t => {
  const english = pages.filter(page => /^(README|docs\/(?!ja\/|glossary))/.test(page)).map(readPage)
  for (const term of englishTerms('docs/glossary.md', 0).flat())
    t.true(
      english.filter(text => new RegExp(`\\b${term.replace(/ /g, '\\s+')}`, 'i').test(text)).length > 1,
      term,
    )
})

test('no spelling that the glossary excludes stands in a Japanese text', t => {
  t.true(texts.length > 500, String(texts.length))
  const found = texts.flatMap(([place, text]) => {
    const left = withoutTerms(text)
    return terms.flatMap(({ term, others }) =>
      others.filter(other => left.includes(other)).map(other => `${place}: "${other}", write "${term}"`),
    )
  })
  t.deepEqual(found, [])
})

test('an excluded spelling is found, and the term that contains it is not taken for it', t => {
  t.true(withoutTerms('サーバに接続').includes('サーバ'))
  t.false(withoutTerms('サーバーに接続').includes('サーバ'))
  t.false(withoutTerms('秘密鍵').includes('秘密'))
})

for (const [what, pattern] of Object.entries(unwanted))
  test(`a Japanese text with ${what} is not there`, t => {
    const found = texts.flatMap(([place, text]) => {
      const [match] = pattern.exec(text) ?? []
      return match === undefined ? [] : [`${place}: ${match}`]
    })
    t.deepEqual(found, [])
  })

test('both languages have the same pages', t => {
  const english = pages.filter(page => page.startsWith('docs/') && !page.startsWith('docs/ja/'))
  t.true(english.length > 25)
  for (const page of english)
    t.true(isThere(page.replace('docs/', 'docs/ja/')), `${page} has no Japanese page`)
  for (const page of japanesePages.filter(page => page !== glossary))
    t.true(isThere(englishOf(page)), `${page} has no English page`)
})

for (const page of japanesePages.filter(page => page !== glossary))
  test(`${page} has the headings, code and rows of the English page`, t => {
    t.deepEqual(skeletonOf(readPage(page)), skeletonOf(readPage(englishOf(page))))
  })

test('the prose of both languages names the same code, and lists as many things, in each section', t => {
  for (const page of japanesePages.filter(page => page !== glossary))
    t.deepEqual(sharedProseOf(readPage(page)), sharedProseOf(readPage(englishOf(page))), page)
})

test('Japanese pages lead to Japanese pages, and to their own English one', t => {
  for (const page of japanesePages)
    for (const target of linksOf(readPage(page))) {
      const file = normalize(join(dirname(page), target.split('#')[0] ?? ''))
      const japaneseFile = file === 'README.md' ? 'README.ja.md' : file.replace(/^docs\/(?!ja\/)/, 'docs/ja/')
      if (file === englishOf(page) || japaneseFile === file) continue
      t.false(file.endsWith('.md') && isThere(japaneseFile), `${page}: "${target}" leads to an English page`)
    }
})

test('README.ja.md is no longer than the English one, and leads to every Japanese page', t => {
  t.true(readPage('README.ja.md').length <= readPage('README.md').length)
  const targets = new Set(linksOf(readPage('README.ja.md')).map(target => target.split('#')[0]))
  for (const page of japanesePages.filter(page => page !== 'README.ja.md'))
    t.true(targets.has(page), `README.ja.md does not lead to ${page}`)
})
