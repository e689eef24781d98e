/** Items that another upstream session is told of: under the ids that the client knows, with their images and servers. */
import test from 'ava'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { conversationLimits } from '../../runtime/resume/conversation-limits.ts'
import { maxImageChars } from '../../runtime/resume/transcript-item.ts'
import { converse } from '../gateway/converse.ts'
import { stageOf } from '../gateway/file-stage.ts'
import { type FakeSession, fakeUpstream, gatewayFor } from '../gateway/start.ts'

type Item = { id: string; type: string; content?: object[]; [field: string]: unknown }

const url = (chars: number) => `data:image/png;base64,${'A'.repeat(chars)}`
const image = (chars = 100) => ({ type: 'input_image', image_url: url(chars), detail: 'low' })
const words = (text: string) => ({ type: 'input_text', text })
const message = (id: string, ...content: object[]) => ({ id, type: 'message', role: 'user', content })
const lost = words('(an image, which was too large to be kept)')

function note(conversation: Conversation, type: string, item: object): void {
  conversation.note(Buffer.from(JSON.stringify({ type, item })), type)
}

function added(...items: readonly object[]): Conversation {
  const conversation = new Conversation()
  for (const item of items) note(conversation, 'conversation.item.done', item)
  return conversation
}

function replayed(conversation: Conversation, dialect: 'ga' | 'preview' = 'ga'): Item[] {
  return conversation.replay(dialect).map(({ message }) => (JSON.parse(message) as { item: Item }).item)
}

/** As another replica has it. */
function stored(conversation: Conversation): Conversation {
  return Conversation.restore(JSON.stringify(conversation))
}

test("items keep the client's own ids, and upstream's", t => {
  const conversation = added(message('mine', words('a')), message('item_AbCdEfGhIjKlMnOpQrStU', words('b')))
  for (const each of [conversation, stored(conversation), conversation])
    t.deepEqual(
      replayed(each).map(({ id }) => id),
      ['mine', 'item_AbCdEfGhIjKlMnOpQrStU'],
    )
})

test('an item without an id, with one that upstream would refuse, or with the id of another, is given one', t => {
  const conversation = added(message('x'.repeat(33), words('a')), message('mine', words('b')))
  conversation.expect({ ...message('', words('c')), id: undefined })
  conversation.expect(message('mine', words('d')))
  const ids = replayed(conversation).map(({ id }) => id)
  t.is(new Set(ids).size, 4)
  for (const id of ids) t.regex(id, /^(mine|item_[0-9a-f]{20})$/)
})

test('an echo is known once: an item that is deleted and made again under its id is news', t => {
  const conversation = added(message('mine', words('a')))
  conversation.replay('ga')
  const isEcho = (type: string) => {
    const frame = Buffer.from(JSON.stringify({ type, item: message('mine', words('a')) }))
    return conversation.isEcho(frame, type)
  }
  t.true(isEcho('conversation.item.added'))
  t.true(isEcho('conversation.item.done'))
  t.false(isEcho('conversation.item.added'))
  conversation.replay('preview')
  t.true(isEcho('conversation.item.created'))
  const deleted = JSON.stringify({ type: 'conversation.item.deleted', item_id: 'mine' })
  conversation.note(Buffer.from(deleted), 'conversation.item.deleted')
  t.false(isEcho('conversation.item.created'))
})

for (const content of [
  [image()],
  [image(), words('what is it')],
  [words('what is it'), image(), image(50)],
]) {
  test(`a message of ${content.map(({ type }) => type).join()} is told as it was`, t => {
    const conversation = added(message('i1', ...content))
    t.is(conversation.size, 1)
    for (const each of [conversation, stored(conversation)]) t.deepEqual(replayed(each)[0]?.content, content)
  })
}

test('an image that upstream does not repeat is kept as the client sent it', t => {
  const conversation = new Conversation()
  conversation.expect(message('i1', image(), words('what is it')))
  const { image_url: _left, ...bare } = image()
  note(conversation, 'conversation.item.added', message('i1', bare, words('what is it')))
  t.deepEqual(replayed(conversation)[0]?.content, [image(), words('what is it')])
})

test('an image that is too large is told as a note; the words beside it stay', t => {
  const conversation = added(message('i1', words('what is it'), image(maxImageChars)))
  for (const each of [conversation, stored(conversation)])
    t.deepEqual(replayed(each)[0]?.content, [words('what is it'), lost])
})

