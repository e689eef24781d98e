/** What callers used, as `GET /usage` tells it, and budgets of estimated cost. */
import test from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { audience, startAuthority, tenantId } from '../access/authority.ts'
import { knockSocket } from '../access/upgrade-attempts.ts'
import { assistant, folderWith } from '../assistants/folders.ts'
import { converse } from '../gateway/converse.ts'
import { type FakeSession, fakeUpstream, gatewayFor, gatewayOn } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { spokenAnswer } from './spoken-answer.ts'

type Row = Record<string, string | number>

const as = (name: string) => ({ headers: { 'api-key': `secret-of-${name}` } })

const callers = {
  GATEWAY_AUTH: 'key',
  GATEWAY_API_KEYS: 'ada:secret-of-ada,bob:secret-of-bob,ops:secret-of-ops',
  OPERATORS: 'key:ops',
  AZURE_OPENAI_DEPLOYMENT_NAME: 'speech',
  AZURE_OPENAI_MODEL: 'gpt-realtime-2.1@2026-07-07',
}

/** With fields that nobody knows. */
const usage = {
  ...spokenAnswer,
  input_token_details: { ...spokenAnswer.input_token_details, smell_tokens: 4 },
  surcharge: 12,
}

const answer = (session: FakeSession, fields: object = {}) =>
  session.send({ type: 'response.done', response: { id: 'resp_1', status: 'completed', usage, ...fields } })

async function usageOf(url: string, name: string, query = ''): Promise<Row[]> {
  const answer = await fetch(`${url}/usage${query}`, as(name))
  const { usage } = (await answer.json()) as { usage: Row[] }
  return usage
}

test('a caller sees its own usage by kind with an estimate; an operator sees that of all, and nobody else', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...callers })
  for (const name of ['ada', 'bob']) {
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, as(name))
    answer(await upstream.session())
    await talk.until('response.done')
  }
  const row = {
    principal: 'key:ada',
    assistant: 'default',
    deployment: 'speech',
    responses: 1,
    input_text_tokens: 3000,
    input_audio_tokens: 10_000,
    cached_text_tokens: 1000,
    cached_audio_tokens: 8000,
    output_text_tokens: 200,
    output_audio_tokens: 3000,
    estimated_cost: 0.2724,
    unpriced: 0,
  }
  const own = await usageOf(gateway.url, 'ada')
  t.is(own.length, 1)
  t.like(own[0], row)
  const all = await usageOf(gateway.url, 'ops', '?all')
  t.deepEqual(
    all.map(({ principal, estimated_cost }) => [principal, estimated_cost]),
    [
      ['key:ada', 0.2724],
      ['key:bob', 0.2724],
    ],
  )
  t.is((await fetch(`${gateway.url}/usage?all`, as('ada'))).status, 403)
  t.is((await fetch(`${gateway.url}/usage`)).status, 401)
})

test('/usage as CSV', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...callers })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, as('ada'))
  answer(await upstream.session())
  await talk.until('response.done')
  const answered = await fetch(`${gateway.url}/usage?format=csv`, as('ada'))
  t.is(answered.headers.get('content-type'), 'text/csv; charset=utf-8')
  const [head = '', line = ''] = (await answered.text()).split('\r\n')
  t.is(
    head,
    'day,principal,assistant,deployment,responses,input_text_tokens,input_audio_tokens,input_image_tokens,cached_text_tokens,cached_audio_tokens,cached_image_tokens,output_text_tokens,output_audio_tokens,transcription_seconds,translation_seconds,estimated_cost,unpriced,currency',
  )
  const [, ...rest] = line.split(',')
  t.is(rest.join(), 'key:ada,default,speech,1,3000,10000,0,1000,8000,0,200,3000,0,0,0.2724,0,USD')
})

