/** Every renamed field of sessions and responses, both ways; and what the other dialect has no place for. */
import test from 'ava'
import { createTranslator, type Translator } from '../../runtime/dialect/translate.ts'
import { got, type Json, seen, toGa, toPreview } from './dialects.ts'

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
  [toGa, 'tracing', 'auto'],
  [toGa, 'tool_choice', { type: 'mcp', server_label: 's' }],
  [toGa, 'audio', { output: { voice: { id: 'voice_1' } }, input: { format: { rate: 24_000 } } }],
]

for (const [translator, field, value] of leftOut) {
  test(`session.${field} is left out where upstream would refuse it`, t => {
    const asked = translator === toGa ? { type: 'realtime' } : { voice: 'alloy' }
    const { session } = got(translator, { type: 'session.update', session: { ...asked, [field]: value } })
    t.deepEqual(Object.keys(session as Json), translator === toGa ? [] : ['type', 'audio'])
  })
}

test('of tools, those of MCP servers are left out, and all else of the update is kept', t => {
  const f = { type: 'function', name: 'f' }
  const tools = [f, { type: 'mcp', server_label: 's', server_url: 'https://s.example' }]
  const session = { type: 'realtime', instructions: 'Be brief', tools }
  t.deepEqual(got(toGa, { type: 'session.update', session }).session, {
    instructions: 'Be brief',
    tools: [f],
  })
  t.deepEqual(got(toGa, { type: 'response.create', response: { tools } }).response, { tools: [f] })
})

const detections: [preview: unknown, ga: unknown][] = [
  [{ threshold: 0.4 }, { type: 'server_vad', threshold: 0.4 }],
  [{ type: 'none' }, null],
  [
    { type: 'server_vad', eagerness: 'auto', silence_duration_ms: 300 },
    { type: 'server_vad', silence_duration_ms: 300 },
  ],
  [
    { type: 'semantic_vad', eagerness: 'low', threshold: 0.4, create_response: true },
    { type: 'semantic_vad', eagerness: 'low', create_response: true },
  ],
  [
    { type: 'of_tomorrow', eagerness: 'low' },
    { type: 'of_tomorrow', eagerness: 'low' },
  ],
]

for (const [preview, ga] of detections) {
  test(`turn_detection ${JSON.stringify(preview)} is ${JSON.stringify(ga)}`, t => {
    const { session } = got(toPreview, { type: 'session.update', session: { turn_detection: preview } })
    t.deepEqual(session, { type: 'realtime', audio: { input: { turn_detection: ga } } })
  })
}

const choices: unknown[] = [
  'f',
  { type: 'function', name: 'f' },
  { type: 'function', function: { name: 'f' } },
  { type: 'function', function: 'f' },
]

for (const choice of choices) {
  test(`tool_choice ${JSON.stringify(choice)} is taken by either upstream, whatever clients see`, t => {
    for (const client of ['ga', 'preview', 'upstream'] as const) {
      for (const [upstream, written] of [
        ['ga', { type: 'function', name: 'f' }],
        ['preview', 'f'],
      ] as const) {
        const translator = createTranslator(upstream, client)
        const update = got(translator, {
          type: 'session.update',
          session: { type: 'realtime', tool_choice: choice },
        })
        t.deepEqual((update.session as Json).tool_choice, written)
        const ask = got(translator, { type: 'response.create', response: { tool_choice: choice } })
        t.deepEqual(ask.response, { tool_choice: written })
      }
    }
  })
}

test('a response that mixes both shapes comes out in one, whatever clients see', t => {
  const response = {
    modalities: ['text', 'audio'],
    voice: 'ash',
    audio: { output: { format: { type: 'audio/pcmu' } } },
  }
  for (const client of ['ga', 'preview', 'upstream'] as const) {
    t.deepEqual(got(createTranslator('ga', client), { type: 'response.create', response }).response, {
      output_modalities: ['audio'],
      audio: { output: { voice: 'ash', format: { type: 'audio/pcmu' } } },
    })
    t.deepEqual(got(createTranslator('preview', client), { type: 'response.create', response }).response, {
      modalities: ['text', 'audio'],
      voice: 'ash',
      output_audio_format: 'g711_ulaw',
    })
  }
})

test('what only GA knows of transcription and of noise reduction is left out, and the rest is kept', t => {
  const input = {
    transcription: {
      model: 'm',
      language: 'en',
      prompt: 'p',
      keywords: ['k'],
      languages: ['en'],
      delay: 'low',
    },
    noise_reduction: { type: 'near_field', strength: 0.5 },
  }
  const shown = {
    input_audio_transcription: { model: 'm', language: 'en', prompt: 'p' },
    input_audio_noise_reduction: { type: 'near_field' },
  }
  t.deepEqual(
    got(toGa, { type: 'session.update', session: { type: 'realtime', audio: { input } } }).session,
    shown,
  )
  const off = { type: 'realtime', audio: { input: { transcription: null, noise_reduction: null } } }
  t.deepEqual(got(toGa, { type: 'session.update', session: off }).session, {
    input_audio_transcription: null,
    input_audio_noise_reduction: null,
  })
})

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
  const misnamed = { type: 'transcription_session.update', session: { ...preview, type: 'realtime' } }
  t.deepEqual(got(toPreview, misnamed).session, ga, 'whatever type it names')
  const updated = { type: 'transcription_session.updated', session: preview }
  t.deepEqual(seen(toGa, updated), [{ type: 'session.updated', session: ga }])
  t.deepEqual(seen(toPreview, { type: 'session.updated', session: ga }), [updated])
})

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
