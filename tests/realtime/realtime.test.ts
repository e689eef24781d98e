/**
 * `/realtime` before a scripted upstream.
 */
import test from 'ava'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'

const everything = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }

test('begins the session with its settings and the rendered prompt, in the GA shape', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...everything,
    REALTIME_TURN_DETECTION_TYPE: 'none',
  })
  await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  const update = JSON.parse((await session.next()).text)
  t.is(session.url, '/openai/v1/realtime?model=gpt-realtime')
  t.is(session.headers['api-key'], 'a-test-key')
  t.is(update.type, 'session.update')
  t.is(update.session.type, 'realtime')
  t.deepEqual(update.session.output_modalities, ['audio'])
  t.deepEqual(update.session.audio.output, { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'alloy' })
  t.is(update.session.audio.input.turn_detection, null)
  t.regex(update.session.instructions, /coffee counter[\s\S]*Flat white/)
})

test('writes the same settings in the preview shape for a preview upstream', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...everything,
    AZURE_OPENAI_API_VERSION: '2024-10-01-preview',
    AZURE_OPENAI_DEPLOYMENT_NAME: 'voice',
    REALTIME_TURN_DETECTION_TYPE: 'server_vad',
    REALTIME_TURN_DETECTION_SERVER_THRESHOLD: '0.7',
  })
  await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  const { session: settings } = JSON.parse((await session.next()).text)
  t.is(session.url, '/openai/realtime?api-version=2024-10-01-preview&deployment=voice')
  t.is(settings.type, undefined)
  t.deepEqual(settings.modalities, ['text', 'audio'])
  t.is(settings.voice, 'alloy')
  t.deepEqual(settings.turn_detection, { type: 'server_vad', threshold: 0.7 })
})

test('forwards a JSON frame byte for byte, whatever its spacing, order and escapes', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await session.next()
  const frames = [
    '{ "audio" : "AAAA",\r\n "type":"input_audio_buffer.append" }\n',
    '{"type":"x","text":"\\u00e9 é 🎈"}',
    '[1, 2]',
    '42',
    '{"untyped":true}',
  ]
  for (const frame of frames) talk.send(frame)
  for (const frame of frames) t.deepEqual(await session.next(), { text: frame, isBinary: false })
})

test('with REALTIME_TEXT_ONLY no audio goes up, and no answer in audio is requested, in either dialect', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything, REALTIME_TEXT_ONLY: 'true' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  t.deepEqual(JSON.parse((await session.next()).text).session.output_modalities, ['text'])
  t.is((await talk.next()).type, 'session.created')
  const heard = { type: 'message', role: 'user', content: [{ type: 'input_audio', audio: 'AAAA' }] }
  for (const [message, param] of [
    [Buffer.from([1, 0, 2, 0]), null],
    ['{"type":"input_audio_buffer.append","audio":"AAAA"}', null],
    ['{"audio":"AAAA", "type":"input_audio_buffer.append"}', null],
    [{ type: 'input_audio_buffer.commit' }, null],
    [{ type: 'conversation.item.create', item: heard }, 'item.content'],
    [{ type: 'response.create', response: { input: [heard] } }, 'response.input'],
  ] as const) {
    talk.send(message)
    t.like(await talk.next(), { type: 'error', error: { code: 'forbidden', param } })
  }
  const text = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }
  for (const [sent, taken] of [
    [
      {
        type: 'session.update',
        session: { type: 'realtime', instructions: 'Be brief.', output_modalities: ['audio'] },
      },
      {
        type: 'session.update',
        session: { type: 'realtime', instructions: 'Be brief.', output_modalities: ['text'] },
      },
    ],
    [
      { type: 'session.update', session: { modalities: ['text', 'audio'] } },
      { type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } },
    ],
    [
      { type: 'response.create', response: { output_modalities: ['audio'] } },
      { type: 'response.create', response: { output_modalities: ['text'] } },
    ],
    [{ type: 'response.create' }, { type: 'response.create' }],
    [
      { type: 'conversation.item.create', item: text },
      { type: 'conversation.item.create', item: text },
    ],
  ] as const) {
    talk.send(sent)
    t.deepEqual(JSON.parse((await session.next()).text), taken)
  }
})

test('makes a turn of plain text and audio of a binary frame', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await session.next()
  talk.send('{"not json')
  talk.send(Buffer.from([1, 0, 2, 0, 255]))
  t.deepEqual(JSON.parse((await session.next()).text), {
    type: 'conversation.item.create',
    event_id: 'gateway_item',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: '{"not json' }] },
  })
  t.deepEqual(JSON.parse((await session.next()).text), {
    type: 'response.create',
    event_id: 'gateway_response',
  })
  t.deepEqual(await session.next(), {
    text: '{"type":"input_audio_buffer.append","audio":"AQACAP8="}',
    isBinary: false,
  })
})

