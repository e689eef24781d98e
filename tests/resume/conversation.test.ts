/** What a conversation keeps of the messages and events of its session, and tells of it. */
import test from 'ava'
import { Conversation, readStored, writeStored } from '../../runtime/resume/conversation.ts'
import { pinnedPolicy } from '../../runtime/session/session-policy.ts'

type Step = (conversation: Conversation) => unknown

const message = (id: string | undefined, text: string, role = 'user', more: object = {}) => ({
  ...{ type: 'message', role, content: [{ type: 'input_text', text }] },
  ...(id !== undefined && { id }),
  ...more,
})
const note = (conversation: Conversation, type: string, fields: object) =>
  conversation.note(Buffer.from(JSON.stringify({ type, ...fields })), type)
const added =
  (item: object): Step =>
  conversation =>
    note(conversation, 'conversation.item.added', { item })
const done =
  (item: object): Step =>
  conversation =>
    note(conversation, 'conversation.item.done', { item })
const outputDone =
  (item: object): Step =>
  conversation =>
    note(conversation, 'response.output_item.done', { item })
const deleted =
  (item_id: string): Step =>
  conversation =>
    note(conversation, 'conversation.item.deleted', { item_id })
const transcribed =
  (item_id: string, transcript: unknown): Step =>
  conversation =>
    note(conversation, 'conversation.item.input_audio_transcription.completed', { item_id, transcript })
const say =
  (item: object): Step =>
  conversation =>
    conversation.expect(item)
const sayRefused =
  (item: object): Step =>
  conversation =>
    conversation.expect(item).onRefused?.()
const lose: Step = conversation => conversation.replay('ga')

const running = { status: 'in_progress' }

/** Items as `id text`, `…` behind those that are not finished, `?` behind those that upstream has not confirmed. */
const rows: readonly [what: string, steps: readonly Step[], expected: readonly string[]][] = [
  ['an item of upstream’s', [added(message('a', 'x'))], ['a x']],
  [
    'an item by its preview name',
    [c => note(c, 'conversation.item.created', { item: message('a', 'x') })],
    ['a x'],
  ],
  ['an item that is not finished', [added(message('a', '', 'assistant', running))], ['a …']],
  [
    'an item that is',
    [added(message('a', '', 'assistant', running)), done(message('a', 'x', 'assistant'))],
    ['a x'],
  ],
  [
    'an answer that ends without an event of the item',
    [added(message('a', '', 'assistant', running)), outputDone(message('a', 'x', 'assistant'))],
    ['a x'],
  ],
  [
    'an answer that was cut off',
    [
      added(message('a', '', 'assistant', running)),
      done(message('a', 'x', 'assistant', { status: 'incomplete' })),
    ],
    ['a x'],
  ],
  ['an answer out of band', [outputDone(message('a', 'x', 'assistant'))], []],
  ['an item that was never added', [done(message('a', 'x', 'user', running))], ['a x']],
  ['an item told twice', [added(message('a', 'x')), added(message('a', ''))], ['a x']],
  ['items without ids', [added(message(undefined, 'x')), added(message(undefined, 'y'))], [' x', ' y']],
  ['an item of another kind', [added({ type: 'hologram', id: 'a' })], []],
  ['a deleted item', [added(message('a', 'x')), added(message('b', 'y')), deleted('a')], ['b y']],
  ['a transcript', [added(message('a', '')), transcribed('a', 'x')], ['a x']],
  ['a transcript of an unknown item', [transcribed('a', 'x')], []],
  ['a transcript that is no text', [added(message('a', 'x')), transcribed('a', 5)], ['a x']],
  ['what is on its way', [say(message(undefined, 'x'))], [' x?']],
  ['what is on its way, confirmed', [say(message(undefined, 'x')), added(message('a', 'x'))], ['a x']],
  [
    'what is on its way, twice the same, one confirmed',
    [say(message(undefined, 'x')), say(message(undefined, 'x')), added(message('a', 'x'))],
    ['a x', ' x?'],
  ],
  [
    'what is on its way, and another text or role',
    [say(message(undefined, 'x')), added(message('a', 'y')), added(message('b', 'x', 'system'))],
    [' x?', 'a y', 'b x'],
  ],
  ['what is refused', [say(message(undefined, 'w')), sayRefused(message(undefined, 'x'))], [' w?']],
  [
    'what is refused after it was confirmed',
    [
      c => {
        const receipt = c.expect(message(undefined, 'x'))
        added(message('a', 'x'))(c)
        receipt.onRefused?.()
      },
    ],
    ['a x'],
  ],
  [
    'the oldest is refused',
    [
      added(message('a', 'w')),
      say(message(undefined, 'x')),
      say(message(undefined, 'y')),
      c => c.refuseOldest(),
    ],
    ['a w', ' y?'],
  ],
  ['none is refused where none is on its way', [added(message('a', 'w')), c => c.refuseOldest()], ['a w']],
  [
    'what upstream never confirmed is forgotten',
    [added(message('a', 'w')), say(message(undefined, 'x')), c => c.forgetUnconfirmed()],
    ['a w'],
  ],
]

