/** What a stack takes from its owner in place of making it, and what it closes. */
import * as pulumi from '@pulumi/pulumi'
import test from 'ava'
import { predictCapacity } from '../../infra/capacity.ts'
import { keysOrUnknown } from '../../infra/refusal.ts'
import { readSettings } from '../../infra/settings.ts'
import { choosePort } from '../../infra/stack.ts'
import { unitsKey } from '../../runtime/core/contract.ts'
import { type Run, runProgram, secretMark, stackFile, subscriptionId } from './azure.ts'

const idOf = (place: string) => `/subscriptions/${subscriptionId}/resourceGroups/shared-rg/providers/${place}`
const runWith = (config: Record<string, unknown>, stack = 'dev') =>
  runProgram({ stack, config: { ...stackFile(stack), ...config } })
const kinds = (run: Run) => new Set(run.resources.map(({ type }) => type.replace('azure-native:', '')))
const variable = (run: Run, name: string) => {
  const { template } = run.find('azure-native:app:ContainerApp').inputs as {
    template: { containers: { env: { name: string; value?: string; secretRef?: string }[] }[] }
  }
  return template.containers[0]?.env.find(entry => entry.name === name)
}
const grantOn = (run: Run, name: string) =>
  run.find('azure-native:authorization:RoleAssignment', name).inputs.scope

const subnetId = (name: string) => idOf(`Microsoft.Network/virtualNetworks/hub/subnets/${name}`)

test.serial('an existing network: its subnets are used, and none is made or changed', async t => {
  const run = await runWith({
    gatewaySubnetId: subnetId('gateway'),
    appsSubnetId: subnetId('apps'),
    endpointsSubnetId: subnetId('endpoints'),
    gatewayRange: '172.16.0.0/24',
    appsRange: '172.16.1.0/24',
    endpointsRange: '172.16.2.0/24',
  })
  for (const kind of ['VirtualNetwork', 'Subnet', 'NetworkSecurityGroup'])
    t.false(kinds(run).has(`network:${kind}`), kind)
  const { vnetConfiguration } = run.find('azure-native:app:ManagedEnvironment').inputs as {
    vnetConfiguration: { infrastructureSubnetId: string }
  }
  t.is(vnetConfiguration.infrastructureSubnetId, subnetId('apps'))
  for (const { inputs } of run.resources.filter(({ type }) => type.endsWith(':VirtualNetworkLink')))
    t.deepEqual(inputs.virtualNetwork, { id: idOf('Microsoft.Network/virtualNetworks/hub') })
  t.regex(variable(run, 'TRUSTED_PROXIES')?.value ?? '', /^172\.16\.0\.0\/24,172\.16\.1\.0\/24,/)
})

test.serial('another address plan reaches subnets, security groups and the trusted proxies', async t => {
  const run = await runWith({
    networkRange: '172.16.0.0/16',
    gatewayRange: '172.16.0.0/24',
    appsRange: '172.16.8.0/21',
    endpointsRange: '172.16.1.0/27',
  })
  const ranges = ['gateway', 'apps', 'endpoints'].map(
    name => run.find('azure-native:network:Subnet', `${name}-subnet`).inputs.addressPrefix,
  )
  t.deepEqual(ranges, ['172.16.0.0/24', '172.16.8.0/21', '172.16.1.0/27'])
  const rules = run.find('azure-native:network:NetworkSecurityGroup', 'apps-nsg').inputs.securityRules
  t.like((rules as object[])[0] ?? {}, {
    sourceAddressPrefix: '172.16.0.0/24',
    destinationAddressPrefix: '172.16.8.0/21',
  })
  t.false(
    JSON.stringify(run.resources).includes('10.20.'.concat('0')),
    'no address of the default plan is left',
  )
})

