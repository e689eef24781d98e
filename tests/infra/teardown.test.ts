/** What `pulumi destroy` asks of Azure: the deletion of the group, and of what does not stand in it. */
import test from 'ava'
import { type AskedResource, runProgram, stackFile, subscriptionId } from './azure.ts'

const isAzure = ({ type }: AskedResource) => type.startsWith('azure-native:')
const named = (resources: readonly AskedResource[]) => resources.map(({ name }) => name).sort()

for (const stack of ['dev', 'prod']) {
  test.serial(`${stack}: all that stands in the group goes with it, by one deletion`, async t => {
    const { resources } = await runProgram({ stack })
    const single = resources
      .filter(isAzure)
      .filter(({ deletedWith, name }) => deletedWith !== 'group' && name !== 'group')
    t.deepEqual(
      named(single.filter(({ deletedWith }) => deletedWith === '')),
      [
        'environment-diagnostics',
        'gateway-diagnostics',
        'openai-diagnostics',
        // At the certificate, in a vault of another group.
        ...(stack === 'prod' ? ['gateway-reads-certificate'] : []),
      ].sort(),
    )
    t.deepEqual(named(single.filter(({ deletedWith }) => deletedWith === 'vault')), [
      'secret-events-secret',
      'secret-gateway-keys',
      'secret-openai-key',
      'secret-otlp-headers',
      'secret-redis-key',
      'secret-webhook-secret',
    ])
  })
}

test.serial('a secret is never deleted: the owner of a subscription may not, on the data plane', async t => {
  const keyed = { ...stackFile('dev'), gatewayAuth: 'key', gatewayApiKeys: 'alice:correct-horse-battery' }
  for (const config of [keyed, { ...stackFile('dev'), gatewayAuth: 'none' }]) {
    const { resources } = await runProgram({ config })
    const secrets = resources.filter(({ type }) => type === 'azure-native:keyvault:Secret')
    t.deepEqual(named(secrets), [
      'secret-events-secret',
      'secret-gateway-keys',
      'secret-openai-key',
      'secret-otlp-headers',
      'secret-redis-key',
      'secret-webhook-secret',
    ])
    t.true(secrets.every(({ retained, deletedWith }) => retained && deletedWith === 'vault'))
  }
})

test.serial('the vault and the right to read it are there before any secret is', async t => {
  const run = await runProgram({ config: { ...stackFile('dev'), gatewayAuth: 'none' } })
  t.truthy(run.find('azure-native:keyvault:Vault'))
  t.truthy(run.find('azure-native:authorization:RoleAssignment', 'platform-may-read-secrets'))
  const { configuration } = run.find('azure-native:app:ContainerApp').inputs as {
    configuration: { secrets: object[] }
  }
  t.deepEqual(configuration.secrets, [], 'the app refers to none that has no value')
})

test.serial("another's vault, and what is done to it, outlives the group", async t => {
  const keyVaultId = `/subscriptions/${subscriptionId}/resourceGroups/shared-rg/providers/Microsoft.KeyVault/vaults/contoso`
  const run = await runProgram({ config: { ...stackFile('dev'), keyVaultId } })
  const secrets = run.resources.filter(({ type }) => type === 'azure-native:keyvault:Secret')
  for (const { inputs, deletedWith, retained } of secrets) {
    t.like(inputs, { vaultName: 'contoso', resourceGroupName: 'shared-rg' })
    t.regex(String(inputs.secretName), /^gptrt-dev-/)
    t.deepEqual([deletedWith, retained], ['', false])
  }
  t.is(run.find('azure-native:authorization:RoleAssignment', 'platform-may-read-secrets').deletedWith, '')
})

test.serial('every resource that takes tags says whose it is', async t => {
  const untagged = new Set([
    'authorization:RoleAssignment',
    'cognitiveservices:Deployment',
    'keyvault:Secret',
    'monitor:DiagnosticSetting',
    'network:PrivateDnsZoneGroup',
    'network:Subnet',
    'privatedns:PrivateRecordSet',
    'redisenterprise:AccessPolicyAssignment',
    'redisenterprise:Database',
  ])
  const { resources } = await runProgram({ stack: 'prod' })
  for (const { type, name, inputs } of resources.filter(isAzure)) {
    if (untagged.has(type.replace('azure-native:', ''))) continue
    t.like(inputs.tags as object, { project: 'realtime-gateway', stack: 'prod' }, name)
  }
})

test.serial('logs have a limit a day, which can be lifted', async t => {
  const workspace = async (logDailyQuotaGb: number) =>
    (await runProgram({ config: { ...stackFile('dev'), logDailyQuotaGb } })).find(
      'azure-native:operationalinsights:Workspace',
    ).inputs
  t.deepEqual((await workspace(3)).workspaceCapping, { dailyQuotaGb: 3 })
  t.is((await workspace(0)).workspaceCapping, undefined)
})