const shown = (conversation: Conversation) =>
  conversation
    .toJSON()
    .items.map(
      ({ id, text, done, unconfirmed }) => `${id} ${text}${done ? '' : '…'}${unconfirmed ? '?' : ''}`,
    )

for (const [what, steps, expected] of rows) {
  test(`keeps: ${what}`, t => {
    const conversation = new Conversation()
    for (const step of steps) step(conversation)
    t.deepEqual(shown(conversation), [...expected])
  })
}

const changes: readonly [what: string, step: Step, isChange: boolean][] = [
  ['an item', added(message('b', 'x')), true],
  ['more of an item', done(message('a', 'x')), true],
  ['a deletion', deleted('a'), true],
  ['a transcript', transcribed('a', 'x'), true],
  ['a transcript of an unknown item', transcribed('b', 'x'), false],
  ['an item of another kind', added({ type: 'hologram', id: 'b' }), false],
  ['an answer out of band', outputDone(message('b', 'x')), false],
  ['an event of something else', c => note(c, 'response.done', { item: message('b', 'x') }), false],
  ['bytes', c => c.note(Buffer.from('x'), null), false],
]

for (const [what, step, isChange] of changes) {
  test(`${what} is ${isChange ? 'a' : 'no'} change`, t => {
    const conversation = new Conversation()
    added(message('a', ''))(conversation)
    t.is(step(conversation), isChange)
  })
}

test('what cannot be told again is not expected, and its answer changes nothing', t => {
  const conversation = new Conversation()
  t.deepEqual(conversation.expect({ type: 'hologram' }), {})
  t.deepEqual(conversation.expect('x'), {})
  t.deepEqual(shown(conversation), [])
})

test('items without words do not count, nor would another session be told of them', t => {
  const conversation = new Conversation()
  for (const step of [added(message('a', '')), added(message('b', 'x'))]) step(conversation)
  t.is(conversation.size, 1)
})

test('another upstream session gets the settings first, then the items under their ids, once confirmed', t => {
  const conversation = new Conversation()
  for (const step of [added(message('a', 'x')), added(message('b', '', 'assistant', running))])
    step(conversation)
  conversation.configure({ voice: 'v' }).onConfirmed?.()
  const messages = conversation.replay('ga')
  t.deepEqual(
    messages.map(({ type }) => type),
    ['session.update', 'conversation.item.create'],
  )
  for (const { message, eventId } of messages) {
    t.is((JSON.parse(message) as { event_id: string }).event_id, eventId)
    t.regex(eventId, /^gateway_/)
  }
  t.deepEqual((JSON.parse(messages[0]?.message ?? '') as { session: object }).session, { voice: 'v' })
  const { item } = JSON.parse(messages[1]?.message ?? '') as { item: { id: string } }
  t.is(item.id, 'a', 'its own id, by which its client deletes it')
  t.is(messages[1]?.eventId, 'gateway_a')
  t.deepEqual(shown(conversation), ['a x'])
})

test('what another session refuses of a replay is not told a third time', t => {
  const conversation = new Conversation()
  for (const step of [added(message('a', 'x')), added(message('b', 'y'))]) step(conversation)
  conversation.configure({ voice: 'v' }).onConfirmed?.()
  const [settings, first] = conversation.replay('ga')
  settings?.onRefused?.()
  first?.onRefused?.()
  t.false(conversation.settingsKept)
  t.deepEqual(
    conversation.replay('ga').map(({ message }) => /"text":"(.)"/.exec(message)?.[1]),
    ['y'],
  )
})

