/** Answers that are extracted from their deltas alone. */
import test from 'ava'
import { DeltaAssembly, maxAssembledBytes } from '../../runtime/events/delta-assembly.ts'
import { createExtractor, type ExtractorOptions } from '../../runtime/events/extract.ts'
import { matchesAny } from '../../runtime/events/filter.ts'

const delta = 'response.output_text.delta'
const done = 'response.output_text.done'
const usual: ExtractorOptions = {
  ...{ types: [delta], fieldsMap: [], textField: 'text', strategy: 'fenced_or_bare' },
  ...{ outputMode: 'wrap', onFail: 'error', matches: matchesAny },
}
const frame = (event: object) => Buffer.from(JSON.stringify(event))
const deltaOf = (item_id: string, delta: string, response_id = 'r') =>
  frame({ type: 'response.output_text.delta', response_id, item_id, content_index: 0, delta })

function assembly(options: Partial<ExtractorOptions> = {}) {
  return new DeltaAssembly(createExtractor({ ...usual, ...options }))
}

test('deltas are put together where their end is not extracted, in either dialect', t => {
  for (const type of [delta, 'response.text.delta']) t.true(createExtractor(usual).assembles(type))
  t.false(createExtractor(usual).assembles(done))
  for (const types of [['response.*'], [delta, 'response.text.done'], [done]])
    t.false(createExtractor({ ...usual, types }).assembles(delta))
})

test('deltas of several items are put together apart, and end with their own event', t => {
  const deltas = assembly()
  for (const part of ['{"n"', ':1', '}']) {
    for (const item of ['a', 'b']) t.is(deltas.take(deltaOf(item, part), delta, delta), null)
  }
  t.deepEqual(
    deltas.end(frame({ type: 'response.output_item.done', item: { id: 'a' } }), 'response.output_item.done'),
    [],
  )
  const [ended, ...more] = deltas.end(frame({ type: done, response_id: 'r', item_id: 'b' }), done)
  t.is(more.length, 0)
  t.is(ended?.outcome.kind, 'record')
  t.like(ended?.outcome.kind === 'record' && JSON.parse(ended.outcome.text), {
    source_type: delta,
    response_id: 'r',
    item_id: 'b',
    payload: { n: 1 },
  })
  t.is(ended?.frames.length, 3)
  const rest = deltas.end(frame({ type: 'response.done', response: { id: 'r' } }), 'response.done')
  t.is(rest.length, 1)
})

test('the end of a response ends its items alone', t => {
  const deltas = assembly()
  deltas.take(deltaOf('a', '{}', 'one'), delta, delta)
  deltas.take(deltaOf('b', '{}', 'two'), delta, delta)
  const end = (id: string) => deltas.end(frame({ type: 'response.done', response: { id } }), 'response.done')
  t.is(end('one').length, 1)
  t.is(end('one').length, 0)
  t.is(end('two').length, 1)
})

test('text without an object fails as the text of one event does', t => {
  const deltas = assembly({ onFail: 'forward' })
  deltas.take(deltaOf('a', 'Hello {"a":'), delta, delta)
  deltas.take(deltaOf('a', 'x'), delta, delta)
  const [ended] = deltas.end(frame({ type: done, item_id: 'a' }), done)
  t.deepEqual(ended?.outcome, { kind: 'forward' })
  t.is(ended?.frames.length, 2)
})

test('of more bytes than one session keeps nothing is kept, and it is said once', t => {
  const deltas = assembly()
  const part = deltaOf('a', 'x'.repeat(100_000))
  const outcomes = Array.from({ length: 30 }, () => deltas.take(part, delta, delta)?.outcome)
  const errors = outcomes.filter(outcome => outcome?.kind === 'error')
  t.is(errors.length, 1)
  t.is(
    outcomes.findIndex(outcome => outcome !== undefined),
    Math.floor(maxAssembledBytes / part.length),
  )
  t.like(errors[0]?.kind === 'error' && JSON.parse(errors[0].text), { reason: 'too_long' })
  t.is(outcomes.at(-1)?.kind, 'drop')
  deltas.end(frame({ type: 'response.done', response: { id: 'r' } }), 'response.done')
  t.is(deltas.take(deltaOf('b', '{}'), delta, delta), null)
})
