/** What each setting takes and refuses. */
import test from 'ava'
import * as yaml from 'js-yaml'
import { type SettingName, settingMeta, settingNames, settingTable } from '../../infra/setting-table.ts'
import { readSettings, SettingsError } from '../../infra/settings.ts'
import { findModel, models } from '../../runtime/models/models.ts'
import { ownValues, readText, stackFile } from './azure.ts'

const today = new Date('2026-11-20T00:00:00Z')
const longHash = 'a'.repeat(64)

const read = (values: Record<string, unknown>, stack = 'dev') =>
  readSettings({ stack, values, today, preview: true })

function faultsOf(values: Record<string, unknown>, stack = 'dev'): readonly string[] {
  try {
    read(values, stack)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.faults
    throw error
  }
}

const idOf = (place: string) =>
  `/subscriptions/44444444-4444-4444-4444-444444444444/resourceGroups/shared-rg/providers/${place}`
const subnetOf = (network: string, name: string) =>
  idOf(`Microsoft.Network/virtualNetworks/${network}/subnets/${name}`)

/** Values that a stack may have, and values that it may not, as `pulumi config` would hand them over. */
const cases: Record<SettingName, { good: unknown[]; bad: unknown[] }> = {
  prefix: {
    good: ['abc', 'gptrt', 'a23456789012'],
    bad: ['ab', 'Gptrt', '1abc', 'a-b-c', 'a234567890123', ''],
  },
  location: { good: ['swedencentral', 'eastus2'], bad: ['Sweden Central', 'x', ''] },
  openAiLocation: { good: ['', 'eastus2'], bad: ['East US 2'] },
  zoneRedundant: { good: ['false', false], bad: ['maybe', '2'] },
  minReplicas: { good: ['1', 1, '2', '0'], bad: ['-1', '1.5', 'one'] },
  maxReplicas: { good: ['1', '1000'], bad: ['0', '1001', ''] },
  cooldownPeriod: { good: ['30', '3600'], bad: ['29', '3601'] },
  pollingInterval: { good: ['5', '300'], bad: ['4', '301'] },
  containerCpu: { good: ['0.25', '2'], bad: ['0.3', '4', 'much'] },
  containerTargetPort: { good: ['1024', '65535'], bad: ['80', '65536'] },
  terminationGracePeriodSeconds: { good: ['10', '30', '600'], bad: ['9', '601', '10m'] },
  sessionsPerReplica: { good: ['0', '500'], bad: ['-1', '100001'] },
  registryId: {
    good: ['', idOf('Microsoft.ContainerRegistry/registries/contoso')],
    bad: ['contoso', 'contoso.azurecr.io', idOf('Microsoft.KeyVault/vaults/contoso')],
  },
  registrySku: { good: ['Basic', 'Premium'], bad: ['basic', 'Free'] },
  openAiDeploymentName: { good: ['gpt-realtime', 'a1'], bad: ['-a', 'a b', ''] },
  openAiModelName: { good: ['gpt-realtime', 'gpt-realtime-2.1'], bad: ['GPT', ''] },
  openAiModelVersion: { good: ['2025-08-28', '2025-08-28-preview'], bad: ['latest', '2025-8-28'] },
  openAiDeploymentSku: { good: ['GlobalStandard', 'Standard'], bad: ['globalstandard', 'Free'] },
  openAiDeploymentCapacity: { good: ['1', '10000'], bad: ['0', '10001'] },
  openAiFailoverLocations: {
    good: ['', 'eastus2', 'eastus2, centralus'],
    bad: ['East US 2', 'eastus2;centralus'],
  },
  openAiAccountIds: {
    good: [
      '',
      idOf('Microsoft.CognitiveServices/accounts/a'),
      `${idOf('Microsoft.CognitiveServices/accounts/a')}, ${idOf('Microsoft.CognitiveServices/accounts/b')}`,
    ],
    bad: ['a', 'https://a.openai.azure.com/'],
  },
  openAiAuth: { good: ['identity', 'key'], bad: ['', 'entra'] },
  transcriptionDeploymentName: {
    good: ['', 'scribe'],
    bad: ['-a', 'a b', 'gpt-realtime', 'GPT-Realtime', 'none'],
  },
  transcriptionModelName: { good: ['gpt-4o-mini-transcribe', 'whisper'], bad: ['Whisper', ''] },
  transcriptionModelVersion: { good: ['2025-12-15', '001'], bad: ['latest', '1'] },
  transcriptionDeploymentSku: { good: ['GlobalStandard', 'Standard'], bad: ['globalstandard', ''] },
  transcriptionDeploymentCapacity: { good: ['1', '10000'], bad: ['0', '10001'] },
  openAiApiKey: { good: ['', '0123456789abcdef'], bad: ['short', '0123456789 abcdef'] },
  gatewayAuth: { good: ['', 'none'], bad: ['entra,key', 'basic'] },
  gatewayApiKeys: {
    good: ['', 'me:12345678', 'a:12345678, b:sha256:abcdef12'],
    bad: ['12345678', 'me:short', 'me:1234 5678'],
  },
  webhookSecret: {
    good: ['', 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=', 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=, a-text-of-16-bytes'],
    bad: ['whsec_', 'whsec_short', 'whsec_not base64, at all', 'fifteen-letters', 'a-text-of-16-bytes,'],
  },
  eventsWebhookUrl: {
    good: ['', 'https://events.example.com', 'https://events.example.com/hook?a=b'],
    bad: ['http://events.example.com', 'events.example.com', 'https:///hook', 'https://a b'],
  },
  eventsWebhookSecret: {
    good: [
      '',
      'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
      'whsec_bm90LWEtcmVhbC1zZWNyZXQ=, whsec_YW5vdGhlci1zZWNyZXQtaXM=',
    ],
    bad: ['whsec_short', 'a-text-of-16-bytes'],
  },
  tracing: { good: ['on', 'off'], bad: ['', 'true'] },
  otlpHeaders: {
    good: ['', 'api-key=abc', 'authorization=Bearer%20abc, x-tenant=7'],
    bad: ['abc', '=abc', 'api-key=', 'api-key=a b'],
  },
  assistantSecrets: {
    good: ['', '{}', '{"STRIPE_KEY":"sk_1, 2"}'],
    bad: ['STRIPE_KEY=sk_1', '[]', '{"STRIPE_KEY":7}', '{"STRIPE_KEY":""}', '{"STRIPE_KEY":{}}'],
  },
  entraTenantId: {
    good: ['', '00000000-0000-0000-0000-000000000000'],
    bad: ['contoso', 'contoso.onmicrosoft.com'],
  },
  entraAudience: { good: ['', 'api://x', 'api://x, api://y'], bad: ['a b'] },
  entraRequiredScope: { good: ['', 'Realtime.Converse'], bad: ['a b'] },
  entraPagesClientId: { good: ['', '00000000-0000-0000-0000-000000000000'], bad: ['pages'] },
  entraRequiredRole: { good: ['', 'Realtime.Converse.All'], bad: ['a b'] },
  allowedOrigins: {
    good: ['', 'https://a.example', 'https://a.example,http://localhost:3000'],
    bad: ['a.example', 'https://a.example/', '*'],
  },
  clientRanges: {
    good: ['Internet', '203.0.113.0/24', '203.0.113.7,198.51.100.0/24'],
    bad: ['internet', 'everyone', '', ' , ', 'Internet,203.0.113.0/24', '203.0.113.256', '203.0.113.0/33'],
  },
  gatewaySku: { good: ['Standard_v2', 'WAF_v2'], bad: ['Standard', 'WAF'] },
  gatewayMinCapacity: { good: ['1', '2'], bad: ['0', '126'] },
  gatewayMaxCapacity: { good: ['2', '125'], bad: ['1', '126'] },
  gatewayProbeInterval: { good: ['11', '30', '86400'], bad: ['10', '86401'] },
  firewallMode: { good: ['Prevention', 'Detection'], bad: ['Off', ''] },
  requestTimeout: { good: ['60', '86400'], bad: ['59', '86401'] },
  drainTimeoutInSec: { good: ['1', '3600'], bad: ['0', '3601'] },
  idleTimeoutInMinutes: { good: ['4', '30'], bad: ['3', '31'] },
  tlsCertificateSecretId: {
    good: [''],
    bad: [
      'https://v1.vault.azure.net/secrets/a/0123456789abcdef',
      'http://v1.vault.azure.net/secrets/a',
      'gateway',
    ],
  },
  keyVaultResourceGroup: { good: ['', 'shared-rg'], bad: ['a/b', 'ends.'] },
  hostName: {
    good: ['', 'gateway.example.com'],
    bad: ['https://gateway.example.com', 'gateway', '-a.example.com'],
  },
  dnsZoneId: { good: [''], bad: ['contoso.com', idOf('Microsoft.KeyVault/vaults/contoso')] },
  network: { good: ['public'], bad: ['closed', ''] },
  networkRange: {
    good: ['10.20.0.0/16', '10.0.0.0/8'],
    bad: ['10.20.0.0', '10.20.0.0/30', '10.20.256.0/16', ''],
  },
  gatewayRange: { good: ['10.20.9.0/24'], bad: ['10.20.0.0/33', '192.168.0.0/24'] },
  appsRange: { good: ['10.20.4.0/23', '10.20.1.0/27'], bad: ['10.20.1.0/28', '10.21.1.0/24'] },
  endpointsRange: { good: ['10.20.3.0/26'], bad: ['10.20.1.0/26', 'endpoints'] },
  gatewaySubnetId: { good: [''], bad: ['gateway', subnetOf('vnet1', 'a')] },
  appsSubnetId: { good: [''], bad: ['apps', idOf('Microsoft.Network/virtualNetworks/vnet1')] },
  endpointsSubnetId: { good: [''], bad: ['endpoints'] },
  ingress: { good: ['default', 'premium'], bad: ['', 'shared'] },
  keyVaultId: { good: ['', idOf('Microsoft.KeyVault/vaults/contoso')], bad: ['contoso'] },
  logWorkspaceId: { good: ['', idOf('Microsoft.OperationalInsights/workspaces/logs')], bad: ['logs'] },
  logDailyQuotaGb: { good: ['0', '5'], bad: ['-1', '0.5'] },
  monthlyBudget: { good: ['0'], bad: ['-1', 'much'] },
  imageRef: {
    good: ['', `a.azurecr.io/b/c@sha256:${longHash}`, `a.azurecr.io/b:1@sha256:${longHash}`],
    bad: ['a.azurecr.io/b:latest', `b@sha256:${longHash}`],
  },
  traffic: {
    good: [
      [],
      [{ revision: 'newest', weight: 100 }],
      [
        { revision: 'newest', weight: 0, label: 'next' },
        { revision: 'gptrt-dev--r1', weight: 100 },
      ],
    ],
    bad: [
      [{ revision: 'newest', weight: 99 }],
      [{ revision: 'newest', weight: 101 }],
      [
        { revision: 'newest', weight: 50 },
        { revision: 'newest', weight: 50 },
      ],
      [
        { revision: 'newest', weight: 50, label: 'a' },
        { revision: 'gptrt-dev--r1', weight: 50, label: 'a' },
      ],
      [{ revision: 'newest', weight: 100, latestRevision: true }],
      [{ weight: 100 }],
      'newest',
    ],
  },
  variables: {
    good: [
      [],
      [
        { name: 'REALTIME_VOICE', value: 'marin' },
        { name: 'REALTIME_AUTO_CLOSE', value: false },
        { name: 'LIMIT_SESSION_MINUTES', value: 30 },
      ],
    ],
    bad: [
      [{ name: 'REALTIME_VOICES', value: 'marin' }],
      [{ name: 'toString', value: 'x' }],
      [{ name: 'REALTIME_VOICE', value: '' }],
      [{ name: 'REALTIME_HEARTBEAT_SEC', value: 'often' }],
      [{ name: 'PORT', value: 80 }],
      [{ name: 'CONTAINER_APP_REVISION', value: 'mine' }],
      [{ name: 'OPENAI_API_KEY', value: 'sk-1' }],
      [
        { name: 'REALTIME_VOICE', value: 'marin' },
        { name: 'REALTIME_VOICE', value: 'cedar' },
      ],
      [{ name: 'REALTIME_VOICE' }],
      'REALTIME_VOICE=marin',
    ],
  },
  redis: { good: ['auto', 'on', 'off'], bad: ['true', 'yes'] },
  redisSku: { good: ['Balanced_B0', 'MemoryOptimized_M10'], bad: ['Basic', 'Standard_C0', 'B0'] },
  alertEmail: { good: ['', 'ops@example.com'], bad: ['ops', 'a b@example.com'] },
}

