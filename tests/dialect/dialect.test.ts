/** Every renamed event and every item, both ways; and that nothing else is touched. */
import test from 'ava'
import { createTranslator } from '../../runtime/dialect/translate.ts'
import { got, type Json, seen, toGa, toPreview } from './dialects.ts'

const ids = {
  event_id: 'event_1',
  response_id: 'resp_1',
  item_id: 'item_1',
  output_index: 0,
  content_index: 0,
}

/** Events that differ in name alone. */
const renamed: [preview: string, ga: string, fields: Json][] = [
  ['response.text.delta', 'response.output_text.delta', { delta: 'hi' }],
  ['response.text.done', 'response.output_text.done', { text: 'hi' }],
  ['response.audio.delta', 'response.output_audio.delta', { delta: 'AAAA' }],
  ['response.audio.done', 'response.output_audio.done', {}],
  ['response.audio_transcript.delta', 'response.output_audio_transcript.delta', { delta: 'hi' }],
  ['response.audio_transcript.done', 'response.output_audio_transcript.done', { transcript: 'hi' }],
]

for (const [preview, ga, fields] of renamed) {
  test(`${preview} is ${ga}`, t => {
    t.deepEqual(seen(toGa, { type: preview, ...ids, ...fields }), [{ type: ga, ...ids, ...fields }])
    t.deepEqual(seen(toPreview, { type: ga, ...ids, ...fields }), [{ type: preview, ...ids, ...fields }])
    t.is(toGa.clientName(preview), ga)
    t.is(toPreview.clientName(ga), preview)
  })
}

test('a renamed event keeps every other byte, wherever its type stands and however it is spaced', t => {
  for (const [before, after] of [
    ['{"type":"', '","delta":"\\u0041\\/ü","x":1e400,"x":{"type":"y"}}'],
    [' { "x" : {"type":"inner"} , "type" : "', '" , "big" : 12345678901234567890 } '],
  ] as const) {
    const frame = Buffer.from(`${before}response.output_audio.delta${after}`)
    const [event] = toPreview.events.get('response.output_audio.delta')?.(frame) ?? []
    t.is(event?.frame.toString(), `${before}response.audio.delta${after}`)
  }
})

const parts: [role: string, preview: Json, ga: Json][] = [
  ['assistant', { type: 'text', text: 'hi' }, { type: 'output_text', text: 'hi' }],
  ['assistant', { type: 'audio', transcript: 'hi' }, { type: 'output_audio', transcript: 'hi' }],
  ['user', { type: 'input_text', text: 'hi' }, { type: 'input_text', text: 'hi' }],
  ['user', { type: 'input_audio', transcript: null }, { type: 'input_audio', transcript: null }],
  ['system', { type: 'input_text', text: 'hi' }, { type: 'input_text', text: 'hi' }],
]

for (const [role, preview, ga] of parts) {
  test(`the ${role}'s content ${preview.type} is ${ga.type}, in every event and message that carries it`, t => {
    const item = (part: Json) => ({ type: 'message', role, content: [part] })
    const shown = (part: Json) => ({ object: 'realtime.item', ...item(part) })
    for (const type of ['response.output_item.added', 'conversation.item.retrieved']) {
      t.deepEqual(seen(toGa, { type, item: shown(preview) }), [{ type, item: item(ga) }])
      t.deepEqual(seen(toPreview, { type, item: item(ga) }), [{ type, item: shown(preview) }])
    }
    for (const type of ['response.created', 'response.done']) {
      t.deepEqual(seen(toGa, { type, response: { output: [shown(preview)] } }), [
        { type, response: { output: [item(ga)] } },
      ])
      t.deepEqual(seen(toPreview, { type, response: { output: [item(ga)] } }), [
        { type, response: { output: [shown(preview)] } },
      ])
    }
    const create = 'conversation.item.create'
    t.deepEqual(got(toPreview, { type: create, item: item(preview) }), { type: create, item: item(ga) })
    t.deepEqual(got(toGa, { type: create, item: item(ga) }), { type: create, item: item(preview) })
    const ask = 'response.create'
    t.deepEqual(got(toPreview, { type: ask, response: { input: [item(preview)] } }).response, {
      input: [item(ga)],
    })
  })
}

