/** A pinned assistant: what clients see of it, and what their changes do, on every path and after renewal and resume. */
import test from 'ava'
import { knockHttp } from '../access/upgrade-attempts.ts'
import { request, someOffer } from '../calls/caller.ts'
import { converse, type Message, type Talk } from '../gateway/converse.ts'
import { type FakeSession, fakeUpstream, gatewayFor, type Stage } from '../gateway/start.ts'
import { assistant, folderWith } from './folders.ts'

const secret = 'THE HOUSE RULES'
const tools = '[{ type: function, name: SECRET_TOOL, description: d, parameters: { type: object } }]'
const pinned = (yaml = '') => ({
  ...assistant('cafe', `pinned: true\nevents: ["*"]\nsession: { tools: ${tools} }\n${yaml}`, secret),
})
const hidden = /HOUSE RULES|SECRET_TOOL/

async function before(t: Stage, yaml = '') {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ASSISTANTS_DIR: folderWith(t, pinned(yaml)) })
  return { upstream, gateway }
}

const next = async (session: FakeSession) => JSON.parse((await session.next()).text) as Message

/** Upstream shows the session as it is. */
function show(session: FakeSession, type = 'session.updated'): void {
  const shown = {
    id: 's',
    instructions: secret,
    tools: [{ type: 'function', name: 'SECRET_TOOL' }],
    prompt: { id: secret },
  }
  session.send({ type, session: shown })
}

const changes: [what: string, message: object, param: string][] = [
  [
    'instructions',
    { type: 'session.update', session: { type: 'realtime', instructions: 'Mine' } },
    'session.instructions',
  ],
  ['tools', { type: 'session.update', session: { type: 'realtime', tools: [] } }, 'session.tools'],
  ['a prompt template', { type: 'session.update', session: { prompt: { id: 'p' } } }, 'session.prompt'],
  [
    'instructions of an answer',
    { type: 'response.create', response: { instructions: 'Mine' } },
    'response.instructions',
  ],
  ['tools of an answer', { type: 'response.create', response: { tools: [] } }, 'response.tools'],
  ['input of an answer', { type: 'response.create', response: { input: [] } }, 'response.input'],
  [
    'a prompt of an answer',
    { type: 'response.create', response: { prompt: { id: 'p' } } },
    'response.prompt',
  ],
  [
    'an item of the system',
    { type: 'conversation.item.create', item: { type: 'message', role: 'system', content: [] } },
    'item.role',
  ],
]

for (const [what, message, param] of changes)
  test(`/realtime: ${what} of a client's is an error that names ${param}, and nothing reaches upstream`, async t => {
    const { upstream, gateway } = await before(t)
    const talk = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe`)
    const session = await upstream.session()
    t.like(await next(session), { type: 'session.update', session: { instructions: secret } })
    talk.send(message)
    t.like((await talk.until('error')).at(-1), { error: { code: 'forbidden', param } })
    talk.send({ type: 'response.cancel' })
    t.like(await next(session), { type: 'response.cancel' })
  })

for (const path of ['/v1/realtime', '/openai/v1/realtime', '/openai/realtime'])
  test(`${path}: a client's changes are left out in silence, and the rest of them goes on`, async t => {
    const { upstream, gateway } = await before(t)
    const talk = await converse(t, `${gateway.socketUrl}${path}?assistant=cafe`)
    const session = await upstream.session()
    t.like(await next(session), { session: { instructions: secret, tools: [{ name: 'SECRET_TOOL' }] } })
    show(session)
    talk.send({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'Mine',
        tools: [],
        prompt: { id: 'p' },
        output_modalities: ['text'],
      },
    })
    const update = await next(session)
    t.deepEqual(update.session, { type: 'realtime', output_modalities: ['text'] })
    talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'system', content: [] } })
    talk.send({
      type: 'response.create',
      response: { instructions: 'Mine', input: [], metadata: { a: '1' } },
    })
    const response = await next(session)
    t.is(response.type, 'response.create')
    t.deepEqual(response.response, { metadata: { a: '1' } })
    session.send({ type: 'response.created', response: { id: 'r' } })
    const seen = await talk.until('response.created')
    t.false(seen.some(({ type }) => type === 'error'))
  })

const told: [what: string, say: (session: FakeSession) => void, type: string][] = [
  ['session.created', session => show(session, 'session.created'), 'session.created'],
  ['session.updated', session => show(session), 'session.updated'],
  [
    'a response that names them',
    session =>
      session.send({
        type: 'response.created',
        response: { id: 'r', instructions: secret, tools: [{ name: 'SECRET_TOOL' }] },
      }),
    'response.created',
  ],
  [
    "an MCP server's list of tools",
    session =>
      session.send({
        type: 'conversation.item.done',
        item: { id: 'i', type: 'mcp_list_tools', tools: [{ name: 'SECRET_TOOL' }] },
      }),
    'conversation.item.done',
  ],
]

for (const [what, say, type] of told)
  test(`/realtime with every event admitted: ${what} shows nothing of it`, async t => {
    const { upstream, gateway } = await before(t)
    const talk = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe`)
    const session = await upstream.session()
    say(session)
    session.send({ type: 'marker' })
    const seen = await talk.until('marker')
    t.true(seen.some(message => message.type === type))
    t.notRegex(JSON.stringify(seen), hidden)
  })

test('extraction finds nothing of it', async t => {
  const yaml =
    'extract: { from: ["session.*"], fields: { "session.*": [session.instructions] }, on_fail: forward }'
  const { upstream, gateway } = await before(t, yaml)
  const talk = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe`)
  const session = await upstream.session()
  show(session)
  session.send({ type: 'marker' })
  t.notRegex(JSON.stringify(await talk.until('marker')), hidden)
})

