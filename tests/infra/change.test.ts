/** What a change of the configuration changes, resource by resource. */
import test from 'ava'
import { settingNames } from '../../infra/setting-table.ts'
import { type Run, type RunOptions, runProgram, stackFile } from './azure.ts'

const gatewayType = 'azure-native:network:ApplicationGateway'
const appType = 'azure-native:app:ContainerApp'

/** Resources that are new, gone or other, by type and name. */
function changed(before: Run, after: Run): string[] {
  const index = ({ resources }: Run) =>
    new Map(resources.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]))
  const [old, young] = [index(before), index(after)]
  return [...new Set([...old.keys(), ...young.keys()])].filter(key => old.get(key) !== young.get(key)).sort()
}

async function change(
  stack: string,
  config: Record<string, unknown>,
  options: RunOptions = {},
): Promise<string[]> {
  const before = await runProgram({ stack })
  return changed(before, await runProgram({ stack, ...options, config: { ...stackFile(stack), ...config } }))
}

for (const stack of ['dev', 'prod']) {
  test.serial(`${stack}: the same configuration asks for the same, to the letter`, async t => {
    t.deepEqual(changed(await runProgram({ stack }), await runProgram({ stack })), [])
  })

  test.serial(`${stack}: another image changes the container app, and nothing else`, async t => {
    const before = await runProgram({ stack })
    const after = await runProgram({ stack, digest: `sha256:${'b'.repeat(64)}` })
    t.deepEqual(changed(before, after), [`${appType} app`])
    const suffix = (run: Run) =>
      (run.find(appType).inputs.template as { revisionSuffix: string }).revisionSuffix
    t.not(suffix(before), suffix(after))
  })
}

test.serial('other weights change the container app only, and make no new revision', async t => {
  const previous = [{ revision: 'gptrt-prod--rold', weight: 100 }]
  const dark = await runProgram({ stack: 'prod', previous })
  const half = [
    { revision: 'gptrt-prod--rold', weight: 50 },
    { revision: 'newest', weight: 50, label: 'next' },
  ]
  const shifted = await runProgram({ stack: 'prod', config: { ...stackFile('prod'), traffic: half } })
  t.deepEqual(
    changed(dark, shifted).filter(key => !key.startsWith('pulumi:pulumi:StackReference')),
    [`${appType} app`],
  )
  t.deepEqual(dark.find(appType).inputs.template, shifted.find(appType).inputs.template)
  t.deepEqual(
    (dark.outputs.revisions as { weight: number }[]).map(({ weight }) => weight),
    [100, 0],
  )
  t.deepEqual(
    (shifted.outputs.revisions as { weight: number }[]).map(({ weight }) => weight),
    [50, 50],
  )
})

test.serial(
  'a secret with a new value makes a new revision, as replicas read secrets when they start',
  async t => {
    const keyed = { ...stackFile('dev'), gatewayAuth: 'key', gatewayApiKeys: 'alice:correct-horse-battery' }
    const before = await runProgram({ config: keyed })
    const after = await runProgram({ config: { ...keyed, gatewayApiKeys: 'alice:another-horse-battery' } })
    const suffix = (run: Run) =>
      (run.find(appType).inputs.template as { revisionSuffix: string }).revisionSuffix
    t.is(suffix(before), suffix(await runProgram({ config: keyed })))
    t.not(suffix(before), suffix(after))
  },
)

const idOf = (place: string) =>
  `/subscriptions/44444444-4444-4444-4444-444444444444/resourceGroups/shared-rg/providers/${place}`

