/** Which deployment a client's model name leads to, by the settings. */
import test from 'ava'
import { ConfigError, readConfig } from '../../runtime/config/config.ts'
import type { GatewayError } from '../../runtime/core/errors.ts'
import { namesAtOpenai } from '../../runtime/models/models.ts'
import { chooseModel } from '../../runtime/upstream/model-choice.ts'

const azure = {
  AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/',
  AZURE_OPENAI_API_KEY: 'k',
  AZURE_OPENAI_DEPLOYMENT_NAME: 'voice,small',
}

function choose(asked: string | null, env: Record<string, string> = azure) {
  return chooseModel(readConfig(env).models.choice, asked)
}

const aliases = 'gpt-4o-mini-realtime-preview*:small, gpt-*-realtime-*:voice,old?:small'
const rows: [asked: string | null, deployment: string, alias: string | null][] = [
  [null, 'voice', null],
  ['small', 'small', null],
  ['gpt-4o-realtime-preview-2024-12-17', 'voice', 'gpt-4o-realtime-preview-2024-12-17'],
  ['gpt-4o-mini-realtime-preview', 'small', 'gpt-4o-mini-realtime-preview'],
  ['old1', 'small', 'old1'],
]

for (const [asked, deployment, alias] of rows) {
  test(`${asked} is served by ${deployment}, ${alias === null ? 'by its own name' : 'by an alias'}`, t => {
    t.deepEqual(choose(asked, { ...azure, MODEL_ALIASES: aliases }), { deployment, alias })
  })
}

test('a name that is configured stands for itself, whatever the aliases match', t => {
  t.deepEqual(choose('small', { ...azure, MODEL_ALIASES: '*:voice' }), { deployment: 'small', alias: null })
})

test('a name that leads nowhere is refused with those that do', t => {
  const refused = t.throws(() => choose('gpt-99', { ...azure, MODEL_ALIASES: aliases })) as GatewayError
  t.is(refused.code, 'model_not_configured')
  t.is(refused.message, 'The model "gpt-99" is not configured here; use "voice", "small"')
  t.is((t.throws(() => choose('x'.repeat(5000))) as GatewayError).message.length < 200, true)
})

test('before the embedded simulator every speech model that it knows may be asked for; before a vendor, none else', t => {
  for (const name of namesAtOpenai('speech')) {
    t.deepEqual(choose(name, {}), { deployment: name, alias: null })
    t.deepEqual(choose(name, { OPENAI_REALTIME_MODEL: 'mine' }), { deployment: name, alias: null })
  }
  t.is(choose(null, {}).deployment, 'gpt-realtime-2.1')
  t.is(choose(null, { OPENAI_REALTIME_MODEL: 'mine' }).deployment, 'mine')
  for (const name of ['gpt-transcribe', 'gpt-realtime-translate', 'gpt-live-1', 'gpt-99'])
    t.throws(() => choose(name, {}), { message: /is not configured here/ })
  t.throws(() => choose('gpt-realtime', { OPENAI_API_KEY: 'k' }), { message: /use "gpt-realtime-2.1"$/ })
})

test('before the embedded simulator an alias counts before what it knows', t => {
  const env = { MODEL_ALIASES: 'gpt-4o-*:gpt-realtime' }
  t.like(choose('gpt-4o-realtime-preview', env), {
    deployment: 'gpt-realtime',
    alias: 'gpt-4o-realtime-preview',
  })
})

const faults: [setting: Record<string, string>, fault: RegExp][] = [
  [{ MODEL_ALIASES: 'gpt-4o*' }, /^MODEL_ALIASES: "gpt-4o\*" is not a pair; allowed is glob:deployment$/],
  [{ MODEL_ALIASES: ':voice' }, /^MODEL_ALIASES: ":voice" is not a pair/],
  [{ MODEL_ALIASES: 'a*:voice,b*:' }, /^MODEL_ALIASES: "b\*:" is not a pair/],
  [
    { MODEL_ALIASES: 'a*:gone' },
    /^MODEL_ALIASES: "a\*:gone" leads to "gone", which is not configured; allowed are "voice", "small"$/,
  ],
  [
    { MODEL_ALIASES: 'small:voice' },
    /^MODEL_ALIASES: "small:voice" can never apply: "small" is configured itself$/,
  ],
  [
    { AZURE_OPENAI_MODEL: 'a,b,c' },
    /^AZURE_OPENAI_MODEL: has 3 models; allowed is one for each of 2 deployments$/,
  ],
  [{ AZURE_OPENAI_MODEL: '@2026-02-23' }, /^AZURE_OPENAI_MODEL: "@2026-02-23" is no model/],
]

for (const [setting, fault] of faults) {
  test(`${JSON.stringify(setting)} stops the start`, t => {
    const stopped = t.throws(() => readConfig({ ...azure, ...setting }), { instanceOf: ConfigError })
    t.is(stopped?.faults.length, 1)
    t.regex(stopped?.faults[0] ?? '', fault)
  })
}
