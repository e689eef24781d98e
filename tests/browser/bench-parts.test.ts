/** The parts of the playground and of the sideband page that need no page. */
import test from 'ava'
import { type Checked, check } from '../../web/playground/event-check.ts'
import { EventLog, maxChars, maxEntries } from '../../web/playground/event-log.ts'
import { compileGlobs } from '../../web/playground/globs.ts'
import { findJson } from '../../web/playground/json-in-text.ts'
import { Latency, median } from '../../web/playground/latency.ts'
import { summarise } from '../../web/playground/summary.ts'
import { templates } from '../../web/playground/templates.ts'
import { detectionOf } from '../../web/playground/turn-detection.ts'
import { createJudge, verdictWords } from '../../web/playground/verdict.ts'
import { readControlMessage } from '../../web/sideband/control-messages.ts'
import { maxRows, Timeline } from '../../web/sideband/timeline.ts'

test('several globs are separated by commas; none at all is no filter', t => {
  t.is(compileGlobs(' , '), undefined)
  t.true(compileGlobs('error, response.*')?.('response.done'))
  t.false(compileGlobs('error, response.*')?.('session.created'))
})

test('a verdict names the pattern, knows both names of an event and the gateway’s own', t => {
  const judge = createJudge('response.text.delta, <binary>', ['*.done'])
  const words = (type: string) => verdictWords(judge(type))
  t.is(words('response.output_text.delta'), 'passes: response.text.delta')
  t.is(words('response.done'), 'searched for JSON: *.done')
  t.is(words('session.created'), 'dropped: no pattern matches')
  t.is(words('upstream.closed'), "passes: the gateway's own")
})

test('JSON is found in a tagged fence first, in any fence, and bare with braces in strings', t => {
  const cases: [text: string, found: object | undefined][] = [
    ['```\n{"a":1}\n```\n```json\n{"b":2}\n```', { b: 2 }],
    ['```\n{"a":1}\n```', { a: 1 }],
    ['so: {"a":"}{\\""} and {"b":2}', { a: '}{"' }],
    ['{not json} but {"b":2}', { b: 2 }],
    ['[1,2]', undefined],
    ['{'.repeat(5000), undefined],
  ]
  for (const [text, found] of cases) t.deepEqual(findJson(text), found, text.slice(0, 40))
})

test('a JSON search takes time in proportion to the text, whatever stands in it', t => {
  for (const part of ['`', '```', '```a', '``` \n']) t.is(findJson(part.repeat(300_000)), undefined)
})

test('the first delta is timed from the question, the others from each other', t => {
  const latency = new Latency()
  latency.asked(100)
  for (const now of [350, 400, 430]) latency.delta(now)
  t.deepEqual(latency.first, [250])
  t.deepEqual(latency.gaps, [50, 30])
  latency.asked(1000)
  latency.delta(1100)
  t.deepEqual(latency.first, [250, 100])
  t.deepEqual(latency.gaps, [])
  t.is(median([5, 1, 3]), 3)
  t.is(median([4, 1, 3, 2]), 2.5)
  t.is(median([]), undefined)
})

test('what was written is an event, several, a turn, or wrong', t => {
  const kinds: [text: string, takesText: boolean, kind: Checked['kind']][] = [
    ['{"type":"response.create"}', true, 'events'],
    ['[{"type":"response.create"},{"type":"response.cancel"}]', true, 'events'],
    ['{"type":"a"}', true, 'doubtful'],
    ['[{"type":"a"},{"kind":"b"}]', true, 'faulty'],
    ['[]', true, 'faulty'],
    ['hello', true, 'text'],
    ['hello', false, 'faulty'],
    ['{"type"', true, 'faulty'],
    ['', true, 'faulty'],
  ]
  for (const [text, takesText, kind] of kinds) t.is(check(text, takesText).kind, kind, text)
})

test('an event that the API does not know is told, with the name that was meant', t => {
  t.regex(check('{"type":"resposne.create"}', true).words, /Did you mean "response\.create"\?/)
  t.notRegex(check('{"type":"something.else"}', true).words, /Did you mean/)
})

