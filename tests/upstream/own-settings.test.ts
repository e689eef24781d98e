/** Which of upstream's errors refuse the settings that the gateway itself sent. */
import test from 'ava'
import { settingsEventId } from '../../runtime/dialect/dialect.ts'
import { OwnSettings } from '../../runtime/upstream/own-settings.ts'

const error = (fields: object) => ({ type: 'error', error: { code: 'invalid_value', ...fields } })
const nameless = error({ param: 'input' })
const ofSession = error({ param: 'session.voice' })

/** What was sent, what upstream says, and whether its last event refuses the settings. */
const rows: readonly (readonly [
  what: string,
  sent: 'first' | 'later' | 'none',
  events: readonly { readonly type: string }[],
  isRefused: boolean,
])[] = [
  ['an error that names them', 'later', [error({ event_id: settingsEventId })], true],
  ['an error that names another event', 'first', [error({ event_id: 'event_1', param: 'session' })], false],
  ['a nameless error, though none were sent', 'none', [ofSession], false],
  ['a nameless error that comes first', 'first', [nameless], true],
  ...['session.created', 'conversation.created', 'transcription_session.created'].map(
    type => [`a nameless error behind ${type}`, 'first', [{ type }, nameless], true] as const,
  ),
  ['a nameless error behind another event', 'first', [{ type: 'response.created' }, nameless], false],
  [
    'an error about the session behind another event',
    'first',
    [{ type: 'response.created' }, ofSession],
    true,
  ],
  ['an error about the session, with settings sent later', 'later', [ofSession], true],
  ['an error about something else, with settings sent later', 'later', [nameless], false],
  ['an error about a field that begins alike', 'later', [error({ param: 'sessions' })], false],
  ['an error after upstream has confirmed them', 'first', [{ type: 'session.updated' }, ofSession], false],
  ['an error that says nothing', 'later', [{ type: 'error' }], false],
  ['no error', 'first', [{ type: 'session.created' }], false],
]

for (const [what, sent, events, isRefused] of rows) {
  test(`${what} ${isRefused ? 'refuses' : 'does not refuse'} the gateway's settings`, t => {
    const settings = new OwnSettings()
    if (sent !== 'none') settings.sent(sent === 'first')
    const refusals = events.map(event => settings.refusal(Buffer.from(JSON.stringify(event)), event.type))
    t.is(refusals.at(-1)?.code ?? null, isRefused ? 'settings_refused' : null)
    t.true(refusals.slice(0, -1).every(refusal => refusal === null))
    if (isRefused) t.regex(refusals.at(-1)?.message ?? '', /invalid_value/)
  })
}

test('a refusal without a code says so', t => {
  const settings = new OwnSettings()
  settings.sent(true)
  const refusal = settings.refusal(Buffer.from('{"type":"error","error":{}}'), 'error')
  t.regex(refusal?.message ?? '', /\(no code given\)/)
})

for (const text of ['{', '[]', '{"type":"error","error":7}']) {
  test(`an error that cannot be read counts as one that names nothing: ${text}`, t => {
    const settings = new OwnSettings()
    settings.sent(true)
    t.is(settings.refusal(Buffer.from(text), 'error')?.code, 'settings_refused')
    settings.sent(false)
    t.is(settings.refusal(Buffer.from(text), 'error'), null)
  })
}

test('what has no type confirms nothing, and is no other word of upstream either', t => {
  const settings = new OwnSettings()
  settings.sent(true)
  t.is(settings.refusal(Buffer.from('{}'), null), null)
  t.is(settings.refusal(Buffer.from(JSON.stringify(nameless)), 'error')?.code, 'settings_refused')
})
