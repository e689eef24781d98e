/** Two assistants for two credentials, at every door: neither sees, chooses or names the other's. */
import test, { type ExecutionContext } from 'ava'
import { type Answer, knockHttp, knockSocket } from '../access/upgrade-attempts.ts'
import { someOffer } from '../calls/caller.ts'
import { converse } from '../gateway/converse.ts'
import { gatewayFor, type Stage, type TestGateway } from '../gateway/start.ts'
import { assistant, folderWith, writeFiles } from './folders.ts'

const [alice, bob] = ['the-secret-of-alice', 'the-secret-of-bob']
const by = (secret: string) => ({ Authorization: `Bearer ${secret}` })
const json = { 'Content-Type': 'application/json' }

const offered = 'webrtc: visible\n'
const files = {
  ...assistant('cafe', `${offered}access: { principals: [key:alice] }`),
  ...assistant('bar', `${offered}access: { principals: [key:bob] }`),
}

function open(t: Stage, env: Record<string, string> = {}): Promise<TestGateway> {
  return gatewayFor(t, {
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: `alice:${alice},bob:${bob}`,
    ASSISTANTS_DIR: folderWith(t, files),
    ...env,
  })
}

type Knocking = (gateway: TestGateway, name: string, secret: string) => Promise<Answer>

const atSocket =
  (path: string): Knocking =>
  ({ url }, name, secret) =>
    knockSocket(url, { path: `${path}?assistant=${name}`, headers: by(secret) })

const atPost =
  (path: string, body = '{}', type: Record<string, string> = json): Knocking =>
  ({ url }, name, secret) =>
    knockHttp(url, {
      method: 'POST',
      path: `${path}?assistant=${name}`,
      headers: { ...by(secret), ...type },
      body,
    })

const inBody =
  (path: string): Knocking =>
  ({ url }, name, secret) =>
    knockHttp(url, {
      method: 'POST',
      path,
      headers: { ...by(secret), ...json },
      body: JSON.stringify({ assistant: name }),
    })

const sdp = { 'Content-Type': 'application/sdp' }

/** Every door, and what it answers to whoever may choose. */
const doors: [door: string, knock: (offer: string) => Knocking, admitted: number][] = [
  ['/chat', () => atSocket('/chat'), 101],
  ['/realtime', () => atSocket('/realtime'), 101],
  ['/v1/realtime', () => atSocket('/v1/realtime'), 101],
  ['/openai/v1/realtime', () => atSocket('/openai/v1/realtime'), 101],
  ['/openai/realtime', () => atSocket('/openai/realtime'), 101],
  ['POST /ticket', () => inBody('/ticket'), 200],
  ['POST /v1/realtime/client_secrets', () => atPost('/v1/realtime/client_secrets'), 200],
  ['POST /openai/v1/realtime/client_secrets', () => atPost('/openai/v1/realtime/client_secrets'), 200],
  ['POST /v1/realtime/calls', offer => atPost('/v1/realtime/calls', offer, sdp), 201],
  ['POST /openai/v1/realtime/calls', offer => atPost('/openai/v1/realtime/calls', offer, sdp), 201],
  ['POST /sideband/session', () => inBody('/sideband/session'), 200],
  ['POST /sideband/ephemeral-key', () => inBody('/sideband/ephemeral-key'), 200],
  // There is no such call; whoever may choose the assistant gets as far as that.
  ['POST calls/{id}/accept', () => atPost('/v1/realtime/calls/rtc_none/accept', '{"type":"realtime"}'), 404],
]

const detailOf = ({ body }: Answer) => String((JSON.parse(body) as { detail: unknown }).detail)

for (const [door, knockWith, admitted] of doors)
  test(`${door}: a caller chooses its own; another's is 403, and an unknown one 404 with the caller's names`, async t => {
    const gateway = await open(t)
    const knock = knockWith(await someOffer(t))
    for (const [secret, own, others] of [
      [alice, 'cafe', 'bar'],
      [bob, 'bar', 'cafe'],
    ] as const) {
      t.is((await knock(gateway, own, secret)).status, admitted, `${own} for its own caller`)
      const refused = await knock(gateway, others, secret)
      t.is(refused.status, 403)
      t.is(detailOf(refused), `This credential has no access to the assistant "${others}"`)
      const unknown = await knock(gateway, 'pub', secret)
      t.is(unknown.status, 404)
      t.is(detailOf(unknown), `There is no assistant "pub"; use "${own}", "default"`)
      t.is((await knock(gateway, own, 'no-secret-at-all')).status, 401)
    }
  })