test.serial('an existing registry: images go there, and come from there', async t => {
  const registryId = idOf('Microsoft.ContainerRegistry/registries/Contoso')
  const run = await runWith({ registryId })
  t.false(kinds(run).has('containerregistry:Registry'))
  t.is(grantOn(run, 'platform-may-pull'), registryId)
  t.is(run.outputs.containerRegistryLoginServer, 'contoso.azurecr.io')
  t.regex(String(run.outputs.imageRef), /^contoso\.azurecr\.io\/realtime-gateway@sha256:/)
})

test.serial('existing accounts of the model: in their order, each with the right to ask it', async t => {
  const ids = ['a', 'b'].map(name => idOf(`Microsoft.CognitiveServices/accounts/${name}`))
  const run = await runWith({ openAiAccountIds: ids.join(',') })
  for (const kind of ['Account', 'Deployment']) t.false(kinds(run).has(`cognitiveservices:${kind}`))
  t.is(
    variable(run, 'AZURE_OPENAI_ENDPOINT')?.value,
    'https://contoso.openai.azure.com/,https://contoso.openai.azure.com/',
  )
  t.deepEqual([grantOn(run, 'app-may-ask-model'), grantOn(run, 'app-may-ask-model-2')], ids)
})

test.serial(
  'further regions: an account, its deployments and the right to ask it in each, in order',
  async t => {
    const run = await runWith({ openAiFailoverLocations: 'eastus2,centralus' })
    const accounts = ['openai', 'openai-2', 'openai-3'].map(
      name => run.find('azure-native:cognitiveservices:Account', name).inputs,
    )
    t.deepEqual(
      accounts.map(({ location }) => location),
      ['swedencentral', 'eastus2', 'centralus'],
    )
    t.deepEqual(
      variable(run, 'AZURE_OPENAI_ENDPOINT')?.value?.split(','),
      accounts.map(({ accountName }) => `https://${accountName}.openai.azure.com/`),
    )
    for (const suffix of ['', '-2', '-3']) {
      t.truthy(run.find('azure-native:cognitiveservices:Deployment', `openai-deployment${suffix}`))
      t.truthy(grantOn(run, `app-may-ask-model${suffix}`))
    }
  },
)

test.serial(
  'openAiAuth key: keys are on, and the program reads them off the account that it makes',
  async t => {
    const run = await runWith({ openAiAuth: 'key' })
    t.like(run.find('azure-native:cognitiveservices:Account').inputs.properties as object, {
      disableLocalAuth: false,
    })
    t.is(variable(run, 'AZURE_OPENAI_AUTH')?.value, 'key')
    t.is(variable(run, 'AZURE_OPENAI_API_KEY')?.secretRef, 'openai-key')
    t.false(JSON.stringify([run.resources, run.outputs]).includes('key-of-the-account'))
  },
)

test.serial('an existing workspace: all logs go there', async t => {
  const logWorkspaceId = idOf('Microsoft.OperationalInsights/workspaces/contoso')
  const run = await runWith({ logWorkspaceId })
  t.false(kinds(run).has('operationalinsights:Workspace'))
  for (const { inputs } of run.resources.filter(({ type }) => type.endsWith(':DiagnosticSetting')))
    t.is(inputs.workspaceId, logWorkspaceId)
  t.is(run.outputs.logWorkspace, logWorkspaceId)
})

test.serial(
  'network private: every service is closed to the Internet, and has an endpoint and names inside',
  async t => {
    const run = await runWith({ network: 'private', registrySku: 'Premium' })
    const { inputs: registry } = run.find('azure-native:containerregistry:Registry')
    t.is(registry.publicNetworkAccess, 'Disabled')
    for (const type of ['cognitiveservices:Account', 'keyvault:Vault'])
      t.like(run.find(`azure-native:${type}`).inputs.properties as object, {
        publicNetworkAccess: 'Disabled',
      })
    t.like(run.find('azure-native:operationalinsights:Workspace').inputs, {
      publicNetworkAccessForIngestion: 'Disabled',
      publicNetworkAccessForQuery: 'Disabled',
    })
    const zones = run.resources
      .filter(({ type }) => type.endsWith(':PrivateZone'))
      .map(({ inputs }) => String(inputs.privateZoneName))
    for (const zone of [
      'privatelink.azurecr.io',
      'privatelink.openai.azure.com',
      'privatelink.vaultcore.azure.net',
      'privatelink.monitor.azure.com',
      'privatelink.redis.azure.net',
    ])
      t.true(zones.includes(zone), zone)
    const { after } = run.find('azure-native:app:ContainerApp')
    for (const name of ['registry', 'vault', 'openai'])
      t.true(after.includes(`${name}-endpoint-zone`), `the app starts before it can reach the ${name}`)
  },
)

