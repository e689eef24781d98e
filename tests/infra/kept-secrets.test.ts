/** What a secret that is taken away leaves to the revisions that run with it, over several updates. */
import test from 'ava'
import { readNamesInUse } from '../../infra/kept-secrets.ts'
import { type Run, type RunOptions, runProgram, secretMark, stackFile } from './azure.ts'

interface App {
  readonly configuration: {
    readonly secrets: readonly { readonly name: string; readonly keyVaultUrl: string }[]
  }
  readonly template: { readonly revisionSuffix: string }
}

const appOf = (run: Run) => run.find('azure-native:app:ContainerApp').inputs as unknown as App
const secretsOf = (run: Run) => appOf(run).configuration.secrets
const namesOf = (run: Run) => secretsOf(run).map(({ name }) => name)
const urlOf = (run: Run, name: string) => secretsOf(run).find(secret => secret.name === name)?.keyVaultUrl
const suffixOf = (run: Run) => appOf(run).template.revisionSuffix
const contentOf = (run: Run, name: string) =>
  run.find('azure-native:keyvault:Secret', `secret-${name}`).inputs.properties
const keysOfModel = (run: Run) =>
  run.find('azure-native:cognitiveservices:Account').inputs.properties as { disableLocalAuth: boolean }
const keysOfRedis = (run: Run) =>
  run.find('azure-native:redisenterprise:Database').inputs.accessKeysAuthentication

/** A revision as Azure lists it. */
const listed = (run: Run, active = true) => ({ properties: { active, template: appOf(run).template } })

const update = (config: Record<string, unknown>, before?: Run, revisions?: RunOptions['revisions']) =>
  runProgram({
    config: { ...stackFile('dev'), ...config },
    ...(before && {
      previous: before.outputs.revisions as object[],
      previousOutputs: { secretReferences: before.outputs.secretReferences },
    }),
    ...(revisions !== undefined && { revisions }),
  })

const webhookSecret = 'whsec_bm90LWEtcmVhbC1zZWNyZXQ='

test.serial(
  'the first update asks nobody which secrets are in use, and tells the next which it gave',
  async t => {
    const run = await update({ webhookSecret })
    t.deepEqual(
      run.outputs.secretReferences,
      secretsOf(run).map(({ name, keyVaultUrl }) => ({ name, keyVaultUrl })),
    )
    t.deepEqual(namesOf(run), ['gateway-keys', 'webhook-secret'])
    t.false(run.fetched.some(address => address.includes('/revisions')))
  },
)

test.serial(
  'a secret that is taken away stays, with the version it had, until its revision is deactivated',
  async t => {
    const first = await update({ webhookSecret })
    const second = await update({}, first, [listed(first)])
    t.deepEqual(namesOf(second), ['gateway-keys', 'webhook-secret'])
    t.is(urlOf(second, 'webhook-secret'), urlOf(first, 'webhook-secret'))
    t.deepEqual(contentOf(second, 'webhook-secret'), { value: 'unset' })
    t.is(suffixOf(second), suffixOf(await update({})), 'what is kept makes no revision')

    const third = await update({}, second, [listed(first), listed(second)])
    t.deepEqual(secretsOf(third), secretsOf(second), 'one more update changes nothing')

    const fourth = await update({}, third, [listed(first, false), listed(second)])
    t.deepEqual(namesOf(fourth), ['gateway-keys'])
    t.is(suffixOf(fourth), suffixOf(second), 'to let it go makes no revision either')
  },
)

test.serial('a secret that comes back while it is kept has its new value alone', async t => {
  const first = await update({ webhookSecret })
  const second = await update({}, first, [listed(first)])
  const third = await update({ webhookSecret: 'whsec_YW5vdGhlci1zZWNyZXQtaGVyZQ==' }, second, [listed(first)])
  t.deepEqual(namesOf(third), ['gateway-keys', 'webhook-secret'])
  t.is(contentOf(third, 'webhook-secret'), secretMark)
})

