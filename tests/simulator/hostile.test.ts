import test from 'ava'
import { Clock } from '../../runtime/simulator/clock.ts'
import { Script } from '../../runtime/simulator/model/script.ts'
import { Conversation } from '../../runtime/simulator/session/conversation.ts'
import { Timeline } from '../../runtime/simulator/session/timeline.ts'
import { type Conversation as Client, connect } from './conversation.ts'
import { respond, textOnly, update, userText } from './events.ts'
import { createStage, doors, fast } from './stage.ts'

const stage = createStage(test)

/** Begins a session with settings that may be hostile; what became of them is for the test. */
async function session(settings: object): Promise<Client> {
  const client = await stage.dial()
  await client.next('session.created')
  client.send(update({ ...textOnly, ...settings }))
  return client
}

const tool = (parameters: unknown) => ({ type: 'function', name: 'zap', parameters })

/** An object that cannot be made a text. */
const noText = { toString: 1, valueOf: 1 }

test('names in a schema that are no texts end nothing', async t => {
  const { send, reach, close } = await session({
    tools: [tool({ type: 'object', properties: { x: {} }, required: [noText, 'x'] })],
  })
  await reach('session.updated')
  send(userText('zap'), respond())
  const { response } = await reach('response.done')
  t.is(response.output[0].arguments, '{"x":"zap"}')
  send(userText('hello'), respond({ tool_choice: 'none' }))
  t.is((await reach('response.done')).response.status, 'completed')
  await close()
})

test('names of an MCP server that are no texts end nothing', async t => {
  const { send, reach, close } = await session({
    tools: [
      { type: 'mcp', server_label: 'docs', server_url: 'https://docs.example', allowed_tools: [noText] },
    ],
  })
  await reach('mcp_list_tools.completed')
  send(userText('hello'), respond())
  t.is((await reach('response.done')).response.status, 'completed')
  await close()
})

test('what is nested deeper than 64 levels is refused before it is read', async t => {
  const { socket, send, reach, close } = await session({})
  await reach('session.updated')
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const withTool = (levels: number) =>
    `{"type":"session.update","event_id":"deep","session":{"type":"realtime","tools":[{"type":"function","name":"zap","parameters":${nested(levels)}}]}}`
  socket.send(withTool(60))
  t.truthy(await reach('session.updated'))
  for (const text of [withTool(61), withTool(20_000), nested(1_000_000)]) {
    socket.send(text)
    t.like((await reach('error')).error, { code: 'invalid_json', param: null })
  }
  // Brackets in a text are no levels.
  send(userText(`repeat after me: ${'['.repeat(200)}`), respond())
  t.is((await reach('response.done')).response.output[0].content[0].text, '['.repeat(200))
  await close()
})

test('a key with a session that is nested too deep is not minted', async t => {
  const { url } = await stage.simulator()
  const parameters = `${'['.repeat(80)}${']'.repeat(80)}`
  const answer = await fetch(`${url}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test' },
    body: `{"session":{"type":"realtime","tools":[{"type":"function","name":"zap","parameters":${parameters}}]}}`,
  })
  t.is(answer.status, 400)
  t.like(await answer.json(), { error: { code: 'invalid_json' } })
})

test('a mistake of the simulator ends one response, and the session goes on', async t => {
  class Failing extends Script {
    override next(): never {
      throw new Error('a mistake')
    }
  }
  const { url } = await stage.simulator({ ...fast, script: new Failing([]) })
  const { send, reach, next, close } = await connect(url + doors.openai)
  await next('session.created')
  for (const _ of [1, 2]) {
    send(userText('hello'), respond())
    const { response } = await reach('response.done')
    t.is(response.status, 'failed')
    t.deepEqual(response.status_details, {
      type: 'failed',
      error: { type: 'server_error', code: 'server_error' },
    })
  }
  await close()
})

test('what an action of a session throws ends that action alone', async t => {
  const clock = new Clock()
  const problems: unknown[] = []
  const timeline = new Timeline(clock, problem => problems.push(problem))
  await new Promise<void>(resolve => {
    timeline.after(0, () => {
      throw 'a mistake'
    })
    timeline.after(1, resolve)
  })
  t.deepEqual(problems, ['a mistake'])
  clock.stop()
})

const writes = tool({ type: 'object', properties: { note: { type: 'string' } }, required: ['note'] })
const manyValues = tool({
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: 20_000 }, (_, index) => [`p${index}`, { enum: [`v${index}`] }]),
  ),
})

const slow: [what: string, settings: object, text: string][] = [
  ['quotes that nothing closes', { tools: [writes] }, `zap ${'“'.repeat(300_000)}`],
  ['a fence that nothing closes', { instructions: `\`\`\`${'\n'.repeat(300_000)}` }, 'hello'],
  ['many words for many listed values', { tools: [manyValues] }, `zap ${'word '.repeat(50_000)}`],
]
for (const [what, settings, text] of slow) {
  test(`the model reads ${what} in no time`, async t => {
    const { send, reach, close } = await session(settings)
    await reach('session.updated')
    send(userText(text), respond({ max_output_tokens: 5 }))
    t.truthy(await reach('response.done'))
    await close()
  })
}

test('no piece of a text cuts a character in two', async t => {
  const { send, until, close } = await session({ tools: [writes] })
  send(userText(`zap a${'😀'.repeat(20)}`), respond())
  const events = await until('response.done')
  const pieces = events.filter(({ type }) => type.endsWith('.delta')).map(({ delta }) => delta)
  t.is(pieces.join(''), JSON.stringify({ note: `zap a${'😀'.repeat(20)}` }))
  t.true(pieces.every(piece => Buffer.from(piece).toString() === piece))
  await close()
})

test('a conversation is kept up to a limit: the oldest items go first', t => {
  const conversation = new Conversation()
  const text = 'x'.repeat(10_000_000)
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
    const content = [{ type: 'input_image', image_url: text }]
    conversation.insert({ item: { id, type: 'message', role: 'user', content }, memory: null })
  }
  t.deepEqual(
    conversation.entries().map(({ item }) => item.id),
    ['b', 'c', 'd', 'e', 'f', 'g'],
  )
  conversation.remove('d')
  conversation.insert({
    item: { id: 'h', type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    memory: null,
  })
  t.deepEqual(
    conversation.entries().map(({ item }) => item.id),
    ['b', 'c', 'e', 'f', 'g', 'h'],
  )
})
