/** What the stack takes from the folder of assistants: their versions, and secrets for the variables of their tools. */
import * as pulumi from '@pulumi/pulumi'
import test from 'ava'
import { readAssistants, secretOfVariable } from '../../infra/assistants.ts'
import { listVariables } from '../../infra/container.ts'
import type { Foundation } from '../../infra/foundation.ts'
import { createVault, type VaultParts } from '../../infra/vault.ts'
import { assistant, folderWith } from '../assistants/folders.ts'
import { runProgram, stackFile } from './azure.ts'

const value = 'sk_not-a-real-secret'

test('a variable that an assistant declares gets the value of the stack, one that none declares stays unused', t => {
  const root = folderWith(t, {
    ...assistant('cafe', 'env: [STRIPE_KEY]'),
    ...assistant('bar'),
    'shared/prices.ts': 'export {}',
  })
  const found = readAssistants(root, { STRIPE_KEY: value, OTHER: 'x' })
  t.deepEqual(found.secrets, { STRIPE_KEY: value })
  t.deepEqual(found.unused, ['OTHER'])
  t.deepEqual(Object.keys(found.versions), ['bar', 'cafe'])
  for (const version of Object.values(found.versions)) t.regex(version, /^[0-9a-f]{12}$/)
})

test('without the folder there is no assistant', t => {
  t.deepEqual(readAssistants('/nowhere', {}), { versions: {}, secrets: {}, unused: [] })
})

const faulty: [what: string, yaml: string, message: RegExp][] = [
  [
    'no value',
    'env: [STRIPE_KEY]',
    /cafe\/assistant\.yaml: env\[0\] is "STRIPE_KEY", which has no value; type: pulumi config set --secret assistantSecrets '\{"GIVEN":"…","STRIPE_KEY":"…"\}'/,
  ],
  ['a name that Azure cannot keep', 'env: [stripe_key]', /"stripe_key", which cannot be named in Azure; use/],
  ['a variable of the gateway', 'env: [GATEWAY_API_KEYS]', /"GATEWAY_API_KEYS", which is the gateway's own/],
  [
    'a variable of the platform',
    'env: [IDENTITY_ENDPOINT]',
    /"IDENTITY_ENDPOINT", which is the gateway's own/,
  ],
  ['a fault of the file', 'env: STRIPE_KEY', /cafe\/assistant\.yaml:2: env/],
]
for (const [what, yaml, message] of faulty)
  test(`${what} ends the preview, and no value is repeated`, t => {
    const root = folderWith(t, assistant('cafe', yaml))
    const fault = t.throws(() => readAssistants(root, { GIVEN: value }), {
      instanceOf: pulumi.RunError,
      message,
    })
    t.false(fault?.message.includes(value))
  })

test.serial('the value is kept in the vault, and the container refers to it', async t => {
  const kept: Record<string, unknown>[] = []
  await pulumi.runtime.setMocks({
    call: ({ inputs }) => inputs,
    newResource: ({ type, name, inputs }) => {
      if (type.endsWith(':Secret')) kept.push({ resource: name, ...inputs })
      const properties = { secretUriWithVersion: `https://v.vault.azure.net/${name}/1` }
      return { id: name, state: { ...inputs, properties } }
    },
  })
  const settings = {
    location: 'eastus2',
    network: 'public',
    variables: [],
    entraAudience: [],
    allowedOrigins: [],
  }
  const foundation = {
    settings,
    names: { vault: 'v', app: 'gateway' },
    subscriptionId: 's',
    group: 'g',
    tenantId: 't',
    within: {},
    tags: {},
    clock: { now: () => 0, wait: async () => undefined },
  } as unknown as Foundation
  const { references } = createVault(foundation, {
    reader: { id: pulumi.output('reader'), principalId: pulumi.output('p') },
    network: {},
    values: {},
    toolValues: { [secretOfVariable('STRIPE_KEY')]: value },
    inUse: [],
  } as unknown as VaultParts)
  t.deepEqual(
    references.map(({ name }) => name),
    ['env-stripe-key'],
  )
  const url = await new Promise(resolve => references[0]?.keyVaultUrl.apply(resolve))
  t.is(url, 'https://v.vault.azure.net/secret-env-stripe-key/1')
  const secret = kept.find(({ resource }) => resource === 'secret-env-stripe-key')
  t.is(secret?.secretName, 'env-stripe-key')
  const properties = secret?.properties as Record<string, unknown>
  t.is(properties[pulumi.runtime.specialSigKey], pulumi.runtime.specialSecretSig)
  t.true(JSON.stringify(properties).includes(value))
  const parts = { toolVariables: ['STRIPE_KEY'], publicUrl: 'https://host' }
  const variables = listVariables(foundation, parts as unknown as Parameters<typeof listVariables>[1])
  t.deepEqual(variables.at(-1), { name: 'STRIPE_KEY', secretRef: 'env-stripe-key' })
})

test.serial(
  'the program tells the versions of its assistants, and gives nobody what none declares',
  async t => {
    const assistantSecrets = JSON.stringify({ STRIPE_KEY: value })
    const run = await runProgram({ config: { ...stackFile('dev'), assistantSecrets } })
    const versions = run.outputs.assistantVersions as Record<string, string>
    t.deepEqual(Object.keys(versions), ['cafe', 'default'])
    t.false(JSON.stringify(run.resources).includes(value))
  },
)