/** What clients show is set only where they are asked for it; an address of events goes with its secret. */
function neededBy(name: string): Record<string, unknown> {
  if (name === 'eventsWebhookUrl') return { eventsWebhookSecret: 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=' }
  if (name === 'eventsWebhookSecret') return { eventsWebhookUrl: 'https://events.example.com' }
  if (name === 'otlpHeaders')
    return { variables: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'https://collector.example.com' }] }
  if (!name.startsWith('entra') && name !== 'gatewayApiKeys') return {}
  return {
    gatewayAuth: 'key,entra',
    gatewayApiKeys: 'me:12345678',
    entraTenantId: '00000000-0000-0000-0000-000000000000',
    entraAudience: 'api://x',
  }
}

for (const name of settingNames) {
  test(`${name} takes what it should, and names itself and what is allowed for anything else`, t => {
    for (const value of cases[name].good)
      t.deepEqual(faultsOf({ ...(value !== '' && neededBy(name)), [name]: value }), [], JSON.stringify(value))
    for (const value of cases[name].bad) {
      const faults = faultsOf({ [name]: value })
      t.true(faults.length > 0, `${JSON.stringify(value)} was taken`)
      t.true(
        faults.every(fault => fault.startsWith(`${name}: `)),
        faults.join('\n'),
      )
    }
  })
}

