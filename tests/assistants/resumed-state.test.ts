/** State that the tools of another version of the assistant have stored: brought forward before a tool sees it, or refused. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import { converse, type Message, type Talk } from '../gateway/converse.ts'
import { gatewayOn, type Stage, type TestGateway } from '../gateway/start.ts'
import { assistant, type Files, folderWith } from './folders.ts'

/**
 * A tool that adds a city to a list of the state, and returns the whole state.
 * @param before code that runs before that @param fields further ones of the tool
 */
const tool = (
  list: string,
  before = '',
  fields = '',
) => `import { defineTool, z } from 'realtime-gateway/tools'
export default defineTool({
  description: 'Tells the weather',
  parameters: z.strictObject({ city: z.string() }),
  idempotent: true,
  ${fields}
  async run({ city }, { conversation, emit }) {
    ${before}
    return conversation.update(state => ({ ...state, ${list}: [...(state.${list} ?? []), city] }))
  },
})`

/** One version of the assistant. */
const version = (stateVersion: number, list: string, files: Files = {}, yaml = ''): Files => ({
  ...assistant('cafe', `events: ["*"]\nstate_version: ${stateVersion}\n${yaml}`),
  'cafe/tools/get_weather.ts': tool(list),
  ...files,
})

const migrate = (code: string) => ({ 'cafe/migrate.ts': `export default (state, { from, to }) => ${code}\n` })

const forward = migrate('({ places: [...state.cities, from + " to " + to] })')

/** A store that keeps what was last written of each conversation. */
function watchedStore(t: Stage) {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const texts = new Map<string, string>()
  const write: Store['compareAndSet'] = store.compareAndSet.bind(store)
  store.compareAndSet = async (key, revision, text, ...rest) => {
    const isWritten = await write(key, revision, text, ...rest)
    if (isWritten) texts.set(key, text)
    return isWritten
  }
  return { store, texts }
}

async function revisions(t: Stage, ...folders: Files[]) {
  const { store, texts } = watchedStore(t)
  const env = {
    REALTIME_TEXT_ONLY: 'true',
    OPENAI_REALTIME_MODEL: 'gpt-realtime',
    REALTIME_AUTO_CLOSE: 'false',
  }
  const gateways = await Promise.all(
    folders.map(files => gatewayOn(t, store, { ...env, ASSISTANTS_DIR: folderWith(t, files) })),
  )
  const stored = () => [...texts.values()].map(text => JSON.parse(text))
  return { gateways: gateways as [TestGateway, TestGateway], stored }
}

async function weather(talk: Talk, city: string): Promise<{ told: unknown; seen: Message[] }> {
  talk.send(`weather in ${city}`)
  const seen = await talk.until('response.done')
  const text = seen.find(({ type }) => type === 'response.output_text.done')?.text
  return { told: JSON.parse(String(text).replace('The tool answered: ', '')), seen }
}

async function begin(t: Stage, { socketUrl }: TestGateway) {
  const talk = await converse(t, `${socketUrl}/realtime?assistant=cafe&resume=`)
  const ticket = String((await talk.until('session.ticket')).at(-1)?.resume)
  return { talk, ticket }
}

async function resume(t: Stage, { socketUrl }: TestGateway, ticket: string) {
  const talk = await converse(t, `${socketUrl}/realtime?resume=${ticket}`)
  const seen = await talk.until('session.ticket')
  return { talk, seen, ticket: String(seen.at(-1)?.resume) }
}

test('older state is brought forward by migrate.ts, once, before a tool sees it', async t => {
  const { gateways, stored } = await revisions(t, version(1, 'cities'), version(2, 'places', forward))
  const [one, two] = gateways
  const { talk, ticket } = await begin(t, one)
  t.deepEqual((await weather(talk, 'Oslo')).told, { cities: ['Oslo'] })
  talk.socket.close()
  const over = await resume(t, two, ticket)
  t.like(over.seen[0], { type: 'session.resumed', items: 4 })
  t.like(stored()[0]?.tools, { state: { places: ['Oslo', '1 to 2'] }, stateVersion: 2 })
  t.deepEqual((await weather(over.talk, 'Rome')).told, { places: ['Oslo', '1 to 2', 'Rome'] })
  over.talk.socket.close()
  const again = await resume(t, two, over.ticket)
  t.deepEqual((await weather(again.talk, 'Bari')).told, { places: ['Oslo', '1 to 2', 'Rome', 'Bari'] })
  t.false(gateways.some(({ lines }) => lines.some(({ event }) => event === 'conversation.state_refused')))
})