test.serial('several regions of a closed network share the zone of the model', async t => {
  const run = await runWith({
    network: 'private',
    registrySku: 'Premium',
    openAiFailoverLocations: 'eastus2',
  })
  const zones = run.resources
    .filter(({ type }) => type.endsWith(':PrivateZone'))
    .map(({ inputs }) => inputs.privateZoneName)
  t.is(new Set(zones).size, zones.length, 'a group has one zone of a name')
})

test.serial('ingress premium: the proxies run on nodes of their own, and drain for an hour', async t => {
  const { inputs } = (await runWith({ ingress: 'premium' })).find('azure-native:app:ManagedEnvironment')
  t.like(inputs, {
    ingressConfiguration: { workloadProfileName: 'ingress', terminationGracePeriodSeconds: 3600 },
  })
  const { workloadProfiles } = inputs as { workloadProfiles: { name: string; minimumCount?: number }[] }
  t.true((workloadProfiles.find(({ name }) => name === 'ingress')?.minimumCount ?? 0) >= 2)
  const { inputs: plain } = (await runWith({})).find('azure-native:app:ManagedEnvironment')
  t.is(plain.ingressConfiguration, undefined)
})

test.serial('firewallMode Detection logs what it would refuse', async t => {
  const run = await runWith({ firewallMode: 'Detection' }, 'prod')
  t.like(run.find('azure-native:network:WebApplicationFirewallPolicy').inputs.policySettings as object, {
    mode: 'Detection',
  })
})

test.serial('a host name in a zone of Azure gets its record, which follows the public address', async t => {
  const run = await runWith({ dnsZoneId: idOf('Microsoft.Network/dnszones/contoso.com') }, 'prod')
  const { inputs, deletedWith } = run.find('azure-native:dns:RecordSet')
  t.like(inputs, {
    zoneName: 'contoso.com',
    resourceGroupName: 'shared-rg',
    relativeRecordSetName: 'talk',
    recordType: 'A',
    targetResource: { id: run.find('azure-native:network:PublicIPAddress').id },
  })
  t.is(deletedWith, '', 'the zone is not in the group')
})

test.serial('a budget tells alertEmail at 80 and at 100 percent', async t => {
  const run = await runWith({ monthlyBudget: 300, alertEmail: 'ops@example.com' })
  const { inputs } = run.find('azure-native:consumption:Budget')
  const { notifications } = inputs as {
    notifications: Record<string, { threshold: number; contactEmails: string[] }>
  }
  t.is(inputs.amount, 300)
  t.deepEqual(
    Object.values(notifications)
      .map(({ threshold }) => threshold)
      .sort((a, b) => a - b),
    [80, 100],
  )
  for (const { contactEmails } of Object.values(notifications))
    t.deepEqual(contactEmails, ['ops@example.com'])
  t.false(kinds(await runWith({})).has('consumption:Budget'))
})

