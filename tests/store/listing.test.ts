/** The members of one list: their order, their lives, what they are charged with and what they take. */
import test from 'ava'
import { Listing } from '../../runtime/store/listing.ts'

const membersOf = (listing: Listing) => listing.page(0, 100).members

test('members expire at their time, soonest first, however they were added', t => {
  const listing = new Listing()
  for (const [member, expiresAt] of [
    ['late', 30],
    ['soon', 10],
    ['middle', 20],
  ] as const)
    listing.add(member, expiresAt)
  listing.expire(9)
  t.deepEqual(membersOf(listing), ['soon', 'middle', 'late'])
  listing.expire(10)
  t.deepEqual(membersOf(listing), ['middle', 'late'])
  listing.add('middle', 40)
  listing.expire(39)
  t.deepEqual(membersOf(listing), ['middle'])
  listing.add('short', 39)
  listing.expire(39)
  t.deepEqual(membersOf(listing), ['middle'], 'the order is made again for each that is out of it')
  listing.expire(40)
  t.is(listing.size, 0)
})

test('a page is in order also where nothing has expired since members came out of it', t => {
  const listing = new Listing()
  for (const at of [3, 1, 2]) {
    listing.expire(0)
    listing.add(String(at), at)
  }
  t.deepEqual(membersOf(listing), ['1', '2', '3'])
  listing.delete('1')
  listing.expire(1)
  listing.add('0', 2)
  listing.expire(2)
  t.deepEqual(membersOf(listing), ['3'])
})

const pages: readonly [offset: number, count: number, members: readonly string[]][] = [
  [0, 2, ['a', 'b']],
  [1, 2, ['b', 'c']],
  [2, 5, ['c', 'd']],
  [4, 5, []],
  [0, 0, []],
]

for (const [offset, count, members] of pages) {
  test(`a page of ${count} from ${offset}`, t => {
    const listing = new Listing()
    for (const member of ['a', 'b', 'c', 'd']) listing.add(member, 10)
    t.deepEqual(listing.page(offset, count), { members: [...members], total: 4 })
  })
}

test('charges and memory are of those that are listed, each once', t => {
  const listing = new Listing()
  listing.add('ab', 10, 5)
  const memory = listing.memoryBytes
  t.is(listing.charged, 5)
  t.is(listing.chargeOf('ab'), 5)
  t.is(listing.chargeOf('x'), null)
  t.is(listing.growthBy('ab'), 0)
  t.is(listing.growthBy('xy'), memory)
  t.is(listing.growthBy('xyz'), memory + 2)
  listing.add('ab', 20, 7)
  t.deepEqual([listing.charged, listing.memoryBytes, listing.size], [7, memory, 1])
  listing.add('cd', 30, 1)
  t.deepEqual([listing.charged, listing.memoryBytes], [8, 2 * memory])
  listing.delete('ab')
  listing.delete('ab')
  t.deepEqual([listing.charged, listing.memoryBytes], [1, memory])
  listing.expire(30)
  t.deepEqual([listing.charged, listing.memoryBytes, listing.size], [0, 0, 0])
})

test('a member without a charge is charged nothing', t => {
  const listing = new Listing()
  listing.add('a', 10)
  t.deepEqual([listing.chargeOf('a'), listing.charged], [0, 0])
})