test('all faults are told at once, each in a sentence that does not repeat the value', t => {
  const faults = faultsOf({ minReplicas: '-1', openAiApiKey: 'hunter2', requestTimeout: 'long', typo: '1' })
  t.is(faults.length, 4)
  t.false(faults.join('\n').includes('hunter2'))
  t.true(faults.some(fault => fault.startsWith('typo: is not a setting')))
})

test('the message of a fault names the stack and lists every fault on its own line', t => {
  const error = t.throws(() => read({ prefix: 'X', maxReplicas: '0' }), { instanceOf: SettingsError })
  t.regex(error?.message ?? '', /stack dev has 2 faults:\n {2}- .+\n {2}- /)
})

const across: [title: string, values: Record<string, unknown>, stack: string, fault: RegExp][] = [
  ['more replicas at least than at most', { minReplicas: 3, maxReplicas: 2 }, 'dev', /^minReplicas: is over/],
  [
    'a gateway that is larger at least than at most',
    { gatewayMinCapacity: 5 },
    'dev',
    /^gatewayMinCapacity: is over/,
  ],
  ['zones with a single replica', { zoneRedundant: 'true' }, 'dev', /^minReplicas: zones/],
  ['a stack other than dev that does not say who may come in', {}, 'prod', /^gatewayAuth: is required/],
  ['key without keys', { gatewayAuth: 'key' }, 'dev', /^gatewayApiKeys: is unset/],
  [
    'entra without a tenant',
    { gatewayAuth: 'entra', entraAudience: 'api://x' },
    'dev',
    /^entraTenantId: is unset/,
  ],
  [
    'entra without an audience',
    {
      gatewayAuth: 'entra',
      entraTenantId: '00000000-0000-0000-0000-000000000000',
    },
    'dev',
    /^entraAudience: is unset/,
  ],
  [
    'keys that nobody is asked for',
    { gatewayAuth: 'none', gatewayApiKeys: 'me:12345678' },
    'dev',
    /^gatewayApiKeys: is set, but/,
  ],
  [
    'an audience that nobody is asked for',
    { gatewayAuth: 'key', gatewayApiKeys: 'me:12345678', entraAudience: 'api://x' },
    'dev',
    /^entraAudience: is set, but gatewayAuth has no entra/,
  ],
  [
    'a certificate without its host name',
    { tlsCertificateSecretId: 'https://vault1.vault.azure.net/secrets/a', keyVaultResourceGroup: 'rg' },
    'dev',
    /^hostName: is unset/,
  ],
  [
    "a certificate without its vault's group",
    { tlsCertificateSecretId: 'https://vault1.vault.azure.net/secrets/a', hostName: 'a.example.com' },
    'dev',
    /^keyVaultResourceGroup: is unset/,
  ],
  [
    'subnets of two networks',
    {
      gatewaySubnetId: subnetOf('vnet1', 'gateway'),
      appsSubnetId: subnetOf('vnet2', 'apps'),
      endpointsSubnetId: subnetOf('vnet1', 'endpoints'),
    },
    'dev',
    /^gatewaySubnetId: is not in the network/,
  ],
  [
    'further regions beside existing accounts',
    {
      openAiAccountIds: idOf('Microsoft.CognitiveServices/accounts/a'),
      openAiFailoverLocations: 'eastus2',
    },
    'dev',
    /^openAiFailoverLocations: is for accounts made here/,
  ],
  [
    'a failover to the region that failed',
    { openAiFailoverLocations: 'swedencentral' },
    'dev',
    /^openAiFailoverLocations: names a region twice/,
  ],
  [
    'fewer keys than accounts',
    { openAiApiKey: '0123456789abcdef', openAiFailoverLocations: 'eastus2' },
    'dev',
    /^openAiApiKey: allowed is one key for each account, of which there are 2/,
  ],
  ['a closed network with a registry that cannot be closed', { network: 'private' }, 'dev', /^registrySku: /],
  [
    'a host name outside its zone',
    { hostName: 'talk.contoso.com', dnsZoneId: idOf('Microsoft.Network/dnszones/fabrikam.com') },
    'dev',
    /^hostName: is not in the zone/,
  ],
  ['a budget that tells no one', { monthlyBudget: 100 }, 'dev', /^alertEmail: is unset/],
  ['a stack whose name does not fit in names', { gatewayAuth: 'none' }, 'Production-EU', /^the stack: /],
]

