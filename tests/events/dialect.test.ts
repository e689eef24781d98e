/** Every renamed event and field, both ways; and that nothing else is touched. */
import test from 'ava'
import { createTranslator, type Translator } from '../../runtime/events/translate.ts'

const toPreview = createTranslator('ga', 'preview')
const toGa = createTranslator('preview', 'ga')

type Json = Record<string, unknown>

/** What a client sees of an event. */
function seen(translator: Translator, event: Json): Json[] {
  const frame = Buffer.from(JSON.stringify(event))
  const all = translator.events.get(String(event.type))?.(frame)
  return all === undefined
    ? [event]
    : all.map(({ type, frame }) => {
        const read = JSON.parse(frame.toString()) as Json
        if (read.type !== type) throw new Error(`${read.type} is announced as ${type}`)
        return read
      })
}

/** What upstream gets of a message. */
function got(translator: Translator, message: Json): Json {
  const bytes = Buffer.from(JSON.stringify(message))
  const translate = translator.messages.get(String(message.type))
  return translate === undefined ? message : JSON.parse(translate(bytes).toString())
}

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

const turns = { type: 'server_vad', threshold: 0.5 }

/** Session fields: preview path and value, GA path and value. */
const sessionFields: [preview: string, value: unknown, gaPath: string, gaValue: unknown][] = [
  ['modalities', ['audio', 'text'], 'output_modalities', ['audio']],
  ['modalities', ['text'], 'output_modalities', ['text']],
  ['voice', 'alloy', 'audio.output.voice', 'alloy'],
  ['speed', 1.25, 'audio.output.speed', 1.25],
  ['input_audio_format', 'pcm16', 'audio.input.format', { type: 'audio/pcm', rate: 24_000 }],
  ['input_audio_format', 'g711_ulaw', 'audio.input.format', { type: 'audio/pcmu' }],
  ['output_audio_format', 'g711_alaw', 'audio.output.format', { type: 'audio/pcma' }],
  ['input_audio_transcription', { model: 'whisper-1' }, 'audio.input.transcription', { model: 'whisper-1' }],
  ['input_audio_transcription', null, 'audio.input.transcription', null],
  [
    'input_audio_noise_reduction',
    { type: 'near_field' },
    'audio.input.noise_reduction',
    { type: 'near_field' },
  ],
  ['turn_detection', turns, 'audio.input.turn_detection', turns],
  ['turn_detection', null, 'audio.input.turn_detection', null],
  ['max_response_output_tokens', 'inf', 'max_output_tokens', 'inf'],
  ['tool_choice', 'look_up', 'tool_choice', { type: 'function', name: 'look_up' }],
  ['tool_choice', 'auto', 'tool_choice', 'auto'],
  ['instructions', 'Be brief', 'instructions', 'Be brief'],
  ['tools', [{ type: 'function', name: 'f' }], 'tools', [{ type: 'function', name: 'f' }]],
]

function at(path: string, value: unknown): Json {
  return path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Json
}

for (const [preview, value, gaPath, gaValue] of sessionFields) {
  test(`session.${preview} ${JSON.stringify(value)} is session.${gaPath} ${JSON.stringify(gaValue)}`, t => {
    const previewSession = { [preview]: value }
    const gaSession = { type: 'realtime', ...at(gaPath, gaValue) }
    for (const word of ['created', 'updated']) {
      const type = `session.${word}`
      t.deepEqual(seen(toGa, { type, session: previewSession }), [{ type, session: gaSession }])
      t.deepEqual(seen(toPreview, { type, session: gaSession }), [{ type, session: previewSession }])
    }
    const type = 'session.update'
    for (const translator of [toPreview, createTranslator('ga', 'upstream'), createTranslator('ga', 'ga')]) {
      t.deepEqual(got(translator, { type, session: previewSession }), { type, session: gaSession })
      t.deepEqual(got(translator, { type, session: gaSession }), { type, session: gaSession })
    }
    for (const translator of [toGa, createTranslator('preview', 'upstream')]) {
      t.deepEqual(got(translator, { type, session: gaSession }), { type, session: previewSession })
      t.deepEqual(got(translator, { type, session: previewSession }), { type, session: previewSession })
    }
  })
}

