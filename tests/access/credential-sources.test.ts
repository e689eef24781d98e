/** Where a client may show its credential, and which of several counts. */
import test from 'ava'
import { findCredential, findTicket } from '../../runtime/access/credential-sources.ts'

const longest = 'x'.repeat(16 * 1024)
const tooLong = `${longest}x`

const rows: readonly (readonly [
  what: string,
  headers: Readonly<Record<string, string>>,
  subprotocols: readonly string[] | undefined,
  place: string | null,
  value?: string,
])[] = [
  ['nothing', {}, [], null],
  ['nothing, over HTTP', {}, undefined, null],
  ['a bearer', { authorization: 'Bearer one' }, [], 'authorization', 'one'],
  ['a bearer in other letters, with spaces', { authorization: 'bEARER   one  ' }, [], 'authorization', 'one'],
  ['two words behind a bearer', { authorization: 'Bearer one two' }, [], null],
  ['an empty bearer', { authorization: 'Bearer ' }, [], null],
  ['another scheme', { authorization: 'Basic one' }, [], null],
  ['a bearer behind something else', { authorization: 'x Bearer one' }, [], null],
  ['a key', { 'api-key': 'one' }, [], 'api-key', 'one'],
  ['an empty key', { 'api-key': '' }, [], null],
  ['a subprotocol', {}, ['realtime', 'openai-insecure-api-key.one'], 'subprotocol', 'one'],
  ['a subprotocol without a key', {}, ['openai-insecure-api-key.'], 'subprotocol', ''],
  ['a subprotocol that has the words elsewhere', {}, ['x-openai-insecure-api-key.one'], null],
  [
    'a bearer before a key before a subprotocol',
    { authorization: 'Bearer one', 'api-key': 'two' },
    ['openai-insecure-api-key.three'],
    'authorization',
    'one',
  ],
  ['a key before a subprotocol', { 'api-key': 'two' }, ['openai-insecure-api-key.three'], 'api-key', 'two'],
  ['the longest bearer', { authorization: `Bearer ${longest}` }, [], 'authorization', longest],
  ['too long a bearer', { authorization: `Bearer ${tooLong}` }, [], 'authorization', ''],
  ['too long a key', { 'api-key': tooLong }, [], 'api-key', ''],
  ['too long a subprotocol', {}, [`openai-insecure-api-key.${tooLong}`], 'subprotocol', ''],
]

for (const [what, headers, subprotocols, place, value] of rows) {
  test(`${what} shows ${place === null ? 'nothing' : `${value?.slice(0, 9) || 'an unknown credential'} by ${place}`}`, t => {
    const presented = findCredential({
      headers: new Map(Object.entries(headers)),
      ...(subprotocols && { subprotocols }),
    })
    t.deepEqual(presented, place === null ? null : ({ source: place, value } as never))
  })
}

test('a ticket is in the query, and no credential of headers', t => {
  t.deepEqual(findTicket(new URLSearchParams('ticket=one')), { source: 'ticket', value: 'one' })
  t.deepEqual(findTicket(new URLSearchParams('ticket=')), { source: 'ticket', value: '' })
  t.is(findTicket(new URLSearchParams('key=one')), null)
  t.deepEqual(findTicket(new URLSearchParams({ ticket: tooLong })), { source: 'ticket', value: '' })
})