test('there is a template for every event that a client may send', t => {
  const types = new Set(
    Object.values(templates)
      .flat()
      .map(event => (event as { type: string }).type),
  )
  t.deepEqual([...types].sort(), [
    'conversation.item.create',
    'conversation.item.delete',
    'conversation.item.retrieve',
    'conversation.item.truncate',
    'input_audio_buffer.append',
    'input_audio_buffer.clear',
    'input_audio_buffer.commit',
    'output_audio_buffer.clear',
    'response.cancel',
    'response.create',
    'session.update',
  ])
})

test('a line of the log says in a few words what an event says', t => {
  t.is(summarise({ type: 'response.output_audio.delta', delta: 'AAAA'.repeat(400) }), 'sound, 1.2 kB')
  t.is(summarise({ type: 'error', error: { message: 'odd' } }), 'odd')
  t.is(summarise({ type: 'response.done', response: { status: 'completed' } }), 'completed')
  const item = { role: 'user', content: [{ type: 'input_text', text: 'hi' }] }
  t.is(summarise({ type: 'conversation.item.added', item }), 'user: hi')
  t.is(summarise({ type: 'response.created' }), '')
})

test('the log keeps a bounded number of entries and of characters; the newest stays', t => {
  const log = new EventLog(() => {})
  const enter = (text: string) => log.add({ direction: 'in', type: 'a', summary: '', text })
  for (let i = 0; i <= maxEntries; i++) enter('x')
  t.is(log.total, maxEntries * 0.9)
  t.is(log.dropped, maxEntries / 10 + 1)
  log.clear()
  const large = 'x'.repeat(maxChars / 4)
  for (let i = 0; i < 20; i++) enter(large)
  t.true(log.total <= 4)
  t.is(log.dropped, 20 - log.total)
  enter('x'.repeat(maxChars * 2))
  t.is(log.total, 1)
  t.is(log.shown.length, 1)
})

test('who ends a turn is read from a session of either dialect', t => {
  const ga = (turn_detection: unknown) => ({
    type: 'session.updated',
    session: { audio: { input: { turn_detection } } },
  })
  t.is(detectionOf(ga(null)), 'none')
  t.is(detectionOf(ga({ type: 'semantic_vad' })), 'semantic_vad')
  t.is(
    detectionOf({ type: 'session.updated', session: { turn_detection: { type: 'server_vad' } } }),
    'server_vad',
  )
  t.is(detectionOf({ type: 'session.updated' }), undefined)
})

test('an event that travels both ways is one row, a run of deltas is one row, old rows go', t => {
  const timeline = new Timeline()
  const event = (type: string, event_id: string) => ({ type, event_id })
  timeline.add('webrtc', 'in', event('response.created', 'e1'), 10)
  timeline.add('control', 'in', event('response.created', 'e1'), 14)
  for (const id of ['d1', 'd2', 'd3']) timeline.add('webrtc', 'in', event('x.delta', id), 20)
  timeline.add('control', 'in', event('x.delta', 'd1'), 21)
  timeline.add('control', 'out', { type: 'send_message' }, 30)
  const [created, deltas, sent] = timeline.rows
  t.deepEqual(created?.lanes, { webrtc: { count: 1, at: 10 }, control: { count: 1, at: 14 } })
  t.deepEqual(deltas?.lanes, { webrtc: { count: 3, at: 20 }, control: { count: 1, at: 21 } })
  t.deepEqual(sent?.lanes, { control: { count: 1, at: 30 } })
  for (let i = 0; i < 10_000; i++) timeline.add('webrtc', 'in', event(`type-${i}`, `many-${i}`), 40)
  t.is(timeline.rows.length, maxRows)
})

test('only messages that the page knows are taken from a control connection', t => {
  const refused = [
    '{',
    '"x"',
    '{"type":"toString"}',
    '{"type":"openai_event","event":{}}',
    '{"type":"error"}',
  ]
  for (const frame of refused) t.is(readControlMessage(frame), undefined, frame)
  t.is(readControlMessage('{"type":"call_ended","reason":"hung up"}')?.type, 'call_ended')
})
