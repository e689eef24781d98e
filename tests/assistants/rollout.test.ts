/** Versions meet in a rollout: a conversation goes on under the version of the replica that resumes it. */
import test from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { ask, converse, type Message, type Talk } from '../gateway/converse.ts'
import { gatewayOn, type Stage, type TestGateway } from '../gateway/start.ts'
import { assistant, type Files, folderWith } from './folders.ts'

interface Revision {
  readonly gateway: TestGateway
  readonly version: string
}

/** Revisions that share a store, each with its own version of the folder. */
async function revisions(t: Stage, ...folders: Files[]): Promise<Revision[]> {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const env = { REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' }
  return Promise.all(
    folders.map(async files => {
      const gateway = await gatewayOn(t, store, { ...env, ASSISTANTS_DIR: folderWith(t, files) })
      const { assistants } = (await (await fetch(`${gateway.url}/assistants`)).json()) as {
        assistants: { name: string; version: string }[]
      }
      return { gateway, version: assistants.find(({ name }) => name === 'cafe')?.version ?? '' }
    }),
  )
}

const versions = (yaml: readonly [string, string] = ['', '']) => [
  assistant('cafe', `events: ["*"]\n${yaml[0]}`, 'Rules of version 1.'),
  assistant('cafe', `events: ["*"]\n${yaml[1]}`, 'Rules of version 2.'),
]

async function begin(t: Stage, { gateway }: Revision, path: string): Promise<{ talk: Talk; ticket: string }> {
  const talk = await converse(t, `${gateway.socketUrl}${path}?assistant=cafe&resume=`)
  const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
  return { talk, ticket }
}

async function say(talk: Talk, text: string): Promise<Message[]> {
  talk.send(text)
  return talk.until('response.done')
}

const instructionsIn = (seen: readonly Message[]) =>
  seen.flatMap(({ type, session }) =>
    type === 'session.updated' ? [(session as { instructions?: string }).instructions] : [],
  )

test('at 50/50, resumed both ways, each conversation is served by the version of the replica that has it', async t => {
  const both = await revisions(t, ...versions())
  t.not(both[0]?.version, both[1]?.version)
  // Of four conversations two begin at each revision, and each changes sides twice.
  for (const first of [0, 1, 0, 1]) {
    const [here, there] = [both[first], both[1 - first]] as [Revision, Revision]
    const { talk, ticket } = await begin(t, here, '/realtime')
    const seen = await say(talk, `my name is Ada ${first}`)
    t.deepEqual(instructionsIn(seen).at(-1), `Rules of version ${first + 1}.`)
    talk.socket.close()
    const over = await converse(t, `${there.gateway.socketUrl}/realtime?assistant=cafe&resume=${ticket}`)
    const moved = await over.until('session.ticket')
    t.like(moved[0], {
      type: 'session.resumed',
      assistant: 'cafe',
      version: there.version,
      previous: here.version,
      items: 2,
    })
    moved.push(...(await say(over, 'and a bun')))
    t.deepEqual(instructionsIn(moved).at(-1), `Rules of version ${2 - first}.`)
    const next = moved.findLast(({ type }) => type === 'session.ticket')?.resume
    over.socket.close()
    // Without the name: the ticket knows it.
    const back = await converse(t, `${here.gateway.socketUrl}/realtime?resume=${next}`)
    const home = await back.until('session.ticket')
    t.like(home[0], { type: 'session.resumed', version: here.version, previous: there.version, items: 4 })
    home.push(...(await say(back, 'that is all')))
    t.deepEqual(instructionsIn(home).at(-1), `Rules of version ${first + 1}.`)
    back.socket.close()
  }
})

test('/chat: the version that serves is told to the client, and greets nobody a second time', async t => {
  const [one, two] = (await revisions(t, ...versions(['greeting: Hello', 'greeting: Hello']))) as [
    Revision,
    Revision,
  ]
  const { talk, ticket } = await begin(t, one, '/chat')
  await talk.until('status', ({ message }) => message === 'Model ready')
  await ask(talk, 'my name is Ada')
  talk.socket.close()
  const over = await converse(t, `${two.gateway.socketUrl}/chat?resume=${ticket}`)
  t.like(await over.next(), {
    type: 'session.resumed',
    assistant: 'cafe',
    version: two.version,
    previous: one.version,
    answer_due: false,
  })
  const { messages } = await ask(over, 'what did I say')
  t.is(messages.filter(({ type }) => type === 'text-reset').length, 1)
})

test('what a client set itself is replayed under the next version, but for what that pins', async t => {
  const [one, two] = (await revisions(t, ...versions(['', 'pinned: true']))) as [Revision, Revision]
  const { talk, ticket } = await begin(t, one, '/realtime')
  talk.send({
    type: 'session.update',
    session: { type: 'realtime', instructions: 'Mine', tools: [], max_output_tokens: 77 },
  })
  await talk.until(
    'session.updated',
    ({ session }) => (session as { instructions?: string }).instructions === 'Mine',
  )
  const system = { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Obey.' }] }
  talk.send({ type: 'conversation.item.create', item: system })
  await talk.until('conversation.item.done')
  await say(talk, 'hello')
  talk.socket.close()
  const over = await converse(t, `${two.gateway.socketUrl}/realtime?assistant=cafe&resume=${ticket}`)
  const moved = await over.until('session.ticket')
  t.like(moved[0], { type: 'session.resumed', version: two.version })
  moved.push(...(await say(over, 'again')))
  const last = moved.filter(({ type }) => type === 'session.updated').at(-1)
  t.like(last?.session, { max_output_tokens: 77, instructions: '' })
  t.notRegex(JSON.stringify(moved), /Mine|Obey|Rules/)
})

test('a ticket of one assistant goes on with no other, and stays good', async t => {
  const files = { ...assistant('cafe', 'events: ["*"]'), ...assistant('bar') }
  const [one] = (await revisions(t, files)) as [Revision]
  const { talk, ticket } = await begin(t, one, '/realtime')
  await say(talk, 'hello')
  talk.socket.close()
  for (const [query, detail] of [
    ['assistant=bar', /is with the assistant \\?"cafe\\?"; go on with that one/],
    ['assistant=default', /is with the assistant/],
  ] as const) {
    const refused = await t.throwsAsync(
      converse(t, `${one.gateway.socketUrl}/realtime?${query}&resume=${ticket}`),
    )
    t.like(refused, { status: 409 })
    t.regex(refused?.message ?? '', detail)
  }
  const again = await converse(t, `${one.gateway.socketUrl}/realtime?assistant=cafe&resume=${ticket}`)
  t.like(await again.next(), { type: 'session.resumed', items: 2 })
})

test('a conversation without an assistant goes on without one', async t => {
  const [one] = (await revisions(t, assistant('cafe'))) as [Revision]
  const talk = await converse(t, `${one.gateway.socketUrl}/chat?resume=`)
  const ticket = (await talk.until('session.ticket')).at(-1)?.resume
  await ask(talk, 'hello')
  talk.socket.close()
  const refused = await t.throwsAsync(
    converse(t, `${one.gateway.socketUrl}/chat?assistant=cafe&resume=${ticket}`),
  )
  t.regex(refused?.message ?? '', /has no assistant; leave/)
  const again = await converse(t, `${one.gateway.socketUrl}/chat?resume=${ticket}`)
  t.deepEqual(await again.next(), { type: 'session.resumed', items: 2, answer_due: false, answers: 1 })
})

test('a replica whose folder lacks the assistant refuses before the ticket is spent', async t => {
  const [one, other] = (await revisions(t, assistant('cafe', 'events: ["*"]'), assistant('bar'))) as [
    Revision,
    Revision,
  ]
  const { talk, ticket } = await begin(t, one, '/realtime')
  await say(talk, 'hello')
  talk.socket.close()
  const refused = await t.throwsAsync(converse(t, `${other.gateway.socketUrl}/realtime?resume=${ticket}`))
  t.like(refused, { status: 404 })
  const again = await converse(t, `${one.gateway.socketUrl}/realtime?resume=${ticket}`)
  t.like(await again.next(), { type: 'session.resumed', version: one.version })
})

test('another credential resumes nothing', async t => {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const gateway = await gatewayOn(t, store, {
    ASSISTANTS_DIR: folderWith(t, assistant('cafe', 'events: ["*"]')),
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'alice:the-secret-of-alice,bob:the-secret-of-bob',
  })
  const as = (name: string) => ({ headers: { Authorization: `Bearer the-secret-of-${name}` } })
  const talk = await converse(t, `${gateway.socketUrl}/realtime?assistant=cafe&resume=`, as('alice'))
  const ticket = (await talk.until('session.ticket')).at(-1)?.resume
  await say(talk, 'my name is Ada')
  talk.socket.close()
  const other = await converse(t, `${gateway.socketUrl}/realtime?resume=${ticket}`, as('bob'))
  const seen = [await other.next()]
  t.like(seen[0], { type: 'session.resume_failed', reason: 'unknown' })
  seen.push(...(await other.until('session.ticket')))
  t.notRegex(JSON.stringify(seen), /Ada|cafe/)
  const again = await converse(t, `${gateway.socketUrl}/realtime?resume=${ticket}`, as('alice'))
  t.like(await again.next(), { type: 'session.resumed', assistant: 'cafe', items: 2 })
})
