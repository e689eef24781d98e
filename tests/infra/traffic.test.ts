import test from 'ava'
import { revisionName, suffixOf } from '../../infra/revision.ts'
import { chooseTraffic, type Revision } from '../../infra/traffic.ts'

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

test('the longest names leave a revision within 54 characters', t => {
  const longest = revisionName(`${'p'.repeat(12)}-${'s'.repeat(12)}`, suffixOf({}))
  t.true(longest.length <= 54, longest)
  t.regex(suffixOf({}), /^[a-z][a-z0-9]+$/)
})
