/** The settings of telephone calls that are taken; those that are not stand with the settings of access. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ConfigError, readConfig } from '../../runtime/config/config.ts'

const runtime = fileURLToPath(new URL('../../runtime', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'calls-'))
test.after.always(() => rmSync(folder, { recursive: true }))

/** @returns the file's path as a setting names it */
function sessionFile(name: string, session: unknown): string {
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify(session))
  return relative(runtime, file)
}

test('without settings no call is taken and nobody controls any', t => {
  const { rules, ...rest } = readConfig({}).calls
  t.deepEqual(rest, { controllers: new Set(), webhookKeys: [] })
  t.deepEqual(
    rules.map(({ policy }) => policy),
    [{ kind: 'reject', status: 603 }],
  )
  t.true(rules[0]?.matches('+15550199'))
})

test('a session of calls is that of /chat unless a file has another', t => {
  const env = { OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1', CALLS_POLICY: 'accept' }
  const plain = readConfig({ ...env, CHAT_INSTRUCTIONS: 'Be brief', REALTIME_VOICE: 'marin' }).calls.rules[0]
    ?.policy
  t.deepEqual(plain, {
    kind: 'accept',
    session: {
      type: 'realtime',
      model: 'gpt-realtime-2.1',
      instructions: 'Be brief',
      audio: { output: { voice: 'marin' } },
    },
    greeting: null,
  })
  const tools = [{ type: 'function', name: 'transfer', parameters: {} }]
  const CALLS_SESSION_PATH = sessionFile('own.json', { instructions: 'Desk', tools })
  t.deepEqual(readConfig({ ...env, CALLS_SESSION_PATH, CALLS_GREETING: 'Greet' }).calls.rules[0]?.policy, {
    kind: 'accept',
    session: { type: 'realtime', model: 'gpt-realtime-2.1', instructions: 'Desk', tools },
    greeting: 'Greet',
  })
})

test('the model of a session file is one that is configured, or an alias of one', t => {
  const env = {
    OPENAI_API_KEY: 'sk',
    OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1',
    MODEL_ALIASES: 'phone:gpt-realtime-2.1',
    CALLS_POLICY: 'accept',
  }
  const alias = sessionFile('alias.json', { type: 'realtime', model: 'phone' })
  const [rule] = readConfig({ ...env, CALLS_SESSION_PATH: alias }).calls.rules
  t.like(rule?.policy, { session: { model: 'gpt-realtime-2.1' } })
  const foreign = sessionFile('foreign.json', { model: 'gpt-99' })
  const fault = t.throws(() => readConfig({ ...env, CALLS_SESSION_PATH: foreign }), {
    instanceOf: ConfigError,
  })
  t.regex(fault.message, /CALLS_SESSION_PATH: .*"gpt-99" is not configured here/)
})

test('the transcription model of a session file is one that clients may name, in either shape', t => {
  const env = {
    OPENAI_API_KEY: 'sk',
    OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1',
    TRANSCRIPTION_MODELS: 'gpt-4o-mini-transcribe',
    CALLS_POLICY: 'accept',
  }
  const shapes = (model: unknown) => [
    { audio: { input: { transcription: { model } } } },
    { input_audio_transcription: { model } },
  ]
  for (const session of shapes('gpt-4o-mini-transcribe')) {
    const CALLS_SESSION_PATH = sessionFile('permitted.json', session)
    t.like(readConfig({ ...env, CALLS_SESSION_PATH }).calls.rules[0]?.policy, { session })
  }
  const fields = ['audio.input.transcription.model', 'input_audio_transcription.model']
  for (const [index, session] of shapes('another-deployment').entries()) {
    const CALLS_SESSION_PATH = sessionFile('foreign-transcriber.json', session)
    const fault = t.throws(() => readConfig({ ...env, CALLS_SESSION_PATH }), { instanceOf: ConfigError })
    t.true(fault.message.includes(`"${fields[index]}"`), fault.message)
    t.regex(fault.message, /CALLS_SESSION_PATH: .*"another-deployment" is not among the TRANSCRIPTION_MODELS/)
  }
  const CALLS_SESSION_PATH = sessionFile('malformed.json', shapes(7)[0])
  t.throws(() => readConfig({ ...env, CALLS_SESSION_PATH }), {
    message: /"model": must be the name of a model/,
  })
})

test('a transcription model that its vendor has retired is refused at the start', t => {
  const session = { audio: { input: { transcription: { model: 'whisper-1' } } } }
  const CALLS_SESSION_PATH = sessionFile('retired.json', session)
  const env = { OPENAI_API_KEY: 'sk', CALLS_POLICY: 'accept', CALLS_SESSION_PATH }
  t.like(readConfig(env, new Date(2026, 0, 1)).calls.rules[0]?.policy, { session })
  t.throws(() => readConfig(env, new Date(2036, 0, 1)), { message: /"whisper-1" is not among/ })
})

test('controllers are callers that GATEWAY_AUTH lets in', t => {
  const tenant = '11111111-2222-4333-8444-555555555555'
  const object = '66666666-7777-4888-9999-000000000000'
  const { controllers } = readConfig({
    GATEWAY_AUTH: 'key,entra',
    GATEWAY_API_KEYS: 'desk:12345678',
    ENTRA_TENANT_ID: tenant,
    ENTRA_AUDIENCE: 'api://gateway',
    CALLS_CONTROL: `key:desk, entra:${tenant}/${object}`,
  }).calls
  t.deepEqual([...controllers], ['key:desk', `entra:${tenant}/${object}`])
  t.true(readConfig({ CALLS_CONTROL: 'anonymous' }).calls.controllers.has('anonymous'))
})

test('calls are told apart by the number that was dialled, or by a header; the first rule that fits counts', t => {
  const CALLS_POLICY = '+15550199=assistant:cafe, X-Tenant:acme*=assistant:bar,+1555*=accept,*=reject:486'
  const { rules } = readConfig({ CALLS_POLICY, CALLS_GREETING: 'Greet' }).calls
  t.deepEqual(
    rules.map(({ header, policy }) => [header, policy.kind]),
    [
      [null, 'assistant'],
      ['x-tenant', 'assistant'],
      [null, 'accept'],
      [null, 'reject'],
    ],
  )
  const [cafe, bar, accepted, rest] = rules
  t.true(cafe?.matches('+15550199'))
  t.false(cafe?.matches('+155501990'))
  t.true(bar?.matches('acme-north'))
  t.true(accepted?.matches('+15550100'))
  t.deepEqual(rest?.policy, { kind: 'reject', status: 486 })
  t.like(accepted?.policy, { greeting: 'Greet' })
  t.deepEqual(readConfig({ CALLS_POLICY: 'assistant:cafe' }).calls.rules[0]?.policy, {
    kind: 'assistant',
    name: 'cafe',
  })
})

for (const CALLS_POLICY of [
  '+1=answer',
  '=accept',
  '+1=',
  '+1=reject:200',
  'assistant:',
  'X Y:*=accept',
  '+1=accept,reject',
]) {
  test(`CALLS_POLICY ${CALLS_POLICY} stops the start by its name`, t => {
    t.regex(
      t.throws(() => readConfig({ CALLS_POLICY }), { instanceOf: ConfigError }).message,
      /CALLS_POLICY: /,
    )
  })
}