for (const [title, values, stack, fault] of across) {
  test(`refused: ${title}`, t => {
    const faults = faultsOf(values, stack)
    t.is(faults.length, 1, faults.join('\n'))
    t.regex(faults[0] ?? '', fault)
  })
}

test('the drain ends five seconds before the grace period does', t => {
  t.is(read({}).drainDeadlineMs, 25_000)
  t.is(read({ terminationGracePeriodSeconds: '600' }).drainDeadlineMs, 595_000)
})

test('Redis is on by itself when there may be more than one replica', t => {
  t.true(read({}).redis)
  t.false(read({ maxReplicas: '1' }).redis)
  t.true(read({ maxReplicas: '1', redis: 'on' }).redis)
  t.false(read({ redis: 'off' }).redis)
})

test('a stack without TLS, without authentication, or with replicas that share nothing is warned', t => {
  t.regex(read({ gatewayAuth: 'none' }).warnings.join('\n'), /gatewayAuth is none/)
  const warnings = read({ redis: 'off' }).warnings.join('\n')
  t.regex(warnings, /microphone/)
  t.regex(warnings, /redis is off/)
  t.notRegex(read({ gatewayAuth: 'none', clientRanges: '203.0.113.0/24' }).warnings.join('\n'), /gatewayAuth/)
})