test('images are forgotten before words are, and what is kept stays within its limit', t => {
  const conversation = added(
    message('i0', words('at first')),
    ...Array.from({ length: 8 }, (_, at) => message(`i${at + 1}`, words(`see ${at}`), image(100_000))),
  )
  t.true(Buffer.byteLength(JSON.stringify(conversation)) <= conversationLimits.items + 1024)
  const items = replayed(conversation)
  t.is(items.length, 9)
  t.is(conversation.dropped, 0)
  t.deepEqual(items[1]?.content, [words('see 0'), lost])
  t.deepEqual(items[8]?.content, [words('see 7'), image(100_000)])
})

test('a preview upstream, which takes no images, is told that there was one', t => {
  t.deepEqual(replayed(added(message('i1', image())), 'preview')[0]?.content, [lost])
})

const request = { type: 'mcp_approval_request', server_label: 'books', name: 'find', arguments: '{"a":1}' }
const response = { type: 'mcp_approval_response', approval_request_id: 'm1', approve: true }
const call = { type: 'mcp_call', server_label: 'books', name: 'find', arguments: '{"a":1}' }

test('requests for approval, their answers and calls of servers are told with their results; lists are not', t => {
  const conversation = new Conversation()
  note(conversation, 'conversation.item.done', { id: 'm0', type: 'mcp_list_tools', server_label: 'books' })
  note(conversation, 'conversation.item.done', { ...request, id: 'm1' })
  conversation.expect(response)
  note(conversation, 'conversation.item.added', { ...response, id: 'm2' })
  note(conversation, 'conversation.item.added', { ...call, id: 'm3', output: null, error: null })
  note(conversation, 'response.output_item.done', { ...call, id: 'm3', output: 'a book' })
  const error = { type: 'http_error', code: 500, message: 'no' }
  note(conversation, 'conversation.item.done', { ...call, id: 'm4', error, approval_request_id: 'm1' })
  t.is(conversation.size, 4)
  for (const each of [conversation, stored(conversation)])
    t.deepEqual(replayed(each), [
      { id: 'm1', ...request },
      { id: 'm2', ...response },
      { id: 'm3', ...call, output: 'a book' },
      { id: 'm4', ...call, error, approval_request_id: 'm1' },
    ])
  t.deepEqual(replayed(conversation, 'preview'), [])
})

test('a call of a server that was cut off in the middle is not told', t => {
  const conversation = new Conversation()
  note(conversation, 'conversation.item.added', { ...call, id: 'm3', output: null })
  t.deepEqual(replayed(conversation), [])
})

for (const broken of [
  { images: 'none' },
  { images: [null] },
  { images: [{ url: 1 }] },
  { images: [{ url: null, detail: 1 }] },
  { mcp: [] },
]) {
  test(`a conversation with ${JSON.stringify(broken)} in the store is unreadable`, t => {
    const item = { id: 'i1', kind: 'message', role: 'user', text: '', done: true, ...broken }
    t.throws(() => Conversation.restore(JSON.stringify({ items: [item], settings: null, owed: false })), {
      instanceOf: SyntaxError,
    })
  })
}

const { next: upstreams, gateway } = startRenewed()

function startRenewed() {
  const stage = stageOf(test)
  const upstream = fakeUpstream(stage)
  return {
    next: async () => (await upstream).session(),
    gateway: upstream.then(({ env }) =>
      gatewayFor(stage, {
        ...env,
        ...{ REALTIME_ALLOWED_EVENT_TYPES: '*', REALTIME_AUTO_CLOSE: 'false' },
      }),
    ),
  }
}

/** The next message of a type that reached upstream. */
async function heard(session: FakeSession, type: string): Promise<{ item: Item; item_id: string }> {
  for (;;) {
    const message = JSON.parse((await session.next()).text)
    if (message.type === type) return message
  }
}

test('a renewed session knows an image by the id of the client, which can delete it there', async t => {
  const talk = await converse(t, `${(await gateway).socketUrl}/realtime`)
  const first = await upstreams()
  await talk.until('session.created')
  talk.send({ type: 'conversation.item.create', item: message('photo', image(), words('keep it')) })
  const { item } = await heard(first, 'conversation.item.create')
  for (const word of ['added', 'done']) first.send({ type: `conversation.item.${word}`, item })
  await talk.until('conversation.item.done')
  first.socket.close(1001)
  const second = await upstreams()
  const told = (await heard(second, 'conversation.item.create')).item
  t.deepEqual(told, { ...message('photo', image(), words('keep it')) } as Item)
  for (const word of ['added', 'done']) second.send({ type: `conversation.item.${word}`, item: told })
  talk.send({ type: 'conversation.item.delete', item_id: 'photo' })
  t.is((await heard(second, 'conversation.item.delete')).item_id, 'photo')
  second.send({ type: 'conversation.item.deleted', item_id: 'photo' })
  const seen = (await talk.until('conversation.item.deleted')).map(({ type }) => type)
  t.deepEqual(seen, ['session.renewed', 'conversation.item.deleted'])
})
