/** Which of a client's settings are kept: those that upstream confirmed, within a limit. */
import test from 'ava'
import type { Fields } from '../../runtime/events/fields.ts'
import { ConfirmedSettings } from '../../runtime/resume/confirmed-settings.ts'

const maxBytes = 200

type Change = { session: unknown; becomes: 'confirmed' | 'refused' | 'asked' }
const confirmed = (session: unknown): Change => ({ session, becomes: 'confirmed' })
const refused = (session: unknown): Change => ({ session, becomes: 'refused' })
const asked = (session: unknown): Change => ({ session, becomes: 'asked' })

function after(changes: readonly Change[]): ConfirmedSettings {
  const settings = new ConfirmedSettings(maxBytes)
  for (const { session, becomes } of changes) {
    const change = settings.ask(session)
    if (change === null) continue
    if (becomes === 'confirmed') settings.confirm(change)
    if (becomes === 'refused') settings.refuse(change)
  }
  return settings
}

/** Of JSON as long as the limit. */
const atLimit = { a: 'x'.repeat(maxBytes - '{"a":""}'.length) }
const beyond = { a: 'x'.repeat(maxBytes - '{"a":""}'.length + 1) }
/** Two of them fit together as changes, but not as one object with other fields. */
const half = (name: string) => ({ [name]: 'x'.repeat(maxBytes / 2 - '{"a":""}'.length) })

const rows: readonly [
  what: string,
  changes: readonly Change[],
  expected: { fields: Fields | null; isComplete: boolean; isWithinLimits: boolean },
][] = [
  ['none', [], { fields: null, isComplete: true, isWithinLimits: true }],
  ['one', [confirmed({ a: 1 })], { fields: { a: 1 }, isComplete: true, isWithinLimits: true }],
  ['one refused', [refused({ a: 1 })], { fields: null, isComplete: true, isWithinLimits: true }],
  ['one on its way', [asked({ a: 1 })], { fields: null, isComplete: false, isWithinLimits: true }],
  [
    'one over the other',
    [confirmed({ a: 1, b: { c: 1, d: 1 }, list: [1, 2] }), confirmed({ b: { c: 2 }, list: [3] })],
    { fields: { a: 1, b: { c: 2, d: 1 }, list: [3] }, isComplete: true, isWithinLimits: true },
  ],
  [
    'a value over an object, and an object over a value',
    [confirmed({ a: { b: 1 }, c: 1 }), confirmed({ a: null, c: { d: 1 } })],
    { fields: { a: null, c: { d: 1 } }, isComplete: true, isWithinLimits: true },
  ],
  ['no object', [asked('x')], { fields: null, isComplete: false, isWithinLimits: false }],
  ['exactly the limit', [confirmed(atLimit)], { fields: atLimit, isComplete: true, isWithinLimits: true }],
  ['one byte more', [asked(beyond)], { fields: null, isComplete: false, isWithinLimits: false }],
  [
    'exactly the limit by two on their way',
    [asked(half('a')), asked(half('b'))],
    { fields: null, isComplete: false, isWithinLimits: true },
  ],
  [
    'more than the limit by three on their way',
    [asked(half('a')), asked(half('b')), asked({})],
    { fields: null, isComplete: false, isWithinLimits: false },
  ],
  [
    'more than the limit by confirmed ones together: what was before is kept',
    [confirmed(half('a')), confirmed({ ...half('b'), c: 1 })],
    { fields: half('a'), isComplete: false, isWithinLimits: false },
  ],
]

for (const [what, changes, expected] of rows) {
  test(`changes: ${what}`, t => {
    const { fields, isComplete, isWithinLimits } = after(changes)
    t.deepEqual({ fields, isComplete, isWithinLimits }, expected)
  })
}

for (const union of ['turn_detection', 'format', 'tool_choice', 'truncation', 'tracing', 'prompt']) {
  test(`${union} is of one kind or the other: it is replaced whole`, t => {
    const [one, other] = [{ audio: { [union]: { type: 'a', x: 1 } } }, { audio: { [union]: { type: 'b' } } }]
    t.deepEqual(after([confirmed(one), confirmed(other)]).fields, other)
  })
}

test('a change that was lost with its upstream session is told, until the next one is confirmed', t => {
  const settings = after([confirmed({ a: 1 })])
  const change = settings.ask({ a: 2 })
  settings.lose()
  t.false(settings.isComplete)
  if (change === null) return t.fail()
  settings.confirm(change)
  t.deepEqual(settings.fields, { a: 1 }, 'it is not on its way any more')
  const next = settings.ask({ a: 3 })
  if (next === null) return t.fail()
  settings.confirm(next)
  t.deepEqual([settings.fields, settings.isComplete], [{ a: 3 }, true])
})

test('nothing is lost with an upstream session that had confirmed all', t => {
  const settings = after([confirmed({ a: 1 })])
  settings.lose()
  t.true(settings.isComplete)
})

test('what another upstream session refuses is dropped, and told', t => {
  const settings = after([confirmed({ a: 1 })])
  settings.drop()
  t.deepEqual([settings.fields, settings.isComplete, settings.isWithinLimits], [null, false, true])
})

test('settings come back as the store has them', t => {
  for (const isComplete of [true, false]) {
    const settings = new ConfirmedSettings(maxBytes)
    settings.restore({ a: 1 }, isComplete)
    t.deepEqual([settings.fields, settings.isComplete], [{ a: 1 }, isComplete])
  }
})