test('a session in a mixture of both shapes comes out in one', t => {
  const session = {
    type: 'realtime',
    voice: 'ash',
    audio: { output: { speed: 1.1 }, input: { format: null } },
  }
  t.deepEqual(got(toPreview, { type: 'session.update', session }).session, {
    type: 'realtime',
    audio: { output: { speed: 1.1, voice: 'ash' }, input: { format: null } },
  })
  t.deepEqual(got(toGa, { type: 'session.update', session }).session, {
    voice: 'ash',
    speed: 1.1,
    input_audio_format: null,
  })
})

/** What the other dialect has no place for. */
const leftOut: [translator: Translator, field: string, value: unknown][] = [
  [toPreview, 'temperature', 0.8],
  [toPreview, 'client_secret', null],
  [toGa, 'truncation', 'auto'],
  [toGa, 'prompt', { id: 'p' }],
  [toGa, 'reasoning', { effort: 'low' }],
  [toGa, 'parallel_tool_calls', true],
  [toGa, 'include', null],
]

for (const [translator, field, value] of leftOut) {
  test(`session.${field} is left out where upstream would refuse it`, t => {
    const asked = translator === toGa ? { type: 'realtime' } : { voice: 'alloy' }
    const { session } = got(translator, { type: 'session.update', session: { ...asked, [field]: value } })
    t.false(field in (session as Json))
  })
}

test('idle_timeout_ms, which only GA knows, is left out of turn_detection', t => {
  const session = {
    type: 'realtime',
    audio: { input: { turn_detection: { ...turns, idle_timeout_ms: 5000 } } },
  }
  t.deepEqual(got(toGa, { type: 'session.update', session }).session, { turn_detection: turns })
})

test('transcription sessions have a name of their own in the preview, and a type in GA', t => {
  const preview = { input_audio_format: 'pcm16', input_audio_transcription: { model: 'whisper-1' } }
  const ga = {
    type: 'transcription',
    audio: { input: { format: { type: 'audio/pcm', rate: 24_000 }, transcription: { model: 'whisper-1' } } },
  }
  t.deepEqual(got(toPreview, { type: 'transcription_session.update', session: preview }), {
    type: 'session.update',
    session: ga,
  })
  t.deepEqual(got(toGa, { type: 'session.update', session: ga }), {
    type: 'transcription_session.update',
    session: preview,
  })
  const updated = { type: 'transcription_session.updated', session: preview }
  t.deepEqual(seen(toGa, updated), [{ type: 'session.updated', session: ga }])
  t.deepEqual(seen(toPreview, { type: 'session.updated', session: ga }), [updated])
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

const responseFields: [preview: Json, ga: Json][] = [
  [{ modalities: ['audio', 'text'] }, { output_modalities: ['audio'] }],
  [{ modalities: ['text'] }, { output_modalities: ['text'] }],
  [{ voice: 'alloy' }, { audio: { output: { voice: 'alloy' } } }],
  [{ output_audio_format: 'pcm16' }, { audio: { output: { format: { type: 'audio/pcm', rate: 24_000 } } } }],
  [{ tool_choice: 'f' }, { tool_choice: { type: 'function', name: 'f' } }],
  [
    { instructions: 'x', metadata: { a: 'b' } },
    { instructions: 'x', metadata: { a: 'b' } },
  ],
]

for (const [preview, ga] of responseFields) {
  test(`response ${JSON.stringify(preview)} is ${JSON.stringify(ga)}`, t => {
    const type = 'response.create'
    t.deepEqual(got(toPreview, { type, response: preview }), { type, response: ga })
    t.deepEqual(got(toGa, { type, response: ga }), { type, response: preview })
    t.deepEqual(seen(toGa, { type: 'response.done', response: preview }), [
      { type: 'response.done', response: ga },
    ])
    t.deepEqual(seen(toPreview, { type: 'response.done', response: ga }), [
      { type: 'response.done', response: preview },
    ])
  })
}

test('the limit of a response has one name in what is announced and, in the preview, another in what is asked', t => {
  t.deepEqual(got(toGa, { type: 'response.create', response: { max_output_tokens: 5 } }).response, {
    max_response_output_tokens: 5,
  })
  t.deepEqual(
    got(toPreview, { type: 'response.create', response: { max_response_output_tokens: 5 } }).response,
    {
      max_output_tokens: 5,
    },
  )
  const done = { type: 'response.done', response: { max_output_tokens: 5 } }
  t.deepEqual(seen(toPreview, done), [done])
  t.deepEqual(seen(toGa, done), [done])
})

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
