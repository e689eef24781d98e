/** The items of a conversation within their limit. */
import test from 'ava'
import { Transcript } from '../../runtime/resume/transcript.ts'
import type { TranscriptItem } from '../../runtime/resume/transcript-item.ts'

const item = (id: string, more: Partial<TranscriptItem> = {}): TranscriptItem => ({
  ...{ id, kind: 'message', role: 'user', text: '', done: true },
  ...more,
})
const bytesOf = (given: TranscriptItem) => Buffer.byteLength(JSON.stringify(given))
const size = bytesOf(item('1'))

const idsOf = (items: Transcript) => [...items].map(({ id }) => id)

function listOf(maxBytes: number, ...given: readonly TranscriptItem[]): Transcript {
  const items = new Transcript(maxBytes)
  for (const each of given) items.add(each)
  return items
}

test('items stay in their order within exactly the limit; one byte less forgets the oldest', t => {
  const fits = listOf(2 * size, item('1'), item('2'))
  t.deepEqual([idsOf(fits), fits.dropped], [['1', '2'], 0])
  const doesNot = listOf(2 * size - 1, item('1'), item('2'))
  t.deepEqual([idsOf(doesNot), doesNot.dropped], [['2'], 1])
})

test('as many of the oldest are forgotten as must be', t => {
  const items = listOf(3 * size, item('1'), item('2'), item('3'), item('4', { text: 'x'.repeat(size) }))
  t.deepEqual([idsOf(items), items.dropped], [['3', '4'], 2])
})

test('an item of exactly the limit is kept alone; a larger one is not, and nothing else goes for it', t => {
  const text = 'é'.repeat(100)
  const large = item('2', { text })
  const alone = listOf(bytesOf(large), item('1'), large)
  t.deepEqual([idsOf(alone), alone.dropped], [['2'], 1])
  const refused = listOf(bytesOf(large) - 1, item('1'), large)
  t.deepEqual([idsOf(refused), refused.dropped], [['1'], 1])
})

test('with an output that is too large its call is forgotten, and no other', t => {
  const calls = ['a', 'b'].map(callId => item(callId, { kind: 'function_call', callId }))
  const output = item('o', { kind: 'function_call_output', callId: 'b', text: 'x'.repeat(1000) })
  const items = listOf(1000, ...calls, output)
  t.deepEqual([idsOf(items), items.dropped], [['a'], 2])
})

test('with a message that is too large no call is forgotten', t => {
  const call = item('a', { kind: 'function_call', callId: 'b' })
  t.deepEqual(idsOf(listOf(500, call, item('m', { callId: 'b', text: 'x'.repeat(1000) }))), ['a'])
})

test('an item that is changed keeps its place and is measured anew', t => {
  const [first, second] = [item('1'), item('2')]
  const items = listOf(2 * size + 10, first, second)
  items.change(first, { text: 'x'.repeat(10) })
  t.deepEqual([idsOf(items), first.text.length, items.dropped], [['1', '2'], 10, 0])
  items.change(second, { text: 'x' })
  t.deepEqual([idsOf(items), items.dropped], [['2'], 1])
  items.add(item('3'))
  t.deepEqual([idsOf(items), items.dropped], [['2', '3'], 1], 'what was forgotten takes no room')
})

test('an item that is not of the list is not changed, and does not come into it', t => {
  const items = listOf(1000, item('1'))
  const stranger = item('2')
  items.change(stranger, { text: 'x' })
  t.deepEqual([idsOf(items), stranger.text], [['1'], ''])
})

test('only what fits is kept, and what is forgotten so is not told as dropped', t => {
  const items = listOf(3 * size, item('1'), item('2'), item('3'))
  items.keep(({ id }) => id !== '2')
  t.deepEqual([idsOf(items), items.dropped], [['1', '3'], 0])
  items.add(item('4'))
  t.deepEqual([idsOf(items), items.dropped], [['1', '3', '4'], 0])
  t.is(items.find(({ id }) => id > '1')?.id, '3')
  t.is(
    items.find(() => false),
    undefined,
  )
})

test('items that another session forgot count as well', t => {
  const items = listOf(size, item('1'), item('2'))
  items.noteDropped(4)
  items.noteDropped(1)
  t.is(items.dropped, 6)
})

const image = { url: `data:image/png;base64,${'A'.repeat(400)}` }
const lost = { url: null }
const seen = (id: string, more: Partial<TranscriptItem> = {}) => item(id, { images: [image], ...more })
const withoutImage = (id: string) => bytesOf(item(id, { images: [lost] }))

/** Whether the images of each item are kept. */
const imagesOf = (items: Transcript) =>
  [...items].map(({ id, images }) => `${id} ${images?.map(({ url }) => (url === null ? 'lost' : 'kept'))}`)

for (const [what, maxBytes, given, images, dropped] of [
  ['exactly the limit by one item', bytesOf(seen('1')), ['1'], ['1 kept'], 0],
  ['one byte less for one item', bytesOf(seen('1')) - 1, ['1'], ['1 lost'], 0],
  ['exactly the limit without the image', withoutImage('1'), ['1'], ['1 lost'], 0],
  ['one byte less even without the image', withoutImage('1') - 1, ['1'], [], 1],
  ['exactly the limit by two items', 2 * bytesOf(seen('1')), ['1', '2'], ['1 kept', '2 kept'], 0],
  ['one byte less for two items', 2 * bytesOf(seen('1')) - 1, ['1', '2'], ['1 lost', '2 kept'], 0],
  [
    'as much as one of three images takes, and no more',
    bytesOf(seen('3')) + 2 * withoutImage('1'),
    ['1', '2', '3'],
    ['1 lost', '2 lost', '3 kept'],
    0,
  ],
  ['less than two take without images', 2 * withoutImage('1') - 1, ['1', '2'], ['2 lost'], 1],
] as const)
  test(`images go before items, the oldest first: ${what}`, t => {
    const items = listOf(maxBytes, ...given.map(id => seen(id)))
    t.deepEqual([imagesOf(items), items.dropped], [[...images], dropped])
  })

test('of an item that loses its images the details stay, and the words', t => {
  const items = listOf(200, seen('1', { text: 'x', images: [{ ...image, detail: 'low', before: true }] }))
  t.deepEqual([...items], [item('1', { text: 'x', images: [{ url: null, detail: 'low', before: true }] })])
})