const refused: [
  what: string,
  from: Files,
  to: Files,
  reason: string,
  versions: { from: number; to: number },
  cause?: { error: string },
][] = [
  ['newer state', version(2, 'places'), version(1, 'cities'), 'newer', { from: 2, to: 1 }],
  [
    'older state without a migrate.ts',
    version(1, 'cities'),
    version(2, 'places'),
    'no_migration',
    { from: 1, to: 2 },
  ],
  [
    'older state whose migrate.ts fails',
    version(1, 'cities'),
    version(3, 'places', migrate('{ throw new RangeError(JSON.stringify(state)) }')),
    'migration_failed',
    { from: 1, to: 3 },
    { error: 'RangeError' },
  ],
  [
    'older state of which migrate.ts makes no object',
    version(1, 'cities'),
    version(2, 'places', migrate('state.cities')),
    'migration_failed',
    { from: 1, to: 2 },
    { error: 'migrate.ts returned no object of at most 65536 bytes' },
  ],
  [
    'older state, under a pinned assistant',
    version(1, 'cities'),
    version(2, 'places', {}, 'pinned: true'),
    'no_migration',
    { from: 1, to: 2 },
  ],
]

for (const [what, from, to, reason, versions, cause = {}] of refused)
  test(`${what}: the conversation goes on without it, and the model is told`, async t => {
    const { gateways, stored } = await revisions(t, from, to)
    const [one, two] = gateways
    const { talk, ticket } = await begin(t, one)
    await weather(talk, 'Oslo')
    talk.socket.close()
    const over = await resume(t, two, ticket)
    const line = await two.logged('conversation.state_refused')
    t.like(line.fields, { assistant: 'cafe', reason, ...versions, ...cause })
    const { told, seen } = await weather(over.talk, 'Rome')
    t.deepEqual(Object.values(told as object), [['Rome']], 'nothing of what was stored')
    const items: { id: string; role: string; text: string }[] = stored()[0]?.items
    const notices = items.filter(({ role }) => role === 'system')
    t.is(notices.length, 1)
    t.regex(notices[0]?.text ?? '', new RegExp(`cannot be used any more \\(${reason}\\)`))
    t.notRegex(notices[0]?.text ?? '', /Oslo/)
    t.notRegex(JSON.stringify(two.lines), /Oslo/)
    t.false(JSON.stringify([over.seen, seen]).includes(notices[0]?.id ?? ''), 'the client does not see it')
    over.talk.send({ type: 'conversation.item.retrieve', item_id: notices[0]?.id })
    const retrieved = await over.talk.until('conversation.item.retrieved')
    t.like(retrieved.at(-1), { item: { role: 'system', content: [{ text: notices[0]?.text }] } })
    over.talk.socket.close()
    const again = await resume(t, two, over.ticket)
    t.deepEqual(Object.values((await weather(again.talk, 'Bari')).told as object), [['Rome', 'Bari']])
    t.is(stored()[0]?.items.filter(({ role }: { role: string }) => role === 'system').length, 1)
  })

test('a conversation that has stored nothing needs no migration', async t => {
  const { gateways } = await revisions(t, version(1, 'cities'), version(2, 'places'))
  const [one, two] = gateways
  const { talk, ticket } = await begin(t, one)
  talk.send('hello')
  await talk.until('response.done')
  talk.socket.close()
  const over = await resume(t, two, ticket)
  t.deepEqual((await weather(over.talk, 'Rome')).told, { places: ['Rome'] })
  t.false(two.lines.some(({ event }) => event === 'conversation.state_refused'))
})

test('a tool that still runs under the version before changes nothing of what was brought forward', async t => {
  const gate = join(folderWith(t, {}), 'opened')
  const slow = {
    'cafe/tools/get_weather.ts': tool(
      'cities',
      `const { existsSync } = await import('node:fs')
    if (city === 'Rome') emit('running', {})
    while (city === 'Rome' && !existsSync(${JSON.stringify(gate)})) await new Promise(resolve => setTimeout(resolve, 20))`,
      'timeoutMs: 15_000,',
    ),
  }
  const { gateways, stored } = await revisions(t, version(1, 'cities', slow), version(2, 'places', forward))
  const [one, two] = gateways
  const { talk, ticket } = await begin(t, one)
  await weather(talk, 'Oslo')
  talk.send('weather in Rome')
  await talk.until('assistant.event')
  talk.socket.close()
  const over = await resume(t, two, ticket)
  writeFileSync(gate, '')
  // The run that began before is interrupted, and the tool may run again.
  await over.talk.until('response.done')
  t.deepEqual(stored()[0]?.tools.state, { places: ['Oslo', '1 to 2', 'Rome'] })
  t.is(stored()[0]?.tools.stateVersion, 2)
})