test('a stack that asks for credentials over plain http is warned that they can be read on the way', t => {
  const keyed = { gatewayAuth: 'key', gatewayApiKeys: 'me:12345678' }
  t.regex(read(keyed).warnings.join('\n'), /in the clear/)
  const tls = {
    tlsCertificateSecretId: 'https://vault1.vault.azure.net/secrets/a',
    keyVaultResourceGroup: 'rg',
    hostName: 'a.example.com',
  }
  for (const safe of [{ gatewayAuth: 'none' }, { ...keyed, ...tls }])
    t.notRegex(read(safe).warnings.join('\n'), /in the clear/)
})

test('the models of the defaults are generally available on Azure, and live longest of those that are', t => {
  const { openAiModelName, openAiModelVersion, transcriptionModelName, transcriptionModelVersion } = read({})
  for (const [name, version] of [
    [openAiModelName, openAiModelVersion],
    [transcriptionModelName, transcriptionModelVersion],
  ]) {
    const model = findModel(name ?? '')
    const chosen = model?.azure.find(offered => offered.version === version)
    t.is(chosen?.state, 'ga', name)
    const ends = models
      .filter(({ kind }) => kind === model?.kind)
      .flatMap(({ azure }) =>
        azure.flatMap(({ state, retiredOn }) => (state === 'ga' ? (retiredOn ?? []) : [])),
      )
    t.is(chosen?.retiredOn, ends.sort().at(-1), name)
  }
})