test('upstream’s word of a replayed item is an echo, by either name; of another one it is not', t => {
  const conversation = new Conversation()
  added(message('a', 'x'))(conversation)
  const event = (type: string, id: unknown) =>
    [Buffer.from(JSON.stringify({ type, item: { id } })), type] as const
  t.false(conversation.isEcho(...event('conversation.item.added', 'a')), 'before any replay')
  const [replayed] = conversation.replay('ga')
  const { item } = JSON.parse(replayed?.message ?? '') as { item: { id: string } }
  for (const type of ['conversation.item.added', 'conversation.item.created', 'conversation.item.done'])
    t.true(conversation.isEcho(...event(type, item.id)), type)
  t.false(conversation.isEcho(...event('conversation.item.deleted', item.id)))
  t.false(conversation.isEcho(...event('conversation.item.added', 'a')))
  t.false(conversation.isEcho(...event('conversation.item.added', 5)))
  t.false(conversation.isEcho(Buffer.from('x'), 'conversation.item.added'))
  t.false(conversation.isEcho(event('conversation.item.added', item.id)[0], null))
})

test('settings on their way when upstream is lost are told as not kept', t => {
  const conversation = new Conversation()
  const receipt = conversation.configure({ voice: 'v' })
  t.false(conversation.settingsKept)
  lose(conversation)
  receipt.onConfirmed?.()
  t.false(conversation.settingsKept)
  conversation.configure({ voice: 'w' }).onRefused?.()
  t.deepEqual(conversation.toJSON().settings, null)
})

test('settings that cannot be kept are told', t => {
  const conversation = new Conversation()
  t.true(conversation.settingsFit)
  t.deepEqual(conversation.configure('x'), {})
  t.false(conversation.settingsFit)
  t.false(conversation.settingsKept)
})

test('a conversation comes back as it was written', t => {
  const conversation = new Conversation()
  for (const step of [added(message('a', 'x')), say(message(undefined, 'y'))]) step(conversation)
  conversation.configure({ voice: 'v' }).onConfirmed?.()
  conversation.follow({ isPending: true })
  const text = JSON.stringify(conversation)
  const restored = Conversation.restore(text)
  t.true(restored.owed)
  t.is(JSON.stringify(restored), text)
  const followed = { isPending: true }
  restored.follow(followed)
  followed.isPending = false
  t.false(restored.owed)
})

const item = { id: 'a', kind: 'message', role: 'user', text: 'x', done: true }
const whole = { items: [item], settings: {}, settingsKept: false, dropped: 3, owed: true }

test('what was lost of a conversation is still told when it comes back', t => {
  const { settingsKept, dropped } = Conversation.restore(JSON.stringify(whole))
  t.deepEqual([settingsKept, dropped], [false, 3])
  const earlier = Conversation.restore(JSON.stringify({ items: [], settings: null, owed: false }))
  t.deepEqual([earlier.settingsKept, earlier.dropped], [true, 0])
})

const unreadable: readonly unknown[] = [
  ...['items', 'settings', 'settingsKept', 'dropped', 'owed'].map(field => ({ ...whole, [field]: 'x' })),
  ...['items', 'settings', 'owed'].map(field => ({ ...whole, [field]: undefined })),
  { ...whole, dropped: 1.5 },
  { ...whole, items: [item, { ...item, done: 'yes' }] },
  null,
  [],
]

for (const stored of unreadable)
  test(`${JSON.stringify(stored)} is no conversation`, t => {
    t.throws(() => Conversation.restore(JSON.stringify(stored)), { instanceOf: SyntaxError })
  })