for (const [query, status] of [
  ['?from=yesterday', 400],
  ['?from=2026-02-30', 400],
  ['?from=2026-02-02&to=2026-02-01', 400],
  ['?from=2020-01-01', 400],
  ['?format=xml', 400],
  ['?from=2026-02-01&to=2026-03-01', 200],
] as const) {
  test(`/usage${query} is answered with ${status}`, async t => {
    const gateway = await gatewayFor(t)
    t.is((await fetch(`${gateway.url}/usage${query}`)).status, status)
  })
}

test('what a conversation used is counted once when it is renewed and resumed, and its summary has all of it', async t => {
  const upstream = await fakeUpstream(t)
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const env = {
    ...upstream.env,
    AZURE_OPENAI_DEPLOYMENT_NAME: 'gpt-realtime-2.1',
    REALTIME_AUTO_CLOSE: 'false',
    REALTIME_ALLOWED_EVENT_TYPES: '*',
  }
  const [blue, green] = [await gatewayOn(t, store, env), await gatewayOn(t, store, env)]
  const talk = await converse(t, `${blue.socketUrl}/realtime?resume=`)
  const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
  const first = await upstream.session()
  answer(first)
  await talk.until('response.done')
  first.socket.close(1001)
  const second = await upstream.session()
  await talk.until('session.renewed')
  answer(second, { status: 'cancelled', status_details: { type: 'cancelled', reason: 'turn_detected' } })
  await talk.until('response.done')
  await blue.drain()
  const resumed = await converse(t, `${green.socketUrl}/realtime?resume=${ticket}`)
  await resumed.until('session.resumed')
  answer(await upstream.session(), { output: [{ type: 'function_call', name: 'f' }] })
  await resumed.until('response.done')
  // Each process writes its own sums.
  const counted = (async () => {
    for (;;) {
      const rows = await usageOf(green.url, 'anyone')
      if (Number(rows[0]?.responses) >= 3) return rows
    }
  })()
  const rows = await within(counted, patienceMs, 'three responses are not counted')
  t.is(rows.length, 1)
  t.is(rows[0]?.responses, 3)
  t.is(rows[0]?.estimated_cost, 0.8172)
  const before = await blue.logged('session.ended')
  t.like(before.fields, { responses: 2, interruptions: 1, tool_calls: 0, estimated_cost: 0.5448 })
  resumed.socket.close(1000)
  const { fields } = await green.logged('session.ended')
  t.like(fields, { responses: 1, interruptions: 0, tool_calls: 1, estimated_cost: 0.2724 })
  t.is(fields.conversation_id, before.fields.conversation_id)
})

test('a session that nobody can resume ends its conversation; its summary has times, counts and an estimate, and no content', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, { ...upstream.env, ...callers })
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, as('ada'))
  answer(await upstream.session(), {
    output: [{ type: 'message', content: [{ type: 'output_text', text: 'a private word' }] }],
  })
  await talk.until('response.done')
  talk.socket.close(1000, 'another private word')
  for (const event of ['session.ended', 'conversation.ended'] as const) {
    const { fields } = await gateway.logged(event)
    t.like(fields, {
      principal: 'key:ada',
      assistant: 'default',
      route: '/v1/realtime',
      responses: 1,
      estimated_cost: 0.2724,
      currency: 'USD',
      usage: [{ deployment: 'speech', responses: 1, cached_audio_tokens: 8000, estimated_cost: 0.2724 }],
    })
    t.notRegex(JSON.stringify(fields), /private/)
  }
  t.like((await gateway.logged('session.ended')).fields, { ended_by: 'client', code: 1000, error: null })
})

