import test from 'ava'
import { runProgram, stackFile, subscriptionId } from './azure.ts'
import { shapes } from './shapes.ts'

const idOf = (place: string) => `/subscriptions/${subscriptionId}/resourceGroups/shared-rg/providers/${place}`

const everything = {
  ...stackFile('prod'),
  gatewayAuth: 'key,entra',
  gatewayApiKeys: 'alice:correct-horse-battery',
  openAiAuth: 'key',
  alertEmail: 'ops@example.com',
  monthlyBudget: 500,
  registrySku: 'Premium',
  network: 'private',
  ingress: 'premium',
  openAiFailoverLocations: 'eastus2,centralus',
  dnsZoneId: idOf('Microsoft.Network/dnszones/contoso.com'),
  prefix: 'p23456789012',
}

const subnet = (name: string) => idOf(`Microsoft.Network/virtualNetworks/shared/subnets/${name}`)

/** A stack that stands on what is there already. */
const guest = {
  ...stackFile('dev'),
  minReplicas: 0,
  sessionsPerReplica: 100,
  openAiAuth: 'key',
  registryId: idOf('Microsoft.ContainerRegistry/registries/contoso'),
  openAiAccountIds: ['a', 'b'].map(name => idOf(`Microsoft.CognitiveServices/accounts/${name}`)).join(),
  keyVaultId: idOf('Microsoft.KeyVault/vaults/contoso'),
  logWorkspaceId: idOf('Microsoft.OperationalInsights/workspaces/contoso'),
  gatewaySubnetId: subnet('gateway'),
  appsSubnetId: subnet('apps'),
  endpointsSubnetId: subnet('endpoints'),
}

const stacks: [name: string, options: Parameters<typeof runProgram>[0]][] = [
  ['dev', { stack: 'dev' }],
  ['prod', { stack: 'prod' }],
  ['a stack that uses existing resources', { config: guest }],
  ['a stack with the longest names and every option', { stack: 's23456789012', config: everything }],
]

for (const [name, options] of stacks) {
  test.serial(`every resource of ${name} has the shape that Azure takes`, async t => {
    const { resources } = await runProgram(options)
    for (const { type, name: resource, inputs } of resources) {
      if (!type.startsWith('azure-native:')) continue
      const shape = shapes[type.replace('azure-native:', '')]
      if (shape === undefined) {
        t.fail(`${type} has no shape in tests/infra/shapes.ts`)
        continue
      }
      const checked = shape.safeParse(inputs)
      const faults = checked.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
      t.deepEqual(faults, [], `${type} ${resource}`)
    }
  })
}

test.serial('every shape is met by some stack, so that the table does not rot', async t => {
  const { resources } = await runProgram({ stack: 's23456789012', config: everything })
  const kinds = new Set(resources.map(({ type }) => type.replace('azure-native:', '')))
  t.deepEqual(
    Object.keys(shapes).filter(kind => !kinds.has(kind)),
    [],
  )
})
