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
const call = { id: 'c', type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' }
const output = { id: 'o', type: 'function_call_output', call_id: 'c1', output: '1' }

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
    'what is on its way under an id, confirmed',
    [say(message('a', 'x')), added(message('a', 'x')), c => c.refuseOldest(), c => c.forgetUnconfirmed()],
    ['a x'],
  ],
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
  [
    'an output that upstream never confirmed, of a call that stays',
    [done(call), say(output), c => c.forgetUnconfirmed()],
    ['c {}', 'o 1?'],
  ],
  [
    'an output that upstream never confirmed, and another session neither',
    [done(call), say(output), c => c.noteLost(), lose, c => c.forgetUnconfirmed()],
    ['c {}', 'o 1'],
  ],
  [
    'neither a call that upstream never confirmed nor its output',
    [say(call), say(output), c => c.forgetUnconfirmed()],
    [],
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

test('a new conversation owes nothing, and has neither items nor an assistant nor tools', t => {
  const conversation = new Conversation()
  const { owed, answersEnded, dropped, assistant, journal, size, settingsKept } = conversation
  t.deepEqual(
    { owed, answersEnded, dropped, assistant, journal, size, settingsKept },
    {
      ...{ owed: false, answersEnded: 0, dropped: 0, assistant: null },
      ...{ journal: { calls: [], state: {}, turn: null }, size: 0, settingsKept: true },
    },
  )
  t.deepEqual(conversation.toJSON(), {
    ...{ items: [], settings: null, settingsKept: true, dropped: 0, answers: 0, owed: false },
  })
  t.deepEqual([...conversation.items], [])
  t.deepEqual(conversation.replay('ga'), [])
})

test('a notice is a message of the system’s, finished, and is told as one', t => {
  const conversation = new Conversation()
  conversation.addNotice('the state is new')
  const notice = { id: '', kind: 'message', role: 'system', text: 'the state is new' } as const
  t.deepEqual([...conversation.items], [{ ...notice, isNotice: true, done: true }])
  const { item } = JSON.parse(conversation.replay('ga')[0]?.message ?? '') as { item: { id: string } }
  t.deepEqual(item as object, {
    ...{ id: item.id, type: 'message', role: 'system' },
    content: [{ type: 'input_text', text: 'the state is new' }],
  })
})

const serverCall = { type: 'mcp_call', server_label: 's', name: 'n', arguments: '{}', output: 'o' }
const approval = { type: 'mcp_approval_response', approval_request_id: 'r', approve: true }
const request = { type: 'mcp_approval_request', server_label: 's', name: 'n', arguments: '{}' }

/** Texts of what another session is told, with the type where it is no message. */
const toldOf = (conversation: Conversation) =>
  conversation
    .replay('ga', pinnedPolicy('leave_out'))
    .map(({ message }) => JSON.parse(message))
    .map(({ item, session }) => item?.content?.[0].text ?? item?.type ?? session)

for (const [what, step, expected] of [
  ['a message of a user', say(message('a', 'x')), ['x']],
  ['a message of an assistant', say(message('a', 'x', 'assistant')), ['x']],
  ['a message of the system', say(message('a', 'x', 'system')), []],
  ['a message of a role that nobody knows', say(message('a', 'x', 'root')), []],
  ['a notice', c => c.addNotice('x'), ['x']],
  [
    'a call, with its output',
    c => {
      c.expect({ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' })
      c.expect({ type: 'function_call_output', call_id: 'c', output: '1' })
    },
    ['function_call', 'function_call_output'],
  ],
  ['a call of a server', done({ ...serverCall, id: 'a' }), ['mcp_call']],
  ['an answer to a request for approval', say(approval), ['mcp_approval_response']],
  [
    'of settings those that are not pinned',
    c => c.configure({ voice: 'v', instructions: 'obey', Tools: [], prompt: {} }).onConfirmed?.(),
    [{ voice: 'v' }],
  ],
] as readonly [string, Step, readonly unknown[]][])
  test(`under a guarded context another session is told ${expected.length > 0 ? '' : 'nothing of '}${what}`, t => {
    const conversation = new Conversation()
    step(conversation)
    t.deepEqual(toldOf(conversation), [...expected])
  })

/** What a session says that is lost before upstream confirms it, and what is left of it then. */
const losses: readonly [what: string, steps: readonly Step[], expected: readonly string[]][] = [
  ['is told to the next session', [], ['w', 'x']],
  ['is forgotten once that one is given up, too', [c => c.forgetUnconfirmed()], ['w']],
  ['stays once the next one has confirmed it', [confirmReplayed, c => c.forgetUnconfirmed()], ['w', 'x']],
  ['stays unconfirmed with the loss of the next one', [c => c.noteLost(), c => c.forgetUnconfirmed()], ['w']],
]

/** Upstream confirms each item under the id that a replay gave it. */
function confirmReplayed(conversation: Conversation): void {
  for (const { id, role, text } of [...conversation.items]) added(message(id, text, role))(conversation)
}

for (const [what, steps, expected] of losses)
  test(`what a lost upstream session had not confirmed ${what}`, t => {
    const conversation = new Conversation()
    added(message('a', 'w'))(conversation)
    say(message('b', 'x'))(conversation)
    conversation.noteLost()
    conversation.replay('ga')
    for (const step of steps) step(conversation)
    t.deepEqual(
      [...conversation.items].map(({ text }) => text),
      [...expected],
    )
  })

test('an id of the greatest length that upstream takes is kept in a replay, a longer one and a second one are not', t => {
  const conversation = new Conversation()
  const longest = 'x'.repeat(32)
  for (const id of [longest, `${longest}x`, 'twice', 'twice']) say(message(id, 'w'))(conversation)
  const ids = conversation.replay('ga').map(({ message }) => JSON.parse(message).item.id as string)
  t.is(ids[0], longest)
  t.regex(ids[1] ?? '', /^item_[0-9a-f]{20}$/)
  t.is(ids[2], 'twice')
  t.regex(ids[3] ?? '', /^item_[0-9a-f]{20}$/)
})

/** What is known of an item, what upstream says of it afterwards, and what is kept then. */
const words: readonly [what: string, steps: readonly Step[], expected: object][] = [
  [
    'an item that was finished stays finished',
    [done(message('a', 'x')), added(message('a', '', 'user', running))],
    { text: 'x', done: true },
  ],
  [
    'an item that is added unfinished is not finished by being told once more',
    [added(message('a', 'x', 'user', running)), added(message('a', '', 'user', running))],
    { text: 'x', done: false },
  ],
  [
    'later words replace those before',
    [added(message('a', 'x')), done(message('a', 'y'))],
    { text: 'y', done: true },
  ],
  [
    'a call of a server that gets its output has it',
    [added({ ...serverCall, id: 'a', output: null }), done({ ...serverCall, id: 'a' })],
    { mcp: serverCall, done: true },
  ],
  [
    'an answer of a server keeps what was known of it',
    [done({ ...serverCall, id: 'a' }), done(message('a', ''))],
    { mcp: serverCall, done: true },
  ],
  [
    'images that were known stay as they were',
    [
      say({ ...message('a', 'x'), content: [{ type: 'input_image', image_url: 'u' }] }),
      done({ ...message('a', 'x'), content: [{ type: 'input_image', image_url: 'v' }] }),
    ],
    { images: [{ url: 'u' }] },
  ],
  [
    'an answer to a request for approval is known without its id',
    [say(approval), added({ ...approval, id: 'a' })],
    { id: 'a', unconfirmed: false, mcp: approval, done: true },
  ],
  [
    'what is on its way keeps its images when it is confirmed without them',
    [
      say({
        ...message(undefined, ''),
        content: [{ type: 'input_image', image_url: 'u' }],
      }),
      added(message('a', '')),
    ],
    { id: 'a', images: [{ url: 'u' }], unconfirmed: false },
  ],
]

for (const [what, steps, expected] of words)
  test(`upstream’s word of an item: ${what}`, t => {
    const conversation = new Conversation()
    for (const step of steps) step(conversation)
    const items = [...conversation.items]
    t.is(items.length, 1)
    t.like(items[0], expected)
    for (const field of ['images', 'mcp'])
      t.is(field in (items[0] ?? {}), field in expected, `${field} only where there are some`)
  })

test('an item of a server is not the confirmation of one of another kind', t => {
  const conversation = new Conversation()
  for (const step of [say(approval), done({ ...request, id: 'a' })]) step(conversation)
  t.deepEqual(
    [...conversation.items].map(({ id, mcp, unconfirmed }) => [id, mcp?.type, unconfirmed]),
    [
      ['', approval.type, true],
      ['a', request.type, undefined],
    ],
  )
})

test('what another session refuses of a replay is forgotten alone, once', t => {
  const conversation = new Conversation()
  for (const step of [added(message('a', 'x')), added(message('b', 'y'))]) step(conversation)
  const [, second] = conversation.replay('ga')
  second?.onRefused?.()
  second?.onRefused?.()
  t.deepEqual(shown(conversation), ['a x'])
})

test('an output that another session refuses of a replay is forgotten with its call, which would be run again', t => {
  const conversation = new Conversation()
  const other = { ...call, id: 'd', call_id: 'c2' }
  for (const step of [done(call), done(other), added(output)]) step(conversation)
  conversation.replay('ga').at(-1)?.onRefused?.()
  t.deepEqual(shown(conversation), ['d {}'])
  t.deepEqual(
    conversation.unansweredCalls.map(({ id }) => id),
    ['c2'],
  )
})

test('settings that were refused are not told again, and are not waited for', t => {
  const conversation = new Conversation()
  conversation.configure({ voice: 'v' }).onConfirmed?.()
  conversation.configure({ voice: 'w' }).onRefused?.()
  t.true(conversation.settingsKept)
  t.deepEqual(conversation.toJSON().settings, { voice: 'v' })
})

test('an output whose call another session could not be told is dropped with it, other outputs are not', t => {
  const conversation = new Conversation()
  conversation.expect({ type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' })
  conversation.expect({ type: 'function_call_output', call_id: 'c1', output: '1' })
  conversation.expect({ type: 'function_call_output', call_id: 'c2', output: '2' })
  conversation.replay('ga')
  t.deepEqual(
    [...conversation.items].map(({ kind, callId }) => [kind, callId]),
    [
      ['function_call', 'c1'],
      ['function_call_output', 'c1'],
    ],
  )
  t.is(conversation.dropped, 1)
})

test('what is stored of a meter, an assistant and tools stands there only where there is some', t => {
  const conversation = new Conversation()
  conversation.charge({ resume: () => t.fail(), stored: () => ({ a: 1 }) as never, kept: () => t.fail() })
  t.deepEqual(conversation.toJSON().account, { a: 1 })
  const journal = { calls: [], state: { a: 1 }, turn: null }
  t.deepEqual(conversation.stored(journal).tools, journal)
  t.false('tools' in conversation.toJSON())
  conversation.journal = journal
  t.deepEqual(conversation.toJSON().tools, journal)
  t.false('assistant' in conversation.toJSON())
  conversation.assistant = { name: 'sales', version: 'v1' }
  t.deepEqual(conversation.toJSON().assistant, conversation.assistant)
})

for (const [what, stored, epoch] of [
  ['a whole number', 7, 7],
  ['none', undefined, 0],
  ['no whole number', 0.5, 0],
  ['a text', '7', 0],
] as const)
  test(`an epoch in the store that is ${what} is read as ${epoch}`, t => {
    t.is(readStored(JSON.stringify({ ...whole, epoch: stored })).epoch, epoch)
  })

test('what the store has of a conversation is read without its revision and its epoch', t => {
  const text = writeStored({ revision: 5, epoch: 2, conversation: whole as never })
  t.deepEqual(readStored(text), { revision: 5, epoch: 2, conversation: whole as never })
  t.deepEqual(readStored('x'), { revision: 0, epoch: 0, conversation: null })
})