test('GET /assistants lists those of the caller, and no other', async t => {
  const { url } = await open(t)
  const list = async (secret: string) => {
    const { status, body } = await knockHttp(url, { path: '/assistants', headers: by(secret) })
    t.is(status, 200)
    return (JSON.parse(body) as { assistants: Record<string, unknown>[] }).assistants
  }
  const [first, second] = await list(alice)
  t.like(first, { name: 'cafe', description: 'The cafe', greets: false, pinned: false })
  t.regex(String(first?.version), /^[0-9a-f]{12}$/)
  t.like(second, { name: 'default' })
  t.deepEqual(
    (await list(bob)).map(({ name }) => name),
    ['bar', 'default'],
  )
  t.is((await knockHttp(url, { path: '/assistants' })).status, 401)
})

test('what everyone may ask names no assistant; metrics name them to whoever has a credential', async t => {
  const { url } = await open(t)
  for (const path of ['/readyz', '/healthz', '/']) {
    const { body } = await knockHttp(url, { path })
    t.notRegex(body, /cafe/, path)
  }
  const { body } = await knockHttp(url, { path: '/readyz' })
  t.regex(String((JSON.parse(body) as { assistants: unknown }).assistants), /^[0-9a-f]{12}$/)
  const metrics = await knockHttp(url, { path: '/metrics', headers: by(alice) })
  t.regex(metrics.body, /gateway_assistant_info\{assistant="cafe",version="[0-9a-f]{12}",[^}]*\} 1/)
})

async function ticketFor(gateway: TestGateway, secret: string, name: string): Promise<string> {
  const { body } = await inBody('/ticket')(gateway, name, secret)
  return String((JSON.parse(body) as { ticket: unknown }).ticket)
}

async function knockBy(gateway: TestGateway, path: string, ticket: string): Promise<Answer> {
  return knockSocket(gateway.url, { path: `${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}` })
}

const boundDoors: [path: string, status: number][] = [
  ['/chat', 101],
  ['/realtime', 101],
  ['/v1/realtime', 101],
  ['/chat?assistant=cafe', 101],
  ['/chat?assistant=default', 403],
  ['/realtime?assistant=bar', 403],
  ['/v1/realtime?assistant=default', 403],
  ['/v1/realtime?intent=transcription', 403],
  ['/v1/realtime/translations', 403],
]

for (const [path, status] of boundDoors)
  test(`a ticket for an assistant at ${path}: ${status}`, async t => {
    const gateway = await open(t)
    t.is((await knockBy(gateway, path, await ticketFor(gateway, alice, 'cafe'))).status, status)
  })

test('a ticket for an assistant opens that one, without its name in the address', async t => {
  const gateway = await open(t, { REALTIME_ALLOWED_EVENT_TYPES: 'session.*' })
  const ticket = await ticketFor(gateway, alice, 'cafe')
  const talk = await converse(t, `${gateway.socketUrl}/realtime?ticket=${ticket}`)
  t.like((await talk.until('session.updated')).at(-1)?.session, { instructions: 'You are cafe.' })
})

test('a ticket for one assistant controls calls of that one alone', async t => {
  const gateway = await open(t)
  const offer = await someOffer(t)
  const makeCall = async (secret: string, name: string) => {
    const made = await inBody('/sideband/session')(gateway, name, secret)
    const { session_id } = JSON.parse(made.body) as { session_id: string }
    const call = await knockHttp(gateway.url, {
      method: 'POST',
      path: '/sideband/offer',
      headers: { ...by(secret), ...json },
      body: JSON.stringify({ session_id, sdp: offer }),
    })
    t.is(call.status, 200, call.body)
    return { session_id, call_id: (JSON.parse(call.body) as { call_id: string }).call_id }
  }
  const [cafe, none] = [await makeCall(alice, 'cafe'), await makeCall(alice, 'default')]
  const controls = async (path: string) =>
    (await knockBy(gateway, path, await ticketFor(gateway, alice, 'cafe'))).status
  t.is(await controls(`/sideband/control/${cafe.session_id}`), 101)
  t.is(await controls(`/sideband/control/${none.session_id}`), 403)
  t.is(await controls(`/v1/realtime?call_id=${cafe.call_id}`), 101)
  t.is(await controls(`/v1/realtime?call_id=${none.call_id}`), 403)
})

