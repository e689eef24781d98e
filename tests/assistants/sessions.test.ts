/** Sessions of an assistant: what it says of them, what the variables say, and that without one all is as before. */
import test from 'ava'
import { createAccess } from '../../runtime/access/access.ts'
import { loadAssistant } from '../../runtime/assistants/assistant.ts'
import { createChat } from '../../runtime/chat/chat.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { systemClock } from '../../runtime/core/clock.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { ask, converse, type Message, type Talk } from '../gateway/converse.ts'
import { type FakeSession, fakeUpstream, gatewayFor, type Stage } from '../gateway/start.ts'
import { createExchange } from '../limits/exchange.ts'
import { silentAccounts } from '../usage/accounts.ts'
import { assistant, type Files, folderWith, someModels } from './folders.ts'

const next = async (session: FakeSession) => JSON.parse((await session.next()).text) as Message

async function before(t: Stage, files: Files, env: Record<string, string> = {}) {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ASSISTANTS_DIR: folderWith(t, files), ...env })
  const dial = async (path: string, headers = {}) => {
    const talk = await converse(t, gateway.socketUrl + path, { headers })
    return { talk, session: await upstream.session() }
  }
  return { upstream, gateway, dial }
}

test('the session object goes to upstream as it is written, over what the variables say', async t => {
  const yaml = `session:
  audio:
    input: { turn_detection: { type: semantic_vad, eagerness: low }, noise_reduction: { type: near_field } }
    output: { voice: cedar }
  max_output_tokens: 400
  brand_new: 7`
  const { dial } = await before(t, assistant('cafe', yaml), { REALTIME_TURN_DETECTION_TYPE: 'server_vad' })
  for (const path of ['/realtime', '/v1/realtime']) {
    const { session } = await dial(`${path}?assistant=cafe`)
    t.deepEqual((await next(session)).session, {
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: 'You are cafe.',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          turn_detection: { type: 'semantic_vad', eagerness: 'low' },
          noise_reduction: { type: 'near_field' },
        },
        output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'cedar' },
      },
      max_output_tokens: 400,
      brand_new: 7,
    })
  }
})

test('/chat keeps its own format, and takes voice, audioInput and transcription from the assistant', async t => {
  const yaml = `session:
  audio:
    input: { format: { type: audio/pcmu }, turn_detection: { type: semantic_vad }, transcription: { model: gpt-transcribe } }
    output: { format: { type: audio/pcmu }, voice: cedar }`
  const { upstream, gateway } = await before(t, assistant('cafe', yaml))
  const talk = await converse(t, `${gateway.socketUrl}/chat?assistant=cafe`)
  talk.send({ type: 'talk', mode: 'open' })
  talk.send({ type: 'audio', value: Buffer.alloc(4800).toString('base64') })
  const { session } = await next(await upstream.session())
  const pcm = { type: 'audio/pcm', rate: 24_000 }
  t.like(session, {
    audio: {
      input: {
        format: pcm,
        turn_detection: { type: 'semantic_vad', create_response: true },
        transcription: { model: 'gpt-transcribe' },
      },
      output: { format: pcm, voice: 'cedar' },
    },
  })
})

test('a preview upstream gets the session in its own shape', async t => {
  const yaml = 'session: { audio: { output: { voice: cedar } }, max_output_tokens: 400 }'
  const { dial } = await before(t, assistant('cafe', yaml), {
    AZURE_OPENAI_API_VERSION: '2025-04-01-preview',
  })
  const { session } = await dial('/realtime?assistant=cafe')
  const update = await next(session)
  t.like(update.session, { voice: 'cedar', max_response_output_tokens: 400, instructions: 'You are cafe.' })
  t.false('type' in (update.session as object))
})