const modelRows: [values: Record<string, string>, day: string, warning: RegExp | null][] = [
  [{}, '2026-11-28', null],
  [
    {},
    '2027-04-26',
    /On Azure, gpt-realtime-1\.5 2026-02-23 is retired on 2027-08-24, in 120 days: choose another openAiModelName and openAiModelVersion/,
  ],
  [
    { openAiModelName: 'gpt-realtime', openAiModelVersion: '2025-08-28' },
    '2026-11-28',
    /gpt-realtime 2025-08-28 is retired on 2027-03-02, in 94 days/,
  ],
  [
    { openAiModelName: 'gpt-realtime', openAiModelVersion: '2025-08-28' },
    '2027-03-02',
    /gpt-realtime 2025-08-28 was retired on 2027-03-02/,
  ],
  [
    { openAiModelName: 'gpt-realtime-2.1', openAiModelVersion: '2026-07-07' },
    '2026-11-28',
    /gpt-realtime-2\.1 2026-07-07 is a preview, .*: choose another openAiModelName/,
  ],
  [{ openAiModelName: 'gpt-realtime-of-tomorrow', openAiModelVersion: '2030-01-01' }, '2029-01-01', null],
]

for (const [values, day, warning] of modelRows) {
  test(`at a preview on ${day}, ${values.openAiModelName ?? 'the default model'}: ${warning ?? 'nothing to warn of'}`, t => {
    const { warnings } = readSettings({ stack: 'dev', values, today: new Date(day), preview: true })
    // The default that writes down has its own end, of which another test tells.
    const found = warnings.filter(text => /^On Azure, gpt-realtime/.test(text))
    if (warning === null) t.deepEqual(found, [])
    else t.regex(found.join('\n'), warning)
  })
}

test('the model that writes down is warned of too, by its own settings, unless nothing is written down', t => {
  const old = { transcriptionModelName: 'whisper', transcriptionModelVersion: '001' }
  t.regex(
    read(old).warnings.join('\n'),
    /whisper 001 is retired on 2026-12-15, .*: choose another transcriptionModelName and transcriptionModelVersion/,
  )
  t.notRegex(read({ ...old, transcriptionDeploymentName: '' }).warnings.join('\n'), /whisper/)
})

for (const stack of ['dev', 'prod']) {
  test(`the stack file of ${stack} is accepted as it stands, and holds no secret`, t => {
    t.deepEqual(faultsOf(stackFile(stack), stack), [])
    for (const name of settingNames) {
      if (settingMeta(name).secret) t.false(name in stackFile(stack), name)
    }
  })
}

test('every value of a stack file has the type that Pulumi.yaml gives it, which Pulumi checks before the program', t => {
  const fits: Record<string, (value: unknown) => boolean> = {
    string: value => typeof value === 'string',
    integer: Number.isInteger,
    boolean: value => typeof value === 'boolean',
    array: value => Array.isArray(value) && value.every(item => typeof item === 'object'),
  }
  for (const stack of ['dev', 'prod']) {
    for (const [name, value] of Object.entries(stackFile(stack)))
      t.true(fits[settingMeta(name as SettingName).type]?.(value), `${stack}: ${name}`)
  }
})