test.serial(
  'sessionsPerReplica adds a rule that reads the list which replicas of this very revision publish',
  async t => {
    const run = await runWith({ sessionsPerReplica: 250, redis: 'on' })
    const app = run.find('azure-native:app:ContainerApp').inputs as {
      containerAppName: string
      configuration: { secrets: { name: string }[] }
      template: {
        revisionSuffix: string
        containers: { env: { name: string; value?: string }[] }[]
        scale: { rules: { name: string; custom?: object }[] }
      }
    }
    const { template, configuration, containerAppName } = app
    t.deepEqual(template.scale.rules.find(({ name }) => name === 'sessions')?.custom, {
      type: 'redis',
      metadata: {
        address: `${run.find('azure-native:redisenterprise:RedisEnterprise').inputs.clusterName}.swedencentral.redis.azure.net:10000`,
        listName: unitsKey(`${containerAppName}--${template.revisionSuffix}`),
        listLength: '10',
        enableTLS: 'true',
      },
      auth: [{ secretRef: 'redis-key', triggerParameter: 'password' }],
    })
    t.true(configuration.secrets.some(({ name }) => name === 'redis-key'))
    t.is(run.find('azure-native:keyvault:Secret', 'secret-redis-key').inputs.properties, secretMark)
    const variable = template.containers[0]?.env.find(({ name }) => name === 'SCALE_SESSIONS_PER_REPLICA')
    t.is(variable?.value, '250')
    const small = await runWith({ sessionsPerReplica: 5000, redis: 'on', containerCpu: '0.25' })
    const ofSmall = small.find('azure-native:app:ContainerApp').inputs as typeof app
    t.is(
      ofSmall.template.containers[0]?.env.find(({ name }) => name === 'SCALE_SESSIONS_PER_REPLICA')?.value,
      String(predictCapacity({ cpu: 0.25, memoryGib: 0.5 }).sessions),
    )
    await t.throwsAsync(runWith({ sessionsPerReplica: 250, redis: 'off' }), {
      message: /sessionsPerReplica: needs Redis/,
    })
  },
)

test.serial('an app without replicas is started by a request, which no other rule sees', async t => {
  const rulesOf = (run: Run) =>
    (
      run.find('azure-native:app:ContainerApp').inputs as {
        template: { scale: { minReplicas: number; rules: { name: string; http?: object }[] } }
      }
    ).template.scale
  const { minReplicas, rules } = rulesOf(await runWith({ minReplicas: 0, gatewayProbeInterval: 3600 }))
  t.is(minReplicas, 0)
  t.truthy(rules.find(({ http }) => http !== undefined))
  t.falsy(rulesOf(await runWith({})).rules.find(({ http }) => http !== undefined))
})

test.serial('dev: a key is made, kept in the vault, and told to who may read the state', async t => {
  const run = await runWith({})
  t.truthy(run.find('random:index/randomPassword:RandomPassword'))
  t.is(variable(run, 'GATEWAY_AUTH')?.value, 'key')
  t.is(variable(run, 'GATEWAY_API_KEYS')?.secretRef, 'gateway-keys')
  t.false(JSON.stringify(run.resources).includes('generated-by-the-provider'))
})

test.serial('the signing secret of webhooks is kept in the vault, and only there', async t => {
  const webhookSecret = 'whsec_bm90LWEtcmVhbC1zZWNyZXQ='
  const run = await runWith({ webhookSecret })
  t.is(variable(run, 'OPENAI_WEBHOOK_SECRET')?.secretRef, 'webhook-secret')
  t.is(run.find('azure-native:keyvault:Secret', 'secret-webhook-secret').inputs.properties, secretMark)
  t.false(JSON.stringify(run.resources).includes(webhookSecret))
  t.is(variable(await runWith({}), 'OPENAI_WEBHOOK_SECRET'), undefined)
})

test.serial('the component of spans takes them from the identity of the app alone', async t => {
  const run = await runWith({})
  const component = run.find('azure-native:applicationinsights:Component', 'traces')
  t.is(component.inputs.disableLocalAuth, true)
  t.is(component.inputs.workspaceResourceId, run.find('azure-native:operationalinsights:Workspace').id)
  const { inputs } = run.find('azure-native:authorization:RoleAssignment', 'app-may-send-telemetry')
  t.is(inputs.scope, component.id)
  t.regex(String(inputs.roleDefinitionId), /3913510d-42f4-4e42-8a64-420c390055eb$/)
  t.true(run.find('azure-native:app:ContainerApp').after.includes('app-may-send-telemetry'))
  const off = await runWith({ tracing: 'off' })
  t.false(off.resources.some(({ name }) => name === 'traces' || name === 'app-may-send-telemetry'))
})

