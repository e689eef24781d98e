/** What must hold in every stack, whatever else changes. */
import test from 'ava'
import { defaultDomain, type Run, readText, runProgram, stackFile, subscriptionId } from './azure.ts'

interface Gateway {
  readonly applicationGatewayName: string
  readonly sku: { name: string; capacity?: number }
  readonly autoscaleConfiguration: { minCapacity: number; maxCapacity: number }
  readonly requestRoutingRules: { priority: number }[]
  readonly backendAddressPools: { backendAddresses: { fqdn: string }[] }[]
  readonly backendHttpSettingsCollection: {
    requestTimeout: number
    port: number
    protocol: string
    pickHostNameFromBackendAddress: boolean
    connectionDraining: { enabled: boolean; drainTimeoutInSec: number }
  }[]
  readonly probes: { path: string; interval: number; match: { statusCodes: string[] } }[]
  readonly httpListeners: { name: string; protocol: string }[]
  readonly [collection: string]: unknown
}

interface App {
  readonly configuration: {
    activeRevisionsMode: string
    ingress: { external: boolean; transport: string; stickySessions?: object; traffic: Traffic[] }
    registries: { identity: string }[]
    identitySettings: { identity: string; lifecycle: string }[]
  }
  readonly template: {
    revisionSuffix: string
    terminationGracePeriodSeconds: number
    containers: { image: string; env: Variable[]; probes: { type: string; httpGet: { path: string } }[] }[]
    scale: { minReplicas: number; rules: { http?: object; custom?: { type: string } }[] }
  }
}
type Traffic = { revisionName: string; weight: number; label?: string; latestRevision?: boolean }
type Variable = { name: string; value?: string; secretRef?: string }

const gatewayOf = (run: Run) =>
  run.find('azure-native:network:ApplicationGateway').inputs as unknown as Gateway
const appOf = (run: Run) => run.find('azure-native:app:ContainerApp').inputs as unknown as App

const variableOf = (run: Run, variable: string) =>
  appOf(run).template.containers[0]?.env.find(({ name }) => name === variable)?.value

/** The ping that keeps a socket alive (REALTIME_HEARTBEAT_SEC), in seconds. */
const heartbeatSec = 10