/** Settings that are not the Application Gateway's, each with another value than the stack dev has. */
const others: Record<string, unknown> = {
  openAiLocation: 'eastus2',
  minReplicas: 2,
  maxReplicas: 5,
  cooldownPeriod: 600,
  pollingInterval: 60,
  containerCpu: '1',
  containerTargetPort: 8181,
  terminationGracePeriodSeconds: 60,
  registrySku: 'Premium',
  openAiDeploymentName: 'other',
  openAiModelName: 'gpt-realtime-2',
  openAiModelVersion: '2026-05-06',
  openAiDeploymentSku: 'Standard',
  openAiDeploymentCapacity: 20,
  transcriptionDeploymentName: 'scribe',
  transcriptionModelName: 'gpt-4o-transcribe',
  transcriptionModelVersion: '2025-03-20',
  transcriptionDeploymentSku: 'Standard',
  transcriptionDeploymentCapacity: 20,
  openAiFailoverLocations: 'centralus',
  openAiAuth: 'key',
  openAiApiKey: '0123456789abcdef,fedcba9876543210',
  gatewayApiKeys: 'alice:correct-horse-battery',
  webhookSecret: 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
  eventsWebhookUrl: 'https://events.example.com',
  eventsWebhookSecret: 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
  tracing: 'off',
  otlpHeaders: 'api-key=not-a-real-secret',
  // No assistant here declares it: nothing changes.
  assistantSecrets: '{"STRIPE_KEY":"not-a-real-secret"}',
  gatewayAuth: 'key,entra',
  entraTenantId: '33333333-3333-4333-8333-333333333333',
  entraAudience: 'api://x',
  entraRequiredScope: 'A',
  entraRequiredRole: 'B',
  entraPagesClientId: '66666666-6666-4666-8666-666666666666',
  allowedOrigins: 'https://a.example',
  clientRanges: '203.0.113.0/24',
  idleTimeoutInMinutes: 15,
  imageRef: `ghcr.io/owner/gateway@sha256:${'c'.repeat(64)}`,
  traffic: [{ revision: 'newest', weight: 100, label: 'live' }],
  variables: [
    { name: 'REALTIME_VOICE', value: 'marin' },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'https://collector.example.com' },
  ],
  redis: 'off',
  redisSku: 'Balanced_B3',
  alertEmail: 'ops@example.com',
  keyVaultResourceGroup: 'shared-rg',
  hostName: 'talk.contoso.com',
  dnsZoneId: idOf('Microsoft.Network/dnszones/contoso.com'),
  ingress: 'premium',
  keyVaultId: idOf('Microsoft.KeyVault/vaults/contoso'),
  logWorkspaceId: idOf('Microsoft.OperationalInsights/workspaces/logs'),
  logDailyQuotaGb: 1,
  monthlyBudget: 100,
  appsRange: '10.20.4.0/23',
  endpointsRange: '10.20.3.0/26',
}

test.serial('settings that are not its own leave the Application Gateway untouched', async t => {
  const touching = await change('dev', others)
  t.true(touching.includes(`${appType} app`))
  t.false(touching.includes(`${gatewayType} gateway`))
})

const own: [setting: string, value: unknown][] = [
  ['gatewayMinCapacity', 2],
  ['gatewayMaxCapacity', 5],
  ['gatewaySku', 'WAF_v2'],
  ['requestTimeout', 7200],
  ['drainTimeoutInSec', 1800],
  ['gatewayProbeInterval', 60],
]

/** These name or place everything, the Application Gateway included, or give it a certificate. */
const everywhere = [
  'prefix',
  'location',
  'zoneRedundant',
  'tlsCertificateSecretId',
  'networkRange',
  'gatewayRange',
  'gatewaySubnetId',
  'appsSubnetId',
  'endpointsSubnetId',
]

/** Tried with others, as each needs another setting: a registry's size, or a firewall. */
const together = ['network', 'firewallMode', 'sessionsPerReplica', 'openAiAccountIds', 'registryId']

test("every setting is known to be the Application Gateway's own, or not", t => {
  const known = [...Object.keys(others), ...own.map(([setting]) => setting), ...everywhere, ...together]
  t.deepEqual(known.sort(), [...settingNames].sort())
})

for (const [setting, value] of own) {
  test.serial(`${setting} is the Application Gateway's own, and changes it alone`, async t => {
    const touched = await change('dev', { [setting]: value })
    t.true(touched.includes(`${gatewayType} gateway`))
    t.deepEqual(
      touched.filter(key => !/ApplicationGateway|ApplicationFirewall/.test(key)),
      [],
    )
  })
}