test('instructions know the caller and its language', async t => {
  const files = assistant('cafe', '', "{{ caller }} {{ language }} {{ file('menu.json') }}")
  const { dial } = await before(
    t,
    { ...files, 'cafe/menu.json': '[]' },
    {
      GATEWAY_AUTH: 'key',
      GATEWAY_API_KEYS: 'kiosk-1:the-secret-of-kiosk-1',
    },
  )
  const key = { Authorization: 'Bearer the-secret-of-kiosk-1' }
  const { session } = await dial('/realtime?assistant=cafe&language=ja', key)
  t.like((await next(session)).session, { instructions: 'key:kiosk-1 ja []' })
  const other = await dial('/v1/realtime?assistant=cafe', { ...key, 'Accept-Language': 'en-GB,en;q=0.8' })
  t.like((await next(other.session)).session, { instructions: 'key:kiosk-1 en-GB []' })
})

test('an assistant that greets speaks first on /realtime and /chat, under its own instructions', async t => {
  const { dial } = await before(t, assistant('cafe', 'greeting: Greet the guest.'))
  for (const path of ['/realtime', '/chat']) {
    const { session } = await dial(`${path}?assistant=cafe`)
    t.like(await next(session), { type: 'session.update' })
    const greeting = await next(session)
    t.is(greeting.type, 'response.create')
    t.deepEqual(greeting.response, { instructions: 'You are cafe.\n\nGreet the guest.' })
  }
})

test('/chat: the greeting is an answer like any other, and the person goes on from there', async t => {
  const gateway = await gatewayFor(t, {
    ASSISTANTS_DIR: folderWith(t, assistant('cafe', 'greeting: Greet the guest.')),
  })
  const talk = await converse(t, `${gateway.socketUrl}/chat?assistant=cafe`)
  const greeted = await talk.until('status', ({ message }) => message === 'Model ready')
  t.true(greeted.some(({ type }) => type === 'transcript-delta'))
  t.regex((await ask(talk, 'a flat white')).transcript, /a flat white/)
})

async function twoTurns(talk: Talk): Promise<void> {
  for (const words of ['one', 'two']) {
    talk.send(words)
    await talk.until('response.done')
  }
}

test('/realtime goes on after an answer of an assistant, and ends after one without, as REALTIME_AUTO_CLOSE says', async t => {
  const gateway = await gatewayFor(t, {
    ASSISTANTS_DIR: folderWith(t, assistant('cafe', 'events: [response.done]')),
    REALTIME_ALLOWED_EVENT_TYPES: 'response.done',
  })
  await twoTurns(await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe`))
  for (const path of ['/realtime', '/realtime?assistant=default']) {
    const talk = await converse(t, gateway.socketUrl + path)
    talk.send('one')
    t.is((await talk.closed).code, 1000, path)
  }
})

test('events and extraction are those of the assistant; another one has its own', async t => {
  const files = {
    ...assistant(
      'cafe',
      'events: [a.*]\nextract: { from: [x.done], schema: order.schema.json, on_fail: error }',
    ),
    'cafe/order.schema.json': '{"type":"object","required":["sku"]}',
    ...assistant('bar', 'events: [b.*]'),
  }
  const { dial } = await before(t, files)
  const seenBy = async (name: string) => {
    const { talk, session } = await dial(`/realtime?assistant=${name}`)
    for (const type of ['a.one', 'b.one', 'x.done'])
      session.send({ type, ...(type === 'x.done' && { text: '{"sku":1} {"no":2}' }) })
    for (const type of ['a.end', 'b.end']) session.send({ type })
    return talk.until(name === 'cafe' ? 'a.end' : 'b.end')
  }
  t.deepEqual(
    (await seenBy('cafe')).map(({ type, sku }) => type ?? sku),
    ['a.one', 1, 'a.end'],
  )
  t.deepEqual(
    (await seenBy('bar')).map(({ type }) => type),
    ['b.one', 'b.end'],
  )
})

test('an assistant chooses its deployment, and an SDK client sees the name that it asked for', async t => {
  const gateway = await gatewayFor(t, {
    ASSISTANTS_DIR: folderWith(t, assistant('cafe', 'model: gpt-realtime-mini')),
    OPENAI_REALTIME_MODEL: 'gpt-realtime,gpt-realtime-mini',
  })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?model=gpt-realtime&assistant=cafe`)
  t.like((await talk.next()).session, { model: 'gpt-realtime', instructions: 'You are cafe.' })
  const { fields } = await gateway.logged('bridge.connected')
  t.like(fields, { assistant: 'cafe', deployment: 'gpt-realtime-mini' })
  t.regex(String(fields.version), /^[0-9a-f]{12}$/)
})

