/** Members that stand in an object more than once. */
import test from 'ava'
import fc from 'fast-check'
import { isRepeated } from '../../runtime/events/member.ts'
import { hasRepeatedMember } from '../../runtime/events/repeated-member.ts'

for (const [text, top, anywhere] of [
  ['{"type":"a","audio":"AAAA"}', false, false],
  ['{"type":"a","type":"b"}', true, true],
  ['{"x":[{"type":1}],"type":"a", "ty\\u0070e" : 1}', true, true],
  ['{"type":"a","x":{"type":"b"}}', false, false],
  ['{"type":"a","x":{"y":1,"\\u0079":2}}', false, true],
  ['{"type":"\\"type\\":","x":["type","type"]}', false, false],
  ['{"type":"a"', false, false],
  ['[{"type":1},{"type":1}]', false, false],
] as const) {
  test(`${text}: ${top ? 'at the top' : anywhere ? 'inside' : 'none'}`, t => {
    t.is(isRepeated(Buffer.from(text), 'type'), top)
    t.is(hasRepeatedMember(Buffer.from(text)), anywhere)
  })
}

test('what JSON.stringify writes repeats no member', t => {
  const { counterexample } = fc.check(
    fc.property(fc.object(), value => {
      const bytes = Buffer.from(JSON.stringify(value))
      return !hasRepeatedMember(bytes) && !isRepeated(bytes, 'type')
    }),
  )
  t.is(counterexample, null)
})