test.serial(
  'a variable of tools that no assistant declares any more stays in the vault while it is kept',
  async t => {
    const first = await update({})
    const reference = {
      name: 'env-stripe-key',
      keyVaultUrl: 'https://kv.vault.azure.net/secrets/env-stripe-key/1',
    }
    const template = { containers: [{ env: [{ name: 'STRIPE_KEY', secretRef: 'env-stripe-key' }] }] }
    const references = [...(first.outputs.secretReferences as object[]), reference]
    const withTool = { ...first, outputs: { ...first.outputs, secretReferences: references } }
    const second = await update({}, withTool, [{ properties: { active: true, template } }])
    t.is(urlOf(second, 'env-stripe-key'), reference.keyVaultUrl)
    t.deepEqual(contentOf(second, 'env-stripe-key'), { value: 'unset' })
    const third = await update({}, second, [listed(first)])
    t.deepEqual(namesOf(third), ['gateway-keys'])
    t.throws(() => contentOf(third, 'env-stripe-key'))
  },
)

test.serial('while nobody can say which revisions run, every secret stays', async t => {
  const first = await update({ webhookSecret })
  for (const refusal of [403, 500])
    t.deepEqual(
      namesOf(await update({}, first, refusal)),
      ['gateway-keys', 'webhook-secret'],
      String(refusal),
    )
  t.deepEqual(namesOf(await update({}, first, 404)), ['gateway-keys'], 'there is no app any more')
})

test.serial('keys of the model stay on for as long as an active revision shows one', async t => {
  const first = await update({ openAiAuth: 'key' })
  const second = await update({ openAiAuth: 'identity' }, first, [listed(first)])
  t.false(keysOfModel(second).disableLocalAuth)
  t.true(namesOf(second).includes('openai-key'))
  const third = await update({ openAiAuth: 'identity' }, second, [listed(first, false), listed(second)])
  t.true(keysOfModel(third).disableLocalAuth)
  t.false(namesOf(third).includes('openai-key'))
})

test.serial(
  'keys of Redis stay on for as long as the autoscaler of an active revision shows one',
  async t => {
    const first = await update({ sessionsPerReplica: 500, redis: 'on' })
    const second = await update({ sessionsPerReplica: 0, redis: 'on' }, first, [listed(first)])
    t.is(keysOfRedis(second), 'Enabled')
    t.is(urlOf(second, 'redis-key'), urlOf(first, 'redis-key'))
    const third = await update({ sessionsPerReplica: 0, redis: 'on' }, second, [listed(second)])
    t.is(keysOfRedis(third), 'Disabled')
    t.false(namesOf(third).includes('redis-key'))
  },
)

test('secrets in use are those of active revisions: in variables, and in rules of scale', async t => {
  const template = {
    containers: [
      {
        env: [
          { name: 'A', secretRef: 'of-variable' },
          { name: 'B', value: 'secretRef' },
        ],
      },
    ],
    scale: { rules: [{ custom: { auth: [{ secretRef: 'of-rule', triggerParameter: 'password' }] } }] },
  }
  const gone = { containers: [{ env: [{ name: 'A', secretRef: 'of-inactive' }] }] }
  const asked: [string, string | null][] = []
  const answering =
    (body: object): typeof fetch =>
    async (address, init) => {
      asked.push([String(address), new Headers(init?.headers).get('authorization')])
      return Response.json(body)
    }
  const place = { subscriptionId: 's', group: 'g', app: 'a' }
  const value = [
    { properties: { active: true, template } },
    { properties: { active: false, template: gone } },
  ]
  const names = await readNamesInUse(place, { token: 'T', ask: answering({ value }) })
  t.deepEqual([...names], ['of-variable', 'of-rule'])
  t.deepEqual(asked, [
    [
      'https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/a/revisions?api-version=2025-01-01',
      'Bearer T',
    ],
  ])
  const part = answering({ value, nextLink: 'https://management.azure.com/more' })
  await t.throwsAsync(readNamesInUse(place, { token: 'T', ask: part }), { message: /more than one page/ })
  await t.throwsAsync(readNamesInUse(place, { token: 'T', ask: answering({}) }))
})