test('answers an empty text frame with what to send instead', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  talk.send('  ')
  // The answer and upstream's greeting come in any order.
  const { error } = (await talk.until('error')).at(-1) as unknown as {
    error: { code: string; message: string }
  }
  t.is(error.code, 'bad_request')
  t.regex(error.message, /Provide text/)
})

test('holds what is sent before upstream is there, and keeps its order', async t => {
  const upstream = await fakeUpstream(t, { greeting: null })
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  talk.send('{"type":"a"}')
  talk.send('{"type":"b"}')
  const session = await upstream.session()
  session.send({ type: 'session.created' })
  t.is(JSON.parse((await session.next()).text).type, 'session.update')
  t.is((await session.next()).text, '{"type":"a"}')
  t.is((await session.next()).text, '{"type":"b"}')
})

test('lets through only what the allow-list names, by either dialect, and counts the rest by type', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, REALTIME_AUTO_CLOSE: 'false' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.audio.delta', delta: 'AAAA' })
  session.send({ type: 'response.audio.delta', delta: 'AAAA' })
  session.socket.send(Buffer.from([1, 2, 3]))
  session.send('{"delta":"a","type":"response.output_text.delta"}')
  session.send('{"type":"response.text.done","text":"a"}')
  t.is((await talk.nextFrame()).text, '{"delta":"a","type":"response.output_text.delta"}')
  t.is((await talk.nextFrame()).text, '{"type":"response.text.done","text":"a"}')
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  t.regex(metrics, /gateway_events_dropped_total\{type="response.audio.delta",[^}]*\} 2/)
  t.regex(metrics, /gateway_events_dropped_total\{type="<binary>",[^}]*\} 1/)
  t.regex(metrics, /gateway_events_dropped_total\{type="session.created",[^}]*\} 1/)
})

test('lets everything through for *, binary and untyped frames included', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  t.is((await talk.next()).type, 'session.created')
  session.socket.send(Buffer.from('raw'))
  session.send('no json at all')
  t.deepEqual(await talk.nextFrame(), { text: 'raw', isBinary: true })
  t.deepEqual(await talk.nextFrame(), { text: 'no json at all', isBinary: false })
})

test('<binary> admits binary frames and nothing else', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    REALTIME_ALLOWED_EVENT_TYPES: '<binary>',
    REALTIME_AUTO_CLOSE: 'false',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.text.delta' })
  session.socket.send(Buffer.from('raw'))
  t.deepEqual(await talk.nextFrame(), { text: 'raw', isBinary: true })
})

test('extracts the JSON of an event that the allow-list does not name', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_ALLOWED_EVENT_TYPES: 'error',
    REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.text.done',
    REALTIME_EXTRACT_OUTPUT_MODE: 'wrap',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({
    type: 'response.output_text.done',
    response_id: 'r1',
    item_id: 'i1',
    text: 'Here:\n```json\n{"size":"large"}\n```',
  })
  t.deepEqual(await talk.next(), {
    type: 'extracted.json',
    source_type: 'response.output_text.done',
    response_id: 'r1',
    item_id: 'i1',
    payload: { size: 'large' },
  })
})

const flatWhite = 'repeat after me: flat white'

/** What a client may ask with. */
const questions: readonly (readonly [what: string, messages: readonly (string | object)[]])[] = [
  ['words', [flatWhite]],
  [
    'an item and a response.create',
    [
      {
        type: 'conversation.item.create',
        item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: flatWhite }] },
      },
      { type: 'response.create' },
    ],
  ],
]

for (const [what, messages] of questions) {
  test(`a client with nothing but defaults that sends ${what} hears the words of a spoken answer, before the session ends`, async t => {
    const gateway = await gatewayFor(t)
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    for (const message of messages) talk.send(message)
    const events = await talk.until('response.output_audio_transcript.done')
    t.is(events.at(-1)?.transcript, 'flat white')
    t.true(events.some(({ type }) => type === 'response.output_audio_transcript.delta'))
    t.deepEqual(await talk.closed, { code: 1000, reason: 'response done' })
  })
}