for (const stack of ['dev', 'prod']) {
  test.serial(`${stack}: every rule of the Application Gateway has a priority of its own`, async t => {
    const priorities = gatewayOf(await runProgram({ stack })).requestRoutingRules.map(rule => rule.priority)
    t.is(new Set(priorities).size, priorities.length)
  })

  test.serial(
    `${stack}: the gateway's parts refer to each other by ids that exist, in this gateway`,
    async t => {
      const gateway = gatewayOf(await runProgram({ stack }))
      const base = `/subscriptions/${subscriptionId}/resourceGroups/gptrt-${stack}-rg/providers/Microsoft.Network/applicationGateways/${gateway.applicationGatewayName}/`
      const ids = JSON.stringify(gateway).match(/\/subscriptions\/[^"]*\/applicationGateways\/[^"]*/g) ?? []
      t.true(ids.length >= 6)
      for (const id of ids) {
        t.true(id.startsWith(base), id)
        const [collection = '', name] = id.slice(base.length).split('/')
        const parts = (gateway[collection] ?? []) as { name: string }[]
        t.true(
          parts.some(part => part.name === name),
          `${id} does not exist`,
        )
      }
    },
  )

  test.serial(
    `${stack}: the gateway knows the app by its stable name, never a revision or label`,
    async t => {
      const gateway = gatewayOf(await runProgram({ stack }))
      const names = gateway.backendAddressPools.flatMap(pool => pool.backendAddresses.map(({ fqdn }) => fqdn))
      t.deepEqual(names, [`gptrt-${stack}.${defaultDomain}`])
    },
  )

  test.serial(
    `${stack}: the gateway speaks HTTPS to the app, by the app's name, and probes /healthz`,
    async t => {
      const { backendHttpSettingsCollection, probes } = gatewayOf(await runProgram({ stack }))
      t.like(backendHttpSettingsCollection[0], {
        protocol: 'Https',
        port: 443,
        pickHostNameFromBackendAddress: true,
      })
      t.like(probes[0], { path: '/healthz', interval: 30, match: { statusCodes: ['200-399'] } })
    },
  )

  test.serial(
    `${stack}: no timer on the way is shorter than the ping, and a gateway update drains for an hour`,
    async t => {
      const run = await runProgram({ stack })
      const [settings] = gatewayOf(run).backendHttpSettingsCollection
      t.true((settings?.requestTimeout ?? 0) >= 3600)
      t.deepEqual(settings?.connectionDraining, { enabled: true, drainTimeoutInSec: 3600 })
      const idleMinutes = run.find('azure-native:network:PublicIPAddress').inputs
        .idleTimeoutInMinutes as number
      t.true(idleMinutes * 60 > heartbeatSec * 3)
    },
  )

  test.serial(`${stack}: the gateway scales by itself, so that its SKU names no capacity`, async t => {
    t.is(gatewayOf(await runProgram({ stack })).sku.capacity, undefined)
  })

  test.serial(`${stack}: traffic is explicit, by full revision names, and adds up to 100`, async t => {
    const { configuration, template } = appOf(await runProgram({ stack }))
    const { traffic, transport, external, stickySessions } = configuration.ingress
    t.is(configuration.activeRevisionsMode, 'Multiple')
    t.is(
      traffic.reduce((sum, { weight }) => sum + weight, 0),
      100,
    )
    for (const { revisionName, latestRevision } of traffic) {
      t.is(latestRevision, undefined)
      t.true(revisionName.length <= 54)
    }
    t.is(traffic.at(-1)?.revisionName, `gptrt-${stack}--${template.revisionSuffix}`)
    t.deepEqual({ transport, external }, { transport: 'http', external: true })
    t.is(stickySessions, undefined, 'works in single-revision mode only')
  })

  test.serial(
    `${stack}: the grace period is at most 600 seconds, and the drain ends five seconds earlier`,
    async t => {
      const { template } = appOf(await runProgram({ stack }))
      t.true(template.terminationGracePeriodSeconds <= 600)
      const deadline = template.containers[0]?.env.find(({ name }) => name === 'DRAIN_DEADLINE_MS')?.value
      t.is(Number(deadline), (template.terminationGracePeriodSeconds - 5) * 1000)
    },
  )

  test.serial(`${stack}: a draining replica is not ready, but alive`, async t => {
    const probes = appOf(await runProgram({ stack })).template.containers[0]?.probes ?? []
    t.deepEqual(Object.fromEntries(probes.map(({ type, httpGet }) => [type, httpGet.path])), {
      Startup: '/healthz',
      Readiness: '/readyz',
      Liveness: '/healthz',
    })
  })

  test.serial(
    `${stack}: replicas scale on CPU and memory, prod's on sessions too, as the HTTP rule does not see open sockets`,
    async t => {
      const { rules, minReplicas } = appOf(await runProgram({ stack })).template.scale
      const types = rules.map(({ custom }) => custom?.type).sort()
      t.deepEqual(types, ['cpu', 'memory', ...(stack === 'prod' ? ['redis'] : [])])
      t.true(minReplicas >= 1, 'the CPU rule cannot start a first replica')
    },
  )

  test.serial(`${stack}: the image is named by its digest`, async t => {
    t.regex(appOf(await runProgram({ stack })).template.containers[0]?.image ?? '', /@sha256:[0-9a-f]{64}$/)
  })

  test.serial(`${stack}: the container gets no token of the identity that pulls`, async t => {
    const { configuration } = appOf(await runProgram({ stack }))
    const puller = configuration.registries[0]?.identity
    t.is(configuration.identitySettings.find(({ identity }) => identity === puller)?.lifecycle, 'None')
  })

  test.serial(
    `${stack}: the gateway's subnet lets GatewayManager in; the apps' lets in the gateway, and then no one`,
    async t => {
      const run = await runProgram({ stack })
      const rulesOf = (name: string) =>
        run.find('azure-native:network:NetworkSecurityGroup', name).inputs.securityRules as Record<
          string,
          unknown
        >[]
      t.like(
        rulesOf('gateway-nsg').find(rule => rule.destinationPortRange === '65200-65535'),
        { sourceAddressPrefix: 'GatewayManager', access: 'Allow', direction: 'Inbound', protocol: 'Tcp' },
      )
      const apps = rulesOf('apps-nsg')
      t.like(apps[0], { sourceAddressPrefix: '10.20.0.0/24', destinationPortRanges: ['443', '31443'] })
      t.like(apps.at(-1), { access: 'Deny', sourceAddressPrefix: '*' })
      for (const rules of [rulesOf('gateway-nsg'), apps]) {
        const priorities = rules.map(({ priority }) => priority)
        t.is(new Set(priorities).size, priorities.length)
      }
    },
  )

  test.serial(
    `${stack}: the apps' subnet belongs to Container Apps, and is large enough for two revisions`,
    async t => {
      const { inputs } = (await runProgram({ stack })).find('azure-native:network:Subnet', 'apps-subnet')
      t.deepEqual(inputs.delegations, [{ name: 'container-apps', serviceName: 'Microsoft.App/environments' }])
      t.true(Number(String(inputs.addressPrefix).split('/')[1]) <= 25)
    },
  )

  test.serial(
    `${stack}: the network resolves the app's name and every other name of the environment`,
    async t => {
      const run = await runProgram({ stack })
      t.is(
        run.find('azure-native:privatedns:PrivateZone', 'environment-zone').inputs.privateZoneName,
        defaultDomain,
      )
      const records = run.resources.filter(({ type }) => type === 'azure-native:privatedns:PrivateRecordSet')
      t.deepEqual(records.map(({ inputs }) => inputs.relativeRecordSetName).sort(), ['*', '@'])
      for (const { inputs } of records) t.deepEqual(inputs.aRecords, [{ ipv4Address: '10.20.1.50' }])
    },
  )

  test.serial(
    `${stack}: the app may ask the model and send telemetry, the platform may pull, and neither may more`,
    async t => {
      const grants = (await runProgram({ stack })).resources
        .filter(({ type }) => type === 'azure-native:authorization:RoleAssignment')
        .map(({ name, inputs }) => [
          name,
          String(inputs.roleDefinitionId).split('/').at(-1),
          String(inputs.scope).split('/').at(-2),
        ])
      const expected = [
        ['app-may-ask-model', '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd', 'accounts'],
        ['app-may-send-telemetry', '3913510d-42f4-4e42-8a64-420c390055eb', 'components'],
        ['platform-may-pull', '7f951dda-4ed3-4680-a7ca-43fe172d538d', 'registries'],
        ['platform-may-read-secrets', '4633458b-17de-408a-b874-0445c86b69e6', 'vaults'],
      ]
      const withCertificate = [
        ...expected.slice(0, 2),
        ['gateway-reads-certificate', '4633458b-17de-408a-b874-0445c86b69e6', 'secrets'],
        ...expected.slice(2),
      ]
      t.deepEqual(grants, stack === 'prod' ? withCertificate : expected)
    },
  )

  test.serial(`${stack}: keys are off where identities do: model, registry, Redis`, async t => {
    const run = await runProgram({ stack })
    t.like(run.find('azure-native:cognitiveservices:Account').inputs.properties as object, {
      disableLocalAuth: true,
    })
    t.is(run.find('azure-native:containerregistry:Registry').inputs.adminUserEnabled, false)
    // Only the autoscaler of prod shows a key: it can show no token.
    t.is(
      run.find('azure-native:redisenterprise:Database').inputs.accessKeysAuthentication,
      stack === 'prod' ? 'Enabled' : 'Disabled',
    )
    t.is(run.find('azure-native:redisenterprise:RedisEnterprise').inputs.publicNetworkAccess, 'Disabled')
  })

  test.serial(`${stack}: every promised output is there`, async t => {
    const { outputs } = await runProgram({ stack })
    for (const name of [
      'containerRegistryLoginServer',
      'containerAppName',
      'containerAppUrl',
      'applicationGatewayPublicIp',
      'applicationGatewayUrl',
      'azureOpenAiEndpoint',
      'azureOpenAiDeployment',
    ]) {
      t.is(typeof outputs[name], 'string', name)
    }
    t.is((outputs.revisions as { weight: number }[])[0]?.weight, 100)
    t.like(outputs, {
      containerAppUrl: `https://gptrt-${stack}.${defaultDomain}`,
      azureOpenAiDeployment: 'gpt-realtime',
    })
  })
}