test('a conversation ends with an output until something else is said; a notice is nothing that was said', t => {
  const conversation = new Conversation()
  t.false(conversation.endsWithOutput)
  conversation.expect({ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' })
  t.false(conversation.endsWithOutput)
  conversation.expect({ type: 'function_call_output', call_id: 'c', output: '1' })
  t.true(conversation.endsWithOutput)
  conversation.addNotice('the state is new')
  t.true(conversation.endsWithOutput)
  conversation.expect(message('m', 'x'))
  t.false(conversation.endsWithOutput)
})

test('calls without an output are those that are complete, in the order in which they were made', t => {
  const conversation = new Conversation()
  const call = (id: string) => ({
    type: 'function_call',
    call_id: id,
    name: 'f',
    arguments: `{"of":"${id}"}`,
  })
  for (const id of ['c1', 'c2', 'c3']) conversation.expect(call(id))
  conversation.expect({ type: 'function_call_output', call_id: 'c2', output: '1' })
  conversation.expect(message('m', 'x'))
  added({ ...call('c4'), id: 'item_4', ...running })(conversation)
  t.deepEqual(conversation.unansweredCalls, [
    { id: 'c1', name: 'f', arguments: '{"of":"c1"}' },
    { id: 'c3', name: 'f', arguments: '{"of":"c3"}' },
  ])
})

test("under another version of its assistant the gateway's own notice is told again, and a client's system message is not", t => {
  const conversation = new Conversation()
  conversation.addNotice('the state is new')
  conversation.expect(message('m', 'obey', 'system'))
  conversation.expect(message('n', 'hello'))
  const told = conversation.replay('ga', pinnedPolicy('leave_out')).map(each => String(each.message))
  t.is(told.length, 2)
  t.regex(told[0] ?? '', /the state is new/)
  t.regex(told[1] ?? '', /hello/)
})

test('an image that upstream tells with the second word of an item is kept', t => {
  const conversation = new Conversation()
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AAAA' }
  added(message('a', 'x'))(conversation)
  done({ ...message('a', 'x'), content: [{ type: 'input_text', text: 'x' }, image] })(conversation)
  t.regex(String(conversation.replay('ga')[0]?.message), /base64,AAAA/)
})

const withAll = {
  ...{
    items: [],
    settings: null,
    settingsKept: true,
    dropped: 3,
    answers: 2,
    owed: false,
    account: { a: 1 },
  },
  assistant: { name: 'sales', version: 'v1' },
  tools: { calls: [], state: { a: 1 }, turn: null },
}
const answer = { id: 'a', kind: 'message', role: 'assistant', text: 'x', done: true }

test('what was stored of a conversation is there again', t => {
  const conversation = Conversation.restore(
    writeStored({ revision: 1, epoch: 1, conversation: withAll as never }),
  )
  t.deepEqual([conversation.dropped, conversation.answersEnded, conversation.owed], [3, 2, false])
  t.deepEqual(conversation.assistant as object, withAll.assistant)
  t.deepEqual(conversation.journal as object, withAll.tools)
  const accounts: unknown[] = []
  const lives: number[] = []
  const meter = {
    resume: (account: unknown) => void accounts.push(account),
    stored: () => ({}) as never,
    kept: (ms: number) => void lives.push(ms),
  }
  conversation.charge(meter)
  conversation.charge(meter)
  conversation.noteKept(7)
  t.deepEqual([accounts, lives], [[{ a: 1 }], [7]])
  conversation.noteAnswerEnded()
  t.is(conversation.answersEnded, 3)
  const bare = Conversation.restore('{"items":[],"settings":null,"owed":true}')
  t.deepEqual([bare.dropped, bare.answersEnded, bare.owed, bare.settingsKept], [0, 0, true, true])
  t.is(readStored('{"items":[],"settings":null,"owed":true}').epoch, 0)
  t.is(bare.assistant, null)
})

test('an answer whose last word was stored has ended', t => {
  for (const [last, owed, ended] of [
    [answer, true, 3],
    [{ ...answer, done: false }, true, 2],
    [{ ...answer, role: 'user' }, true, 2],
    [answer, false, 2],
  ] as const) {
    const stored = { ...withAll, items: [last], owed } as never
    const conversation = Conversation.restore(writeStored({ revision: 1, epoch: 1, conversation: stored }))
    t.deepEqual([conversation.answersEnded, conversation.owed], [ended, owed && ended === 2])
  }
})

/** Fields of a stored conversation in a shape that is not read. */
const misshapen: readonly object[] = [
  { items: 7 },
  { items: [7] },
  { settings: 7 },
  { settingsKept: 'yes' },
  { dropped: 0.5 },
  { answers: 'two' },
  { owed: 1 },
  { assistant: 'sales' },
  { assistant: { name: 7, version: 'v1' } },
  { assistant: { name: 'sales', version: 7 } },
  { tools: [] },
]
for (const fields of misshapen)
  test(`a conversation in another shape is not read: ${JSON.stringify(fields)}`, t => {
    const text = JSON.stringify({ revision: 3, epoch: 2, ...withAll, ...fields })
    t.deepEqual(readStored(text), { revision: 3, epoch: 2, conversation: null })
    t.throws(() => Conversation.restore(text), { instanceOf: SyntaxError })
  })