test('sideband sessions, their calls and their control belong to whoever made them', async t => {
  const gateway = await open(t)
  const made = await inBody('/sideband/session')(gateway, 'cafe', alice)
  const { session_id, assistant: name } = JSON.parse(made.body) as Record<string, string>
  t.is(name, 'cafe')
  const path = `/sideband/session/${session_id}`
  t.is((await knockHttp(gateway.url, { path, headers: by(bob) })).status, 404)
  const own = await knockHttp(gateway.url, { path, headers: by(alice) })
  t.like(JSON.parse(own.body), { assistant: 'cafe' })
  const all = await knockHttp(gateway.url, { path: '/sideband/sessions', headers: by(bob) })
  t.like(JSON.parse(all.body), { total: 0 })
  t.notRegex(all.body, /cafe/)
})

async function keyFor(
  t: ExecutionContext,
  gateway: TestGateway,
  name: string,
  secret: string,
): Promise<string> {
  const { status, body } = await atPost('/v1/realtime/client_secrets')(gateway, name, secret)
  t.is(status, 200, body)
  return (JSON.parse(body) as { value: string }).value
}

test('an ephemeral key of an assistant opens that one, by any name of its address, and no other', async t => {
  const gateway = await open(t)
  const key = await keyFor(t, gateway, 'cafe', alice)
  const knock = async (path: string) => (await knockSocket(gateway.url, { path, headers: by(key) })).status
  t.is(await knock('/v1/realtime'), 101)
  t.is(await knock('/v1/realtime?assistant=cafe'), 101)
  t.is(await knock('/v1/realtime?assistant=bar'), 403)
  t.is(await knock('/v1/realtime?assistant=default'), 403)
  const offer = await someOffer(t)
  t.is((await atPost('/v1/realtime/calls', offer, sdp)(gateway, 'bar', key)).status, 403)
  t.is((await atPost('/v1/realtime/calls', offer, sdp)(gateway, 'cafe', key)).status, 201)
  const talk = await converse(t, `${gateway.socketUrl}/v1/realtime`, { headers: by(key) })
  t.like((await talk.until('session.created')).at(-1)?.session, { instructions: 'You are cafe.' })
})

test('an ephemeral key that was minted for no assistant chooses none', async t => {
  const gateway = await open(t)
  const { body } = await knockHttp(gateway.url, {
    method: 'POST',
    path: '/v1/realtime/client_secrets',
    headers: { ...by(alice), ...json },
    body: '{}',
  })
  const key = (JSON.parse(body) as { value: string }).value
  const refused = await knockSocket(gateway.url, { path: '/v1/realtime?assistant=cafe', headers: by(key) })
  t.is(refused.status, 403)
  t.regex(detailOf(refused), /minted without an assistant/)
  t.is((await knockSocket(gateway.url, { path: '/v1/realtime', headers: by(key) })).status, 101)
})

for (const [path, what] of [
  ['/v1/realtime?intent=transcription&assistant=cafe', 'a transcription'],
  ['/v1/realtime/translations?assistant=cafe', 'a translation'],
] as const)
  test(`${what} has no assistant: 400`, async t => {
    const gateway = await open(t)
    const refused = await knockSocket(gateway.url, { path, headers: by(alice) })
    t.is(refused.status, 400)
    t.regex(detailOf(refused), new RegExp(`"assistant": ${what} has no assistant`))
  })

test('an assistant whose access a caller loses is closed to it, by the key that it has, too', async t => {
  const folder = folderWith(t, files)
  const gateway = await open(t, { ASSISTANTS_DIR: folder, ASSISTANTS_WATCH: 'true' })
  const key = await keyFor(t, gateway, 'cafe', alice)
  writeFiles(folder, assistant('cafe', `${offered}access: { principals: [key:bob] }`))
  const deadline = Date.now() + 10_000
  let status = 101
  while (status === 101 && Date.now() < deadline)
    ({ status } = await knockSocket(gateway.url, { path: '/v1/realtime', headers: by(key) }))
  t.is(status, 403)
})

test('access of default is for those who choose none', async t => {
  const gateway = await open(t, {
    ASSISTANTS_DIR: folderWith(t, { ...files, ...assistant('default', 'access: { principals: [key:bob] }') }),
  })
  for (const path of ['/chat', '/realtime', '/v1/realtime']) {
    t.is((await knockSocket(gateway.url, { path, headers: by(alice) })).status, 403, path)
    t.is((await knockSocket(gateway.url, { path, headers: by(bob) })).status, 101, path)
  }
})
