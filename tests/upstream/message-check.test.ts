/** What becomes of a client's message: it goes on, is refused by the name of a field, or is cut. */
import test from 'ava'
import type { ErrorCode } from '../../runtime/core/errors.ts'
import { pinnedPolicy } from '../../runtime/session/session-policy.ts'
import { MessageCheck, type MessageRules } from '../../runtime/upstream/message-check.ts'
import { someRules } from './some-rules.ts'

const pinned: MessageRules = { ...someRules, policy: pinnedPolicy('refuse') }

function judge(rules: MessageRules, text: string, type: string | null) {
  return new MessageCheck(rules).judge(Buffer.from(text), type)
}

const append = 'input_audio_buffer.append'

/** Messages that are passed on as they are, whoever is pinned. */
const passing: readonly (readonly [what: string, text: string, type: string | null])[] = [
  ['sound', `{"type":"${append}","audio":"AAAA"}`, append],
  ['sound with an id', `{"type":"${append}","audio":"AAAA","event_id":"e"}`, append],
  ['sound written with spaces', `{ "type": "${append}", "audio": "AAAA" }`, append],
  ['sound whose end is missing', `{"type":"${append}","audio":"AAAA`, append],
  ['what has no type', '{"session":{"model":"other"}}', null],
  ['another type that names a model', '{"type":"unknown","session":{"model":"other"}}', 'unknown'],
  ['a session without a model', '{"type":"session.update","session":{"voice":"a"}}', 'session.update'],
  ['no session', '{"type":"session.update"}', 'session.update'],
  ['a session that is none', '{"type":"session.update","session":"other"}', 'session.update'],
  ['a permitted model', '{"type":"session.update","session":{"model":"gpt-realtime"}}', 'session.update'],
  ['a response', '{"type":"response.create","response":{"model":"other"}}', 'response.create'],
]

for (const [what, text, type] of passing) {
  test(`${what} goes on`, t => {
    for (const rules of [someRules, pinned]) t.deepEqual(judge(rules, text, type), { kind: 'passed' })
  })
}

interface Refused {
  readonly rules?: MessageRules
  readonly text: string
  readonly type: string | null
  readonly code: ErrorCode
  readonly words: RegExp
  readonly param?: string | null
  readonly eventId?: string | null
}

const update = (rest: string) => `{"type":"session.update","event_id":"e1",${rest}}`
const type = 'session.update'

const refusals: Readonly<Record<string, Refused>> = {
  'a second type behind sound': {
    ...{ text: `{"type":"${append}","audio":"AAAA","type":"session.update"}`, type: append },
    ...{ code: 'bad_request', words: /^"type" stands in the message more than once/, param: 'type' },
  },
  'a second type in sound without a quote of its own': {
    ...{ text: `{"type":"${append}","audio":"AAAA","type":"x"}`, type: append },
    ...{ code: 'bad_request', words: /^"type" stands/, param: 'type' },
  },
  'a second type of a message without one that is read': {
    ...{ text: '{"type":1,"type":"session.update"}', type: null },
    ...{ code: 'bad_request', words: /^"type" stands/, param: 'type' },
  },
  'what is no JSON': {
    ...{ text: '{"type":"session.update","event_id":"e1",', type },
    ...{ code: 'bad_request', words: /^The session\.update cannot be read: it is not JSON/ },
  },
  'two members of one name': {
    ...{ text: update('"session":{"a":1,"a":2}'), type, eventId: 'e1' },
    ...{ code: 'bad_request', words: /^The session\.update has an object with two members of one name/ },
  },
  'two members of one name, without an id': {
    ...{ text: '{"type":"session.update","event_id":"","session":{"a":1,"a":2}}', type },
    ...{ code: 'bad_request', words: /two members of one name/ },
  },
  'a forbidden model': {
    ...{ text: update('"session":{"model":"other"}'), type, eventId: 'e1', param: 'session.model' },
    ...{ code: 'model_not_configured', words: /"other"/ },
  },
  'a forbidden model of a transcription session': {
    text: '{"type":"transcription_session.update","session":{"input_audio_transcription":{"model":"other"}}}',
    ...{ type: 'transcription_session.update', param: 'session.input_audio_transcription.model' },
    ...{ code: 'model_not_configured', words: /"other"/ },
  },
  'a pinned field': {
    ...{ rules: pinned, text: update('"session":{"instructions":"Mine"}'), type, eventId: 'e1' },
    ...{ code: 'forbidden', words: /^"session\.instructions" is set by this gateway/ },
    param: 'session.instructions',
  },
  'the model before a pinned field': {
    ...{ rules: pinned, text: update('"session":{"tools":[],"model":"other"}'), type, eventId: 'e1' },
    ...{ code: 'model_not_configured', words: /"other"/, param: 'session.model' },
  },
  'a role that is pinned': {
    ...{ rules: pinned, text: '{"type":"conversation.item.create","item":{"role":"system"}}' },
    ...{ type: 'conversation.item.create', param: 'item.role' },
    ...{ code: 'forbidden', words: /^"item\.role" may be "user" or "assistant" here/ },
  },
}

for (const [
  what,
  { rules = someRules, text, type, code, words, param = null, eventId = null },
] of Object.entries(refusals)) {
  test(`${what} is refused with ${code}`, t => {
    const judged = judge(rules, text, type)
    if (judged.kind !== 'refused') return t.fail(`it is ${judged.kind}`)
    t.is(judged.error.code, code)
    t.regex(judged.error.message, words)
    t.is(judged.param, param)
    t.is(judged.eventId, eventId)
  })
}

test('the model that upstream has named may be repeated, and no other', t => {
  const check = new MessageCheck(someRules)
  const named = (model: string) =>
    check.judge(Buffer.from(update(`"session":{"model":"${model}"}`)), type).kind
  t.is(named('gpt-2025'), 'refused')
  check.noteCreated(Buffer.from('{"type":"session.created","model":"other","session":{"model":"gpt-2025"}}'))
  t.is(named('gpt-2025'), 'passed')
  t.is(named('other'), 'refused')
  check.noteCreated(Buffer.from('{"type":"session.created","session":{}}'))
  t.is(named('gpt-2025'), 'refused')
})