test('an item is announced once in the preview, and twice in GA', t => {
  const item = { id: 'item_1', type: 'message', role: 'user', status: 'completed', content: [] }
  const shown = { object: 'realtime.item', ...item }
  const created = {
    type: 'conversation.item.created',
    event_id: 'event_1',
    previous_item_id: null,
    item: shown,
  }
  t.deepEqual(seen(toGa, created), [
    { type: 'conversation.item.added', event_id: 'event_1', previous_item_id: null, item },
    { type: 'conversation.item.done', event_id: 'event_1_item_done', previous_item_id: null, item },
  ])
  t.deepEqual(seen(toPreview, { type: 'conversation.item.added', event_id: 'e', item }), [
    { type: 'conversation.item.created', event_id: 'e', item: shown },
  ])
  t.deepEqual(seen(toPreview, { type: 'conversation.item.done', item }), [])
  const begun = { ...shown, role: 'assistant', status: 'in_progress' }
  t.is(seen(toGa, { ...created, item: begun }).length, 1)
  t.deepEqual(
    seen(toGa, { type: 'response.output_item.done', event_id: 'e', item }).map(event => event.type),
    ['conversation.item.done', 'response.output_item.done'],
  )
  t.deepEqual(seen(toGa, { type: 'conversation.created', conversation: {} }), [])
})

test('an error names the field as the client wrote it', t => {
  const error = (path: string) => ({
    type: 'error',
    error: { code: 'invalid_value', message: `Invalid value: '${path}'.`, param: path },
  })
  t.deepEqual(seen(toPreview, error('session.audio.output.voice')), [error('session.voice')])
  t.deepEqual(seen(toGa, error('session.voice')), [error('session.audio.output.voice')])
  t.deepEqual(seen(toGa, error('item.content')), [error('item.content')])
})

test('what the dialects share is not listed, so it goes on unread', t => {
  const shared = [
    'input_audio_buffer.append',
    'input_audio_buffer.committed',
    'input_audio_buffer.speech_started',
    'conversation.item.input_audio_transcription.completed',
    'conversation.item.truncated',
    'conversation.item.deleted',
    'response.content_part.added',
    'response.function_call_arguments.delta',
    'rate_limits.updated',
  ]
  for (const type of shared) {
    for (const translator of [toGa, toPreview]) {
      t.false(translator.events.has(type))
      t.false(translator.messages.has(type))
    }
  }
  for (const upstream of ['ga', 'preview'] as const) {
    const off = createTranslator(upstream, 'upstream')
    t.deepEqual([...off.messages.keys()], ['session.update'])
    t.is(off.events.size, 0)
    t.is(createTranslator(upstream, upstream).events.size, 0)
  }
})

test('a message that upstream takes as it is goes on as the very same bytes', t => {
  for (const [translator, message] of [
    [toPreview, '{ "type":"session.update", "session":{ "type":"realtime" } }'],
    [toPreview, '{"type":"response.create"}'],
    [toPreview, '{"type":"response.create","response":{"instructions":"\\u0041"}}'],
    [
      toPreview,
      '{"type":"conversation.item.create","item":{"role":"user","content":[{"type":"input_text"}]}}',
    ],
    [toGa, '{ "type":"session.update", "session":{ "voice":"alloy" } }'],
    [toGa, '{"type":"session.update","session":7}'],
    [toPreview, '{"type":"session.update"'],
    [toPreview, '{"type":"session.update","session":[]}'],
  ] as const) {
    const bytes = Buffer.from(message)
    t.is(translator.messages.get(/"type":"([^"]+)"/.exec(message)?.[1] ?? '')?.(bytes), bytes, message)
  }
})

test('an event that cannot be read goes on as it came', t => {
  const frame = Buffer.from('{"type":"response.done","response":')
  t.is(toPreview.events.get('response.done')?.(frame)[0]?.frame, frame)
})
