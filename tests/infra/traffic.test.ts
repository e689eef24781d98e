import test from 'ava'
import { chooseSuffix, rememberSuffix, revisionName, suffixOf, suffixOfName } from '../../infra/revision.ts'
import { chooseTraffic, listsNewest, type Revision } from '../../infra/traffic.ts'

const blue = 'gptrt-prod--rblue'
const green = 'gptrt-prod--rgreen'
const red = 'gptrt-prod--rred'

const keep = (previous: Revision[], newest = green) => chooseTraffic({ newest, wanted: [], previous })

test('the first deployment sends everything to its own revision, by name', t => {
  t.deepEqual(keep([]), [{ revisionName: green, weight: 100 }])
})

test('a new revision gets no traffic, and the label to try it by', t => {
  t.deepEqual(keep([{ revision: blue, weight: 100 }]), [
    { revisionName: blue, weight: 100 },
    { revisionName: green, weight: 0, label: 'next' },
  ])
})

test('an update that makes no new revision leaves the weights as they are', t => {
  const previous = [
    { revision: blue, weight: 30, label: 'stable' },
    { revision: green, weight: 70, label: 'next' },
  ]
  t.deepEqual(keep(previous), [
    { revisionName: blue, weight: 30, label: 'stable' },
    { revisionName: green, weight: 70, label: 'next' },
  ])
})

test('a release in the middle of a roll-out keeps both weights, and takes the label over', t => {
  const previous = [
    { revision: blue, weight: 50 },
    { revision: green, weight: 50, label: 'next' },
  ]
  t.deepEqual(keep(previous, red), [
    { revisionName: blue, weight: 50 },
    { revisionName: green, weight: 50 },
    { revisionName: red, weight: 0, label: 'next' },
  ])
})

test('a dark revision that was never used makes way for the next one', t => {
  const previous = [
    { revision: blue, weight: 100, label: 'stable' },
    { revision: green, weight: 0, label: 'next' },
  ]
  t.deepEqual(keep(previous, red), [
    { revisionName: blue, weight: 100, label: 'stable' },
    { revisionName: red, weight: 0, label: 'next' },
  ])
})

test('the configuration wins over what was, and "newest" becomes the name', t => {
  const wanted = [
    { revision: blue, weight: 90 },
    { revision: 'newest', weight: 10, label: 'next' },
  ]
  t.deepEqual(chooseTraffic({ newest: green, wanted, previous: [{ revision: red, weight: 100 }] }), [
    { revisionName: blue, weight: 90 },
    { revisionName: green, weight: 10, label: 'next' },
  ])
})

test('"newest" that turns out to be a revision listed by name is one entry, not two', t => {
  const wanted = [
    { revision: green, weight: 90 },
    { revision: 'newest', weight: 10, label: 'next' },
  ]
  t.deepEqual(chooseTraffic({ newest: green, wanted, previous: [] }), [
    { revisionName: green, weight: 100, label: 'next' },
  ])
})

test('the same template has the same suffix, in whatever order it was written', t => {
  t.is(suffixOf({ a: 1, b: [{ c: 2, d: 3 }] }), suffixOf({ b: [{ d: 3, c: 2 }], a: 1 }))
})

test('any change to the template, the order of a list included, makes another suffix', t => {
  const suffixes = [{ a: 1 }, { a: 2 }, { a: 1, b: undefined, c: 1 }, { a: [1, 2] }, { a: [2, 1] }].map(
    suffixOf,
  )
  t.is(new Set(suffixes).size, suffixes.length)
})

interface Update {
  readonly template: string
  /** Templates whose revisions the last update listed; the number is the salt. */
  readonly listed: readonly [template: string, salt: number][]
  readonly made: readonly [template: string, salt: number][]
  readonly listsNewest?: boolean
}

/** Salt of the suffix that is chosen for a template. */
function saltOf({ template, listed, made, listsNewest = true }: Update): number {
  const suffixes = (pairs: Update['made']) => pairs.map(([text, salt]) => suffixOf(text, salt))
  const suffix = chooseSuffix({ template, made: suffixes(made), listed: suffixes(listed), listsNewest })
  return [0, 1, 2, 3].findIndex(salt => suffixOf(template, salt) === suffix)
}

test('a template that is new, or whose revision has traffic or a label, has its plain suffix', t => {
  t.is(saltOf({ template: 'a', listed: [], made: [] }), 0)
  t.is(saltOf({ template: 'b', listed: [['a', 0]], made: [['a', 0]] }), 0)
  const both: Update['made'] = [
    ['a', 0],
    ['b', 0],
  ]
  t.is(saltOf({ template: 'a', listed: both, made: both }), 0)
})

test('a template that comes back has a suffix that was never made, each time', t => {
  const first: Update['made'] = [
    ['a', 0],
    ['b', 0],
  ]
  t.is(saltOf({ template: 'a', listed: [['b', 0]], made: first }), 1)
  const second: Update['made'] = [...first, ['a', 1]]
  t.is(saltOf({ template: 'a', listed: [['a', 1]], made: second }), 1, 'an unchanged update keeps it')
  t.is(saltOf({ template: 'b', listed: [['a', 1]], made: second }), 1)
  t.is(saltOf({ template: 'a', listed: [['b', 1]], made: [...second, ['b', 1]] }), 2)
})

test('an unchanged template keeps its suffix while traffic names other revisions, and has a new one when it is to get some', t => {
  const made: Update['made'] = [
    ['a', 0],
    ['b', 0],
    ['a', 1],
  ]
  const rolledBack: Update = { template: 'a', listed: [['a', 0]], made, listsNewest: false }
  t.is(saltOf(rolledBack), 1)
  t.is(saltOf({ ...rolledBack, listed: [['b', 0]], listsNewest: true }), 2)
  t.true(listsNewest([]))
  t.true(listsNewest([{ revision: 'newest', weight: 100 }]))
  t.false(listsNewest([{ revision: blue, weight: 100 }]))
})

test('suffixes are remembered with the newest last, once each, and no more than a hundred', t => {
  t.deepEqual(rememberSuffix(['ra', 'rb'], 'ra'), ['rb', 'ra'])
  const many = Array.from({ length: 100 }, (_, index) => `r${index}`)
  const remembered = rememberSuffix(many, 'rnew')
  t.is(remembered.length, 100)
  t.deepEqual([remembered[0], remembered.at(-1)], ['r1', 'rnew'])
  t.is(suffixOfName('gptrt-dev--r48c0780f00'), 'r48c0780f00')
})

test('the longest names leave a revision within 54 characters', t => {
  const longest = revisionName(`${'p'.repeat(12)}-${'s'.repeat(12)}`, suffixOf({}))
  t.true(longest.length <= 54, longest)
  t.regex(suffixOf({}), /^[a-z][a-z0-9]+$/)
})