test('an unpinned assistant is its client’s to change at an SDK address', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: folderWith(t, assistant('cafe')) })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?assistant=cafe`)
  t.like(await talk.next(), { type: 'session.created', session: { instructions: 'You are cafe.' } })
  talk.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Mine' } })
  t.like((await talk.until('session.updated')).at(-1)?.session, { instructions: 'Mine' })
})

for (const [what, sessionMs, endsAfterMs] of [
  ['shorter than those of the credential', 60_000, 60_000],
  ['longer than those of the credential', 180_000, 120_000],
  ['absent', undefined, 120_000],
] as const)
  test(`minutes of an assistant that are ${what}: a session ends after ${endsAfterMs} ms`, async t => {
    const ends: number[] = []
    const { access } = readConfig({ LIMIT_SESSION_MINUTES: '2', LIMIT_WRAP_UP_SEC: '0' })
    const store = createMemoryStore()
    t.teardown(() => store.close())
    const { admission } = createAccess({
      ...systemClock,
      config: access,
      store,
      accounts: silentAccounts(),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      metrics: createMetrics({ revision: 'r', replica: 'r' }),
      after: ms => {
        ends.push(ms)
        return () => undefined
      },
    })
    const { client, context, chatOptions } = createExchange()
    const accepted = {
      handler: createChat(chatOptions),
      context,
      ...(sessionMs !== undefined && { sessionMs }),
    }
    const { handler } = await admission.admit(async () => accepted)(context.request)
    const connection = handler(client, context)
    t.deepEqual(ends, [endsAfterMs])
    connection.closed(1000, '')
  })

test('the minutes of an assistant are those that its file says', async t => {
  const root = folderWith(t, assistant('cafe', 'limits: { session_minutes: 15 }'))
  const loaded = loadAssistant('cafe', { root, models: someModels })
  t.is('assistant' in loaded && loaded.assistant.limits.sessionMs, 15 * 60_000)
})

test('sessions are counted by assistant and version', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: folderWith(t, assistant('cafe')) })
  for (const path of ['/chat?assistant=cafe', '/realtime?assistant=cafe', '/chat'])
    await converse(t, gateway.socketUrl + path)
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  t.regex(metrics, /gateway_assistant_sessions_total\{assistant="cafe",version="[0-9a-f]{12}",[^}]*\} 2/)
})

test('without an assistant the sessions of all paths are as before', async t => {
  const { dial, upstream, gateway } = await before(t, assistant('cafe'))
  const named = await dial('/realtime?assistant=default')
  const plain = await dial('/realtime')
  const update = await next(plain.session)
  t.deepEqual(await next(named.session), update)
  t.regex(JSON.stringify(update), /You take orders at a coffee counter.*Flat white/)
  const sdk = await dial('/v1/realtime')
  sdk.talk.send({ type: 'response.create' })
  t.deepEqual(await next(sdk.session), { type: 'response.create' })
  const chat = await converse(t, `${gateway.socketUrl}/chat`)
  chat.send({ text: 'hi' })
  t.regex(JSON.stringify(await next(await upstream.session())), /You are a friendly assistant/)
})

test('a gateway with a faulty assistant does not start, and says all that is wrong', async t => {
  const folder = folderWith(t, { ...assistant('cafe', 'pinned: 3'), ...assistant('bar', 'model: none-such') })
  const error = await t.throwsAsync(gatewayFor(t, { ASSISTANTS_DIR: folder }))
  t.regex(error?.message ?? '', /bar\/assistant\.yaml:2: model is "none-such"/)
  t.regex(error?.message ?? '', /cafe\/assistant\.yaml:2: pinned is 3; allowed is true or false/)
})
