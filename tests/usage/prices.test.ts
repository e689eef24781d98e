/** Estimates of fixed scripts, as computed by hand from the prices that ship. */
import test from 'ava'
import { amountsOfResponse, amountsOfTranscription } from '../../runtime/events/usage.ts'
import { models } from '../../runtime/models/models.ts'
import { type estimateCost, Pricing, readPrices } from '../../runtime/usage/prices.ts'
import { shippedPrices } from './accounts.ts'

const today = Date.UTC(2026, 10, 28)

const nanosOf = (deployment: string, amounts: Parameters<typeof estimateCost>[1]) =>
  shippedPrices.estimate(deployment, amounts, today)

test('a spoken answer of gpt-realtime-2.1, cached audio included', t => {
  const usage = {
    total_tokens: 16_200,
    input_tokens: 13_000,
    output_tokens: 3200,
    input_token_details: {
      text_tokens: 3000,
      audio_tokens: 10_000,
      image_tokens: 0,
      cached_tokens: 9000,
      cached_tokens_details: { text_tokens: 1000, audio_tokens: 8000, image_tokens: 0 },
    },
    output_token_details: { text_tokens: 200, audio_tokens: 3000 },
  }
  // 2,000 x $4 + 1,000 x $0.40 + 2,000 x $32 + 8,000 x $0.40 + 200 x $24 + 3,000 x $64, each for a million:
  // 0.008 + 0.0004 + 0.064 + 0.0032 + 0.0048 + 0.192 = $0.2724
  t.deepEqual(nanosOf('gpt-realtime-2.1', amountsOfResponse(usage)), { nanos: 272_400_000, unpriced: 0 })
})

test('an answer of gpt-realtime-mini about an image', t => {
  const usage = {
    input_tokens: 1000,
    output_tokens: 100,
    input_token_details: { text_tokens: 200, image_tokens: 800, cached_tokens: 64 },
    output_token_details: { text_tokens: 100 },
  }
  // Cached tokens without their kinds are text first: 136 x 0.60 + 64 x 0.06 + 800 x 0.80 + 100 x 2.40, for a million:
  // 0.0000816 + 0.00000384 + 0.00064 + 0.00024 = $0.00096544
  t.is(nanosOf('gpt-realtime-mini', amountsOfResponse(usage)).nanos, 965_440)
})

test('words and seconds that were written down', t => {
  const tokens = { type: 'tokens', input_tokens: 600, output_tokens: 50, total_tokens: 650 }
  // 600 x $6 (audio) + 50 x $10, for a million: 0.0036 + 0.0005 = $0.0041
  t.is(nanosOf('gpt-4o-transcribe', amountsOfTranscription(tokens)).nanos, 4_100_000)
  // 90 s at $0.017 a minute = $0.0255
  const seconds = amountsOfTranscription({ type: 'duration', seconds: 90 })
  t.is(nanosOf('gpt-realtime-whisper', seconds).nanos, 25_500_000)
  // 30 s at $0.034 a minute = $0.017
  t.is(nanosOf('gpt-realtime-translate', { translation_ms: 30_000 }).nanos, 17_000_000)
})

for (const [what, usage, amounts] of [
  ['nothing', undefined, {}],
  ['no object', [1, 'x'], {}],
  [
    'unknown fields',
    { input_tokens: 5, reasoning: { tokens: 7 }, input_token_details: { smell_tokens: 5, text_tokens: 2 } },
    { input_text: 5 },
  ],
  ['no numbers', { input_tokens: '5', output_tokens: Number.NaN, input_token_details: 'none' }, {}],
  [
    'more cached than there was',
    { input_tokens: 10, input_token_details: { text_tokens: 4, audio_tokens: 6, cached_tokens: 99 } },
    { input_text: 4, input_audio: 6, cached_text: 4, cached_audio: 6 },
  ],
  [
    'the preview, which tells no kinds of what is cached',
    { input_tokens: 10, input_token_details: { text_tokens: 4, audio_tokens: 6, cached_tokens: 5 } },
    { input_text: 4, input_audio: 6, cached_text: 4, cached_audio: 1 },
  ],
] as const) {
  test(`usage is read with care: ${what}`, t => {
    t.deepEqual(amountsOfResponse(usage), amounts)
  })
}

test('every model of the table has a price', t => {
  const names = models.flatMap(({ name, snapshots }) => [name, ...snapshots])
  t.deepEqual(
    names.filter(name => shippedPrices.rowOf(name, today) === null),
    [],
  )
})

const twoRows = `
currency: EUR
models:
  one:
    - { from: "2026-01-01", text: { input: 1, output: 2 } }
    - { from: "2026-06-01", text: { input: 3, output: 4 } }
`

test('the price of a day is that of the last row before it; before the first there is none', t => {
  const list = readPrices(twoRows)
  const at = (day: string) => list.rowOf('one', Date.parse(day))?.text?.input
  t.is(list.currency, 'EUR')
  t.deepEqual(['2025-12-31', '2026-01-01', '2026-05-31', '2026-06-01'].map(at), [undefined, 1, 1, 3])
})

test('a deployment has its own price, or that of its model, at any endpoint', t => {
  const pricing = new Pricing(readPrices(twoRows), new Map([['mine', 'one']]))
  t.is(pricing.rowOf('mine@host.openai.azure.com', today)?.text?.input, 3)
  t.is(pricing.rowOf('other', today), null)
  t.deepEqual(pricing.estimate('other', { input_text: 5 }, today), { nanos: 0, unpriced: 5 })
})

for (const [text, message] of [
  ['currency: dollars\nmodels: {}', /currency/],
  ['currency: USD\nmodels: { a: [{ from: "yesterday" }] }', /models\.a\.0\.from/],
  ['currency: USD\nmodels: { a: [{ from: "2026-01-01", smell: 1 }] }', /smell/],
  ['a: [', /./],
] as const) {
  test(`a price list with a fault is refused: ${JSON.stringify(text)}`, t => {
    t.throws(() => readPrices(text), { message })
  })
}