test('an SDK address shows one session.created, with the settings of the assistant and nothing that is pinned', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: folderWith(t, pinned('greeting: Hello')) })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime?assistant=cafe&model=gpt-realtime`)
  const created = await talk.next()
  t.like(created, {
    type: 'session.created',
    session: { instructions: '', tools: [], model: 'gpt-realtime' },
  })
  talk.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Mine', tools: [] } })
  const seen = await talk.until('session.updated')
  t.is(seen.length, 1, 'the assistant does not speak first where the client speaks to the API')
  t.like(seen[0]?.session, { instructions: '', tools: [] })
})

/** Says something and reads to the end of the answer. */
async function say(talk: Talk, text: string): Promise<Message[]> {
  talk.send(text)
  return talk.until('response.done')
}

test('renewed after upstream has ended, the session shows nothing of it, and has it', async t => {
  const { upstream, gateway } = await before(t)
  const talk = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe`)
  const first = await upstream.session()
  t.like(await next(first), { session: { instructions: secret } })
  show(first)
  first.socket.close(1001, '')
  const second = await upstream.session()
  t.like(await next(second), { session: { instructions: secret, tools: [{ name: 'SECRET_TOOL' }] } })
  show(second)
  show(second)
  second.send({ type: 'marker' })
  const seen = await talk.until('marker')
  t.true(seen.some(({ type }) => type === 'session.renewed'))
  t.notRegex(JSON.stringify(seen), hidden)
})

test('resumed, the session shows nothing of it, and has it', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: folderWith(t, pinned()) })
  const talk = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe&resume=`)
  const seen = await talk.until('session.ticket')
  seen.push(...(await say(talk, 'hello')))
  const ticket = seen.find(({ type }) => type === 'session.ticket')?.resume
  talk.socket.close()
  const again = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe&resume=${ticket}`)
  seen.push(...(await say(again, 'and again')))
  t.true(seen.some(({ type }) => type === 'session.resumed'))
  t.true(seen.filter(({ type }) => type === 'session.updated').length >= 2)
  t.notRegex(JSON.stringify(seen), hidden)
})

test('no key is handed out for it, and over WebRTC it is not offered', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: folderWith(t, pinned()) })
  const json = { 'Content-Type': 'application/json' }
  for (const path of [
    '/v1/realtime/client_secrets?assistant=cafe',
    '/openai/v1/realtime/client_secrets?assistant=cafe',
  ]) {
    const refused = await knockHttp(gateway.url, { method: 'POST', path, headers: json, body: '{}' })
    t.is(refused.status, 403)
    t.regex(refused.body, /is not offered over WebRTC/)
    t.notRegex(refused.body, hidden)
  }
  for (const path of ['/sideband/session', '/sideband/ephemeral-key'])
    t.is(
      (await request(gateway.url + path, { method: 'POST', body: { assistant: 'cafe' } })).status,
      403,
      path,
    )
  const call = await knockHttp(gateway.url, {
    method: 'POST',
    path: '/v1/realtime/calls?assistant=cafe',
    headers: { 'Content-Type': 'application/sdp' },
    body: await someOffer(t),
  })
  t.is(call.status, 403)
})

test('with webrtc: visible the gateway makes the call, hands out no key, and its control shows and changes nothing', async t => {
  const gateway = await gatewayFor(t, { ASSISTANTS_DIR: folderWith(t, pinned('webrtc: visible')) })
  const key = await request(`${gateway.url}/sideband/ephemeral-key`, {
    method: 'POST',
    body: { assistant: 'cafe' },
  })
  t.is(key.status, 403)
  t.regex(String(key.body.detail), /No key is handed out for the assistant "cafe", which is pinned/)
  const made = await request<{ session_id: string }>(`${gateway.url}/sideband/session`, {
    method: 'POST',
    body: { assistant: 'cafe' },
  })
  const { session_id } = made.body
  const offer = (settings: object) =>
    request<{ call_id: string }>(`${gateway.url}/sideband/offer`, {
      method: 'POST',
      body: { session_id, ...settings },
    })
  const sdp = await someOffer(t)
  t.is((await offer({ sdp, instructions: 'Mine' })).status, 403)
  const call = await offer({ sdp })
  t.is(call.status, 200)
  const control = await converse(t, `${gateway.socketUrl}/sideband/control/${session_id}`)
  const seen = await control.until('sideband_connected')
  control.send({ type: 'update_instructions', instructions: 'Mine' })
  seen.push(...(await control.until('error')))
  t.like(seen.at(-1), { code: 'forbidden' })
  control.send({ type: 'session.update', session: { type: 'realtime', tools: [] } })
  seen.push(...(await control.until('error')))
  t.like(seen.at(-1), { code: 'forbidden' })
  control.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } })
  seen.push(
    ...(await control.until(
      'openai_event',
      ({ event }) => (event as Message | undefined)?.type === 'session.updated',
    )),
  )
  t.like((seen.at(-1) as { event?: { session?: object } } | undefined)?.event?.session, {
    instructions: '',
    tools: [],
  })
  const join = await converse(t, `${gateway.socketUrl}/v1/realtime?call_id=${call.body.call_id}`)
  join.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Mine' } })
  seen.push(...(await join.until('session.updated')))
  t.notRegex(JSON.stringify(seen), hidden)
})