test('prod is zone redundant, has three replicas, ten minutes of grace, a firewall, TLS, Redis and Entra', t => {
  const prod = read(stackFile('prod'), 'prod')
  t.like(prod, {
    zoneRedundant: true,
    minReplicas: 3,
    terminationGracePeriodSeconds: 600,
    gatewaySku: 'WAF_v2',
    redis: true,
    gatewayAuth: 'entra',
    openAiApiKey: undefined,
  })
  t.truthy(prod.tlsCertificateSecretId)
  const own = ownValues(stackFile('prod'))
  t.false(read(own, 'prod').warnings.some(warning => /placeholder/.test(warning)))
})

/** Units that a new subscription has in a region (learn.microsoft.com, foundry/openai/quotas-limits, tier 1). */
const newSubscriptionUnits = 10

test('both stacks together ask for no more of the model than a new subscription has, and dev leaves most of it', t => {
  const [dev, prod] = ['dev', 'prod'].map(stack => read(stackFile(stack), stack))
  t.is(dev?.openAiLocation, prod?.openAiLocation)
  const units = [dev, prod].map(settings => settings?.openAiDeploymentCapacity ?? 0)
  t.true(units.reduce((sum, count) => sum + count) <= newSubscriptionUnits)
  t.true((units[0] ?? 0) <= 2)
})

test('a placeholder in a stack file warns at a preview, and stops an update before anything is created', t => {
  const placeholders = [
    'entraTenantId',
    'entraAudience',
    'entraPagesClientId',
    'hostName',
    'tlsCertificateSecretId',
    'keyVaultResourceGroup',
  ]
  const warned = read(stackFile('prod'), 'prod').warnings.filter(warning => /placeholder/.test(warning))
  t.deepEqual(
    warned.map(warning => warning.split(':')[0]),
    placeholders,
  )
  const update = (values: Record<string, unknown>) =>
    readSettings({ stack: 'prod', values, today, preview: false })
  const error = t.throws(() => update(stackFile('prod')), { instanceOf: SettingsError })
  t.deepEqual(error?.faults, warned)
  t.notThrows(() => update(ownValues(stackFile('prod'))))
})

test('on dev, clients need a key without anyone having said so; it is made unless one is configured', t => {
  t.like(read({}), { gatewayAuth: 'key', generatesKey: true })
  t.like(read({ gatewayApiKeys: 'me:12345678' }), { gatewayAuth: 'key', generatesKey: false })
  t.like(read({ gatewayAuth: 'none' }), { gatewayAuth: 'none', generatesKey: false })
})

test('to have no replica is warned of where health checks keep one', t => {
  const awake = read({ minReplicas: 0 }).warnings.join('\n')
  t.regex(awake, /set gatewayProbeInterval above their sum/)
  t.notRegex(read({ minReplicas: 0, gatewayProbeInterval: 331 }).warnings.join('\n'), /gatewayProbeInterval/)
})

test('a closed network is warned that browsers cannot call over WebRTC', t => {
  t.regex(read({ network: 'private', registrySku: 'Premium' }).warnings.join('\n'), /WebRTC/)
})

test('Pulumi.yaml types, describes and defaults every setting as the program does', t => {
  const project = yaml.load(readText('Pulumi.yaml')) as {
    runtime: unknown
    main: string
    config: Record<
      string,
      { type: string; items?: unknown; description: string; default: unknown; secret?: boolean }
    >
  }
  t.deepEqual(project.runtime, { name: 'nodejs', options: { typescript: false } })
  t.is(project.main, 'index.ts')
  t.deepEqual(Object.keys(project.config), settingNames)
  for (const name of settingNames) {
    const declared = project.config[name]
    const meta = settingMeta(name)
    t.is(declared?.type, meta.type, name)
    t.is(declared?.description, `${meta.description}; ${meta.allowed}`, name)
    t.deepEqual(
      settingTable.shape[name].parse(declared?.default),
      settingTable.shape[name].parse(undefined),
      name,
    )
    t.is(declared?.secret, undefined, 'Pulumi refuses a secret key with a plain default')
    if (meta.type === 'array') t.deepEqual(declared?.items, { type: 'object' })
  }
})