test.serial('in a private network spans take the private endpoint of the logs', async t => {
  const run = await runWith({ network: 'private', registrySku: 'Premium' })
  const component = run.find('azure-native:applicationinsights:Component', 'traces')
  t.like(component.inputs, {
    publicNetworkAccessForIngestion: 'Disabled',
    publicNetworkAccessForQuery: 'Disabled',
  })
  const { inputs } = run.find('azure-native:monitor:PrivateLinkScopedResource', 'traces-in-scope')
  t.is(inputs.linkedResourceId, component.id)
  t.true(run.find('azure-native:app:ContainerApp').after.includes('traces-in-scope'))
})

test.serial('the port of the container is the one of the first update, and told to the next', async t => {
  t.is((await runWith({ containerTargetPort: 9000 })).outputs.containerTargetPort, 9000)
  const wanted = (containerTargetPort: number) =>
    readSettings({ stack: 'dev', values: { containerTargetPort }, today: new Date(0), preview: true })
  const first = { revisions: [], revisionSuffixes: [], modelUnits: [] }
  t.is(choosePort(wanted(9000), { ...first, containerTargetPort: undefined }), 9000)
  t.is(choosePort(wanted(9000), { ...first, containerTargetPort: 9000 }), 9000)
  t.throws(() => choosePort(wanted(9001), { ...first, containerTargetPort: 9000 }), {
    message:
      /^containerTargetPort: is 9000 since the first update, .*pulumi config set containerTargetPort 9000/,
  })
})

const listings = [
  {
    token: 'azure-native:redisenterprise:listDatabaseKeys',
    config: { sessionsPerReplica: 500, redis: 'on' },
    secret: 'secret-redis-key',
  },
  {
    token: 'azure-native:cognitiveservices:listAccountKeys',
    config: { openAiAuth: 'key' },
    secret: 'secret-openai-key',
  },
] as const

for (const { token, config, secret } of listings) {
  const of = (preview: boolean, message: string) =>
    runProgram({ config: { ...stackFile('dev'), ...config }, preview, refused: { token, message } })

  test.serial(
    `${token}: a preview whose identity may only read ends well, and does not know the keys`,
    async t => {
      for (const message of [
        'request failed: status code 403, {"error":{"code":"AuthorizationFailed","message":"may not listKeys"}}',
        'POST https://management.azure.com/x\nRESPONSE 403: 403 Forbidden\nERROR CODE UNAVAILABLE',
      ]) {
        const run = await of(true, message)
        const { inputs } = run.find('azure-native:keyvault:Secret', secret)
        t.not(inputs.properties, undefined)
        t.false(JSON.stringify(run.resources).includes('key-of-'))
      }
    },
  )
}

test.serial('any other fault of listing keys, and a refusal at an update, ends the run', async t => {
  const answers = { call: () => ({}), newResource: () => ({ id: 'x', state: {} }) }
  const refusal = 'status code 403, {"error":{"code":"AuthorizationFailed"}}'
  await pulumi.runtime.setMocks(answers, 'project', 'stack', true)
  const broken = Promise.reject(new Error('status code 500 from account-403'))
  await t.throwsAsync(keysOrUnknown('Keys', broken), { message: /500/ })
  t.is(await keysOrUnknown('Keys', Promise.reject(new Error(refusal))), pulumi.unknown as unknown as string)
  await pulumi.runtime.setMocks(answers, 'project', 'stack', false)
  await t.throwsAsync(keysOrUnknown('Keys', Promise.reject(new Error(refusal))), { message: /403/ })
})