for (const whose of ['CREDENTIAL', 'ADDRESS']) {
  test(`the answer that reaches the cost of a day is the last: per ${whose}`, async t => {
    const upstream = await fakeUpstream(t)
    const gateway = await gatewayFor(t, {
      ...upstream.env,
      ...callers,
      [`LIMIT_COST_PER_DAY_PER_${whose}`]: '0.5',
    })
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, as('ada'))
    const session = await upstream.session()
    answer(session)
    await talk.until('response.done')
    answer(session)
    const error = (await talk.until('error')).at(-1)?.error as { code: string; message: string }
    t.is(error.code, 'limit_reached')
    t.regex(error.message, /estimated cost of 0\.5 a day/)
    t.is((await talk.closed).code, 1008)
    t.is((await knockSocket(gateway.url, { path: '/chat', ...as('ada') })).status, 429)
    const others = await knockSocket(gateway.url, { path: '/chat', ...as('bob') })
    t.is(others.status, whose === 'ADDRESS' ? 429 : 101)
  })
}

test('usage is told by the assistant that served it', async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ASSISTANTS_DIR: folderWith(t, { ...assistant('cafe') }),
  })
  for (const query of ['?assistant=cafe', '']) {
    const talk = await converse(t, `${gateway.socketUrl}/v1/realtime${query}`)
    answer(await upstream.session())
    await talk.until('response.done')
  }
  const rows = await usageOf(gateway.url, 'anyone')
  t.deepEqual(
    rows.map(({ assistant, responses }) => [assistant, responses]),
    [
      ['cafe', 1],
      ['default', 1],
    ],
  )
})

test('an operator may have a role of Entra ID; other callers are refused the usage of all, also as CSV', async t => {
  const [upstream, authority] = [await fakeUpstream(t), await startAuthority(t)]
  const gateway = await gatewayFor(t, {
    ...upstream.env,
    ...callers,
    GATEWAY_AUTH: 'key,entra',
    ENTRA_TENANT_ID: tenantId,
    ENTRA_AUDIENCE: audience,
    ENTRA_REQUIRED_SCOPE: 'Realtime.Use',
    ENTRA_REQUIRED_ROLE: 'Realtime.App',
    ENTRA_OPERATOR_ROLE: 'Realtime.Operate',
    ENTRA_AUTHORITY: authority.url.origin,
  })
  const bearer = async (oid: string, roles: unknown) => ({
    headers: { Authorization: `Bearer ${await authority.sign({ oid, roles })}` },
  })
  const user = await bearer('a-user', undefined)
  const [of, keyed] = [await converse(t, `${gateway.socketUrl}/v1/realtime`, user), as('ada')]
  answer(await upstream.session())
  await of.until('response.done')
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, keyed)
  answer(await upstream.session())
  await talk.until('response.done')
  const name = `entra:${tenantId}/a-user`
  for (const [who, given, status] of [
    ['a token with the role', await bearer('an-operator', ['Realtime.Operate']), 200],
    ['the role among others', await bearer('an-operator', ['Realtime.App', 'Realtime.Operate']), 200],
    ['a token without it', user, 403],
    ['another role', await bearer('an-app', ['Realtime.App']), 403],
    ['the role in other letters', await bearer('a-user', ['realtime.operate']), 403],
    ['a role whose name begins like it', await bearer('a-user', ['Realtime.Operate.Not']), 403],
    ['the role as a text', await bearer('a-user', 'Realtime.Operate'), 403],
    ['a key of an operator', as('ops'), 200],
    ['a key of another caller', keyed, 403],
  ] as const) {
    const all = await fetch(`${gateway.url}/usage?all`, given)
    t.is(all.status, status, who)
    const csv = await fetch(`${gateway.url}/usage?all&format=csv`, given)
    t.is(csv.status, status, `${who}: CSV`)
    const [json, lines] = [await all.text(), await csv.text()]
    for (const text of [json, lines]) {
      t.is(text.includes(name), status === 200, who)
      t.is(text.includes('key:ada'), status === 200, who)
    }
    if (status !== 200) continue
    t.is(csv.headers.get('content-type'), 'text/csv; charset=utf-8')
    t.is(lines.trim().split('\r\n').length, 3)
  }
  const own = await (await fetch(`${gateway.url}/usage`, user)).json()
  t.deepEqual(
    (own as { usage: Row[] }).usage.map(({ principal }) => principal),
    [name],
  )
})