test.serial(
  'what people say is written down by a deployment beside the model, made after it, and named to the container',
  async t => {
    const run = await runProgram()
    const kind = 'azure-native:cognitiveservices:Deployment'
    const { inputs, after } = run.find(kind, 'transcription-deployment')
    t.like(inputs, {
      accountName: run.find(kind, 'openai-deployment').inputs.accountName as string,
      deploymentName: 'gpt-4o-mini-transcribe',
      sku: { name: 'GlobalStandard', capacity: 10 },
      properties: { model: { format: 'OpenAI', name: 'gpt-4o-mini-transcribe', version: '2025-12-15' } },
    })
    t.true(after.includes('openai-deployment'), 'Azure refuses two writes at once on an account')
    const app = run.find('azure-native:app:ContainerApp')
    t.true(app.after.includes('transcription-deployment'))
    t.is(variableOf(run, 'CHAT_TRANSCRIPTION_MODEL'), 'gpt-4o-mini-transcribe')
  },
)

test.serial('a region without such a model has no such deployment, and the container names none', async t => {
  const run = await runProgram({ config: { ...stackFile('dev'), transcriptionDeploymentName: '' } })
  t.is(run.find('azure-native:cognitiveservices:Deployment').name, 'openai-deployment')
  t.is(variableOf(run, 'CHAT_TRANSCRIPTION_MODEL'), 'none')
})

test.serial('with a certificate everything is served over TLS, and port 80 only leads there', async t => {
  const { httpListeners, requestRoutingRules, redirectConfigurations } = gatewayOf(
    await runProgram({ stack: 'prod' }),
  )
  t.deepEqual(httpListeners.map(({ protocol }) => protocol).sort(), ['Http', 'Https'])
  t.is(requestRoutingRules.length, 2)
  t.like((redirectConfigurations as object[])[0], { redirectType: 'Permanent' })
})

