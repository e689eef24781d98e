/** Numbers that no answer can have used, as an upstream may tell them: they leave what was counted before as it is. */
import test from 'ava'
import { transcriptionUsageOf, usageOf } from '../../runtime/events/usage.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { UsageLedger } from '../../runtime/usage/ledger.ts'
import { readResponseReport } from '../../runtime/usage/response-report.ts'
import { quiet } from '../store/patience.ts'

const ended = (tokens: unknown) => {
  const details = { text_tokens: tokens }
  const usage = {
    ...{ total_tokens: tokens, input_tokens: tokens, output_tokens: tokens },
    ...{ input_token_details: details, output_token_details: details },
  }
  return Buffer.from(JSON.stringify({ type: 'response.done', response: { id: 'r1', usage } }))
}
const owner = { principal: 'key:ada', assistant: 'default' }

for (const tokens of [1e300, 1e18, 2 ** 53, 1e10])
  test(`${tokens} tokens of one answer are not counted, and the day's sum stays readable`, async t => {
    const store = createMemoryStore()
    t.teardown(() => store.close())
    const ledger = new UsageLedger({ store, now: () => Date.parse('2026-01-01'), log: quiet })
    for (const each of [7, tokens, 5])
      ledger.add(owner, 'gpt-realtime', readResponseReport(ended(each)).amounts)
    const [row] = await ledger.read('key:ada', ['2026-01-01'])
    t.deepEqual(row?.tally, { input_text: 12, output_text: 12 })
    await ledger.close()
    t.is(readResponseReport(ended(tokens)).total, 0)
    t.deepEqual(usageOf(ended(tokens)), { input: 0, output: 0, total: 0 })
    const usage = { seconds: tokens, total_tokens: tokens }
    const written = Buffer.from(JSON.stringify({ type: 'x', usage }))
    t.deepEqual(transcriptionUsageOf(written), { input: 0, output: 0, total: 0, seconds: 0 })
  })