test('where answers are written, or types are named, transcripts are not let through of themselves', async t => {
  for (const env of [
    { REALTIME_TEXT_ONLY: 'true' },
    { REALTIME_ALLOWED_EVENT_TYPES: 'response.text.delta,response.text.done' },
  ]) {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, { ...upstream.env, ...env })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    const session = await upstream.session()
    session.send({ type: 'response.output_audio_transcript.done', transcript: 'x' })
    session.send({ type: 'response.output_text.done', text: 'x' })
    t.is((await talk.next()).type, 'response.output_text.done')
  }
})

test('extracts from deltas alone what they say together', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_ALLOWED_EVENT_TYPES: 'error',
    REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.text.delta',
    REALTIME_EXTRACT_OUTPUT_MODE: 'wrap',
    REALTIME_EXTRACT_REPAIR: 'true',
    REALTIME_EXTRACT_ON_FAIL: 'forward',
  })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  const ids = { response_id: 'r1', item_id: 'i1', content_index: 0 }
  for (const delta of ['{"size":', '"large",', '}'])
    session.send({ type: 'response.output_text.delta', ...ids, delta })
  session.send({ type: 'response.output_text.done', ...ids })
  const { payload, ...record } = await talk.next()
  t.deepEqual(payload, { size: 'large' })
  t.deepEqual(record, {
    ...{ type: 'extracted.json', source_type: 'response.output_text.delta' },
    ...{ response_id: 'r1', item_id: 'i1', repaired: true },
  })
  const lone = { type: 'response.output_text.delta', ...ids, item_id: 'i2', delta: 'no JSON' }
  session.send(lone)
  session.send({ type: 'response.done', response: { id: 'r1' } })
  t.deepEqual(await talk.next(), lone)
})

test('ends after the first response, having sent it', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, REALTIME_ALLOWED_EVENT_TYPES: 'response.*' })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.send({ type: 'response.created' })
  session.send({ type: 'response.done' })
  session.send({ type: 'response.created' })
  t.is((await talk.next()).type, 'response.created')
  t.is((await talk.next()).type, 'response.done')
  t.deepEqual(await talk.closed, { code: 1000, reason: 'response done' })
})

test("tells upstream's own close code and reason", async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  session.socket.close(4001, 'session over')
  const said = await talk.until('upstream.closed')
  t.deepEqual(said.at(-1), { type: 'upstream.closed', reason: 'session over', code: 4001 })
  t.deepEqual(await talk.closed, { code: 4001, reason: 'session over' })
})

test('closes upstream as soon as the client has gone', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  const closed = new Promise(resolve => session.socket.once('close', resolve))
  talk.socket.terminate()
  t.is(await closed, 1000)
  const { fields } = await gateway.logged('connection.closed')
  t.is(fields.by, 'client')
})

test('plain text in a drain is refused by name, and upstream hears nothing of it', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...everything })
  const talk = await converse(t, `${gateway.socketUrl}/realtime`)
  const session = await upstream.session()
  await session.next()
  session.send({ type: 'response.created' })
  await talk.until('response.created')
  const drained = gateway.drain()
  await talk.until('server.draining')
  talk.send('one more')
  t.like(await talk.next(), { type: 'error', error: { code: 'draining' }, retry: true })
  talk.send({ type: 'input_audio_buffer.clear' })
  t.is((await session.next()).text, '{"type":"input_audio_buffer.clear"}')
  session.send({ type: 'response.done', response: { status: 'completed' } })
  t.deepEqual(await talk.closed, { code: 1012, reason: 'draining' })
  await drained
})

/** What becomes of text in which no JSON is found, and the next thing that the client hears. */
const withoutJson: readonly (readonly [onFail: string, heard: object])[] = [
  [
    'error',
    { type: 'extracted.json.error', source_type: 'response.output_text.done', reason: 'no_object_found' },
  ],
  ['forward', { type: 'response.output_text.done', text: 'no JSON' }],
  ['drop', { type: 'the.end' }],
]

for (const [onFail, heard] of withoutJson) {
  test(`where no JSON is found and failures are to ${onFail}, the client hears ${(heard as { type: string }).type}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, {
      ...upstream.env,
      REALTIME_AUTO_CLOSE: 'false',
      REALTIME_ALLOWED_EVENT_TYPES: 'the.end',
      REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.text.done',
      REALTIME_EXTRACT_ON_FAIL: onFail,
    })
    const talk = await converse(t, `${gateway.socketUrl}/realtime`)
    const session = await upstream.session()
    session.send({ type: 'response.output_text.done', text: 'no JSON' })
    session.send({ type: 'the.end' })
    t.deepEqual(await talk.next(), heard as never)
  })
}