test.serial(
  'the firewall lets in what the gateway takes: offers as they are, and what a model is told',
  async t => {
    const { managedRules } = (await runProgram({ stack: 'prod' })).find(
      'azure-native:network:WebApplicationFirewallPolicy',
    ).inputs as {
      managedRules: { managedRuleSets: object[]; exclusions: { selector: string }[] }
    }
    t.regex(readText('runtime/calls/offer.ts'), /application\\\/sdp/)
    t.like(managedRules.managedRuleSets[0] ?? {}, {
      ruleGroupOverrides: [
        { ruleGroupName: 'PROTOCOL-ENFORCEMENT', rules: [{ ruleId: '920420', state: 'Disabled' }] },
      ],
    })
    t.deepEqual(
      managedRules.exclusions.map(({ selector }) => selector),
      ['sdp', 'instructions', 'session', 'ticket', 'resume', 'Sec-WebSocket-Protocol'],
    )
  },
)

test.serial('secrets reach Azure wrapped, and the app only by reference', async t => {
  const secrets = {
    openAiApiKey: '0123456789abcdef-model-key',
    gatewayApiKeys: 'alice:correct-horse-battery',
    webhookSecret: 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
    eventsWebhookSecret: 'whsec_bm90LWEtb3RoZXItc2VjcmV0',
    otlpHeaders: 'api-key=the-key-of-the-collector',
  }
  const run = await runProgram({
    stack: 'prod',
    config: {
      ...stackFile('prod'),
      ...secrets,
      gatewayAuth: 'key,entra',
      eventsWebhookUrl: 'https://events.example.com',
      variables: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'https://collector.example.com' }],
    },
  })
  const asked = JSON.stringify(run.resources)
  for (const value of [...Object.values(secrets), 'registry-token', 'azure-token'])
    t.false(asked.includes(value), value)
  t.is(run.resources.filter(({ type }) => type === 'azure-native:keyvault:Secret').length, 6)
  const variables = appOf(run).template.containers[0]?.env ?? []
  t.deepEqual(
    variables.filter(({ secretRef }) => secretRef !== undefined).map(({ name }) => name),
    [
      'AZURE_OPENAI_API_KEY',
      'GATEWAY_API_KEYS',
      'OPENAI_WEBHOOK_SECRET',
      'EVENTS_WEBHOOK_SECRET',
      'OTEL_EXPORTER_OTLP_HEADERS',
    ],
  )
  t.false(JSON.stringify(run.outputs).includes('battery'))
})

test.serial('a stack that names its image builds none', async t => {
  const imageRef = `ghcr.io/owner/gateway@sha256:${'c'.repeat(64)}`
  const run = await runProgram({ config: { ...stackFile('dev'), imageRef } })
  t.is(appOf(run).template.containers[0]?.image, imageRef)
  t.false(run.resources.some(({ type }) => type === 'docker-build:index:Image'))
})

test.serial(
  'an update asks the registry for a token to push with; a preview asks what is free, and no more',
  async t => {
    const quota = ['models', 'usages'].map(
      list =>
        `https://management.azure.com/subscriptions/${subscriptionId}/providers/Microsoft.CognitiveServices/locations/swedencentral/${list}?api-version=2024-10-01`,
    )
    const { fetched, find } = await runProgram()
    t.deepEqual(
      fetched.filter(address => !quota.includes(address)),
      [
        `https://${find('azure-native:containerregistry:Registry').inputs.registryName}.azurecr.io/oauth2/exchange`,
      ],
    )
    t.deepEqual((await runProgram({ preview: true })).fetched, quota)
  },
)

test.serial('a build is for amd64, is pushed, and is not deleted when the next one comes', async t => {
  const { inputs } = (await runProgram()).find('docker-build:index:Image')
  t.like(inputs, { push: true, buildOnPreview: false, platforms: ['linux/amd64'] })
})

test.serial('who may come in is narrowed by networks in the security group', async t => {
  const run = await runProgram({
    config: { ...stackFile('dev'), clientRanges: '203.0.113.0/24,198.51.100.7' },
  })
  const rules = run.find('azure-native:network:NetworkSecurityGroup', 'gateway-nsg').inputs
    .securityRules as object[]
  t.like(rules[0], {
    sourceAddressPrefixes: ['203.0.113.0/24', '198.51.100.7'],
    destinationPortRanges: ['80', '443'],
  })
})

test.serial('a fault in the configuration stops the program before anything is asked of Azure', async t => {
  await t.throwsAsync(runProgram({ config: { minReplicas: -1, redis: 'maybe' } }), { message: /2 faults/ })
})
