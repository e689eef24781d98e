/** Every renamed event and every item, both ways; and that nothing else is touched. */
import test from 'ava'
import { SessionMemory } from '../../runtime/dialect/session-memory.ts'
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
    const [event] = toPreview.events.get('response.output_audio.delta')?.(frame, new SessionMemory()) ?? []
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
  const memory = new SessionMemory()
  seen(toGa, { ...created, item: begun }, memory)
  const done = { type: 'response.output_item.done', event_id: 'e', item }
  t.deepEqual(
    seen(toGa, done, memory).map(event => event.type),
    ['conversation.item.done', 'response.output_item.done'],
  )
  // An answer outside of the conversation announces no item there.
  t.deepEqual(
    seen(toGa, done, memory).map(event => event.type),
    ['response.output_item.done'],
  )
  t.deepEqual(seen(toGa, { type: 'conversation.created', conversation: {} }), [])
})

test('an item that GA announces by the name that its type files have is one of the preview', t => {
  const type = 'conversation.item.created'
  const message = { id: 'i', type: 'message', role: 'assistant' }
  const item = { ...message, content: [{ type: 'output_text', text: 'hi' }] }
  t.deepEqual(seen(toPreview, { type, item }), [
    { type, item: { object: 'realtime.item', ...message, content: [{ type: 'text', text: 'hi' }] } },
  ])
  t.deepEqual(seen(toPreview, { type, item: { id: 'i', type: 'mcp_list_tools', tools: [] } }), [])
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

const depths: [ga: string, preview: string][] = [
  ['session.audio.input.turn_detection.type', 'session.turn_detection.type'],
  ['session.audio.output.voice.id', 'session.voice.id'],
  ['session.output_modalities[0]', 'session.modalities[0]'],
  ['session.max_output_tokens', 'session.max_response_output_tokens'],
  ['response.max_output_tokens', 'response.max_response_output_tokens'],
  ['response.audio.output.voice', 'response.voice'],
  ['response.audio.output.format.type', 'response.output_audio_format.type'],
  ['response.output_modalities', 'response.modalities'],
]

for (const [ga, preview] of depths) {
  test(`an error of ${ga} is one of ${preview}`, t => {
    const error = (param: string) => ({ type: 'error', error: { message: `Bad '${param}'.`, param } })
    t.deepEqual(seen(toPreview, error(ga)), [error(preview)])
    t.deepEqual(seen(toGa, error(preview)), [error(ga)])
  })
}

test('a client that writes in a mixture is told of each field by the name that it used', t => {
  const error = (param: string) => ({ type: 'error', error: { message: `Bad '${param}'.`, param } })
  for (const client of ['ga', 'upstream'] as const) {
    const translator = createTranslator('ga', client)
    const memory = new SessionMemory()
    const path = 'session.audio.output.voice'
    t.deepEqual(seen(translator, error(path), memory), [error(path)])
    got(translator, { type: 'session.update', session: { type: 'realtime', voice: 'x' } }, memory)
    t.deepEqual(seen(translator, error(path), memory), [error('session.voice')])
    t.deepEqual(seen(translator, error('session.audio.output.speed'), memory), [
      error('session.audio.output.speed'),
    ])
  }
})

test('the call of a function is named where the preview leaves the name to the item', t => {
  const memory = new SessionMemory()
  const item = { id: 'item_1', type: 'function_call', name: 'look_up', call_id: 'call_1', arguments: '' }
  const done = { type: 'response.function_call_arguments.done', item_id: 'item_1', arguments: '{}' }
  seen(toGa, { type: 'response.output_item.added', item }, memory)
  t.deepEqual(seen(toGa, done, memory), [{ ...done, name: 'look_up' }])
  t.deepEqual(seen(toGa, done, memory), [done])
  t.deepEqual(seen(toGa, { ...done, name: 'given' }, memory), [{ ...done, name: 'given' }])
})

test('a session remembers a bounded number of names', t => {
  const memory = new SessionMemory()
  for (let at = 0; at < 2000; at += 1) memory.nameCall(`item_${at}`, 'f')
  t.is(memory.takeCallName('item_0'), undefined)
  t.is(memory.takeCallName('item_1999'), 'f')
})

test('what only GA knows does not reach a client of the preview', t => {
  const mcp = { id: 'item_1', type: 'mcp_call', server_label: 's', name: 'n', arguments: '{}' }
  const gone = [
    ...['in_progress', 'completed', 'failed'].map(state => ({
      type: `mcp_list_tools.${state}`,
      item_id: 'i',
    })),
    ...['in_progress', 'completed', 'failed'].map(state => ({ type: `response.mcp_call.${state}` })),
    { type: 'response.mcp_call_arguments.delta', delta: '{' },
    { type: 'response.mcp_call_arguments.done', arguments: '{}' },
    { type: 'conversation.item.input_audio_transcription.segment', text: 'x' },
    { type: 'input_audio_buffer.timeout_triggered', item_id: 'i' },
    { type: 'input_audio_buffer.dtmf_event_received', event: '5' },
    { type: 'conversation.item.added', item: mcp },
    { type: 'response.output_item.added', item: mcp },
    { type: 'response.output_item.done', item: mcp },
    { type: 'conversation.item.retrieved', item: mcp },
  ]
  for (const event of gone) t.deepEqual(seen(toPreview, event), [], event.type)
  t.deepEqual(seen(toPreview, { type: 'response.done', response: { output: [mcp] } }), [
    { type: 'response.done', response: { output: [] } },
  ])
})

test('numbers that JavaScript cannot hold keep their digits, in both directions', t => {
  const numbers = '"a":12345678901234567890,"b":[1.00000000000000000001,1e400,-0.0],"c":1.50,"d":7'
  const translated = (text: string, translator = toPreview) => {
    const type = /"type":"([^"]+)"/.exec(text)?.[1] ?? ''
    const memory = new SessionMemory()
    const event = translator.events.get(type)?.(Buffer.from(text), memory)[0]?.frame
    return String(event ?? translator.messages.get(type)?.(Buffer.from(text), memory))
  }
  const done = `{"type":"response.done","response":{"output":[],"metadata":{${numbers}}}}`
  t.true(translated(done).includes(numbers))
  const update = `{"type":"session.update","session":{"voice":"ash","tools":[{"parameters":{${numbers}}}]}}`
  t.true(translated(update).includes(numbers))
  t.true(
    translated('{"type":"session.update","session":{"turn_detection":12345678901234567890}}').includes(
      ':12345678901234567890',
    ),
  )
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
    t.deepEqual([...off.events.keys()], ['error'])
    t.deepEqual([...createTranslator(upstream, upstream).events.keys()], ['error'])
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
    [
      toPreview,
      '{"type":"response.create","response":{"input":[{"role":"assistant","content":[{"type":"output_text"}]},{"type":"mcp_approval_response"}]}}',
    ],
    [
      toGa,
      '{"type":"response.create","response":{"input":[{"role":"assistant","content":[{"type":"text"}]}]}}',
    ],
    [toGa, '{ "type":"session.update", "session":{ "voice":"alloy" } }'],
    [toGa, '{"type":"session.update","session":7}'],
    [toPreview, '{"type":"session.update"'],
    [toPreview, '{"type":"session.update","session":[]}'],
  ] as const) {
    const bytes = Buffer.from(message)
    t.is(
      translator.messages.get(/"type":"([^"]+)"/.exec(message)?.[1] ?? '')?.(bytes, new SessionMemory()),
      bytes,
      message,
    )
  }
})

test('an event that cannot be read goes on as it came', t => {
  const frame = Buffer.from('{"type":"response.done","response":')
  t.is(toPreview.events.get('response.done')?.(frame, new SessionMemory())[0]?.frame, frame)
})

test('a format that the preview does not have reaches upstream, which refuses it by name', t => {
  for (const [format, written] of [
    [{ type: 'audio/pcmu' }, 'g711_ulaw'],
    [{ type: 'audio/pcm', rate: 24_000 }, 'pcm16'],
    [{ type: 'audio/pcm' }, 'pcm16'],
    [{ type: 'audio/pcm', rate: 16_000 }, 'audio/pcm'],
    [{ type: 'audio/opus' }, 'audio/opus'],
  ] as const) {
    const session = { type: 'realtime', audio: { input: { format }, output: { format } } }
    t.like(got(toGa, { type: 'session.update', session }).session, {
      input_audio_format: written,
      output_audio_format: written,
    })
    const response = { audio: { output: { format } } }
    t.like(got(toGa, { type: 'response.create', response }).response, { output_audio_format: written })
  }
})
