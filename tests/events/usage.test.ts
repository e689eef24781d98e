/** What upstream tells of tokens and seconds. */
import test from 'ava'
import { countedTokens, transcriptionUsageOf, usageOf } from '../../runtime/events/usage.ts'

const frameOf = (usage: unknown) => Buffer.from(JSON.stringify({ type: 'x', usage }))

for (const [what, usage, expected, counted] of [
  [
    'tokens',
    { type: 'tokens', input_tokens: 7, output_tokens: 5, total_tokens: 12 },
    { input: 7, output: 5, total: 12, seconds: 0 },
    12,
  ],
  [
    'tokens without a sum',
    { input_tokens: 7, output_tokens: 5 },
    { input: 7, output: 5, total: 12, seconds: 0 },
    12,
  ],
  ['seconds', { type: 'duration', seconds: 1.25 }, { input: 0, output: 0, total: 0, seconds: 1.25 }, 13],
  ['nothing', null, { input: 0, output: 0, total: 0, seconds: 0 }, 0],
  [
    'what is no amount',
    { input_tokens: -1, output_tokens: '5', seconds: 'x' },
    { input: 0, output: 0, total: 0, seconds: 0 },
    0,
  ],
] as const) {
  test(`the usage of a turn that was written down: ${what}`, t => {
    const read = transcriptionUsageOf(frameOf(usage))
    t.deepEqual(read, expected)
    t.is(countedTokens(read), counted)
  })
}

test('a frame that is no JSON used nothing', t => {
  t.is(transcriptionUsageOf(Buffer.from('{')).total, 0)
  t.deepEqual(usageOf(Buffer.from('[1]')), { input: 0, output: 0, total: 0 })
})
