import test from 'ava'
import { ownVariables } from '../../infra/own-variables.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { environment } from '../../runtime/config/environment.ts'
import { warnOfRetirements } from '../../runtime/models/warnings.ts'
import { runProgram, stackFile } from './azure.ts'

type Variable = { name: string; value?: string; secretRef?: string }

/** What the platform adds (learn.microsoft.com, container-apps/environment-variables and managed-identity). */
const platform = {
  CONTAINER_APP_REVISION: 'gptrt-prod--r0123456789',
  CONTAINER_APP_REPLICA_NAME: 'gptrt-prod--r0123456789-6f5c-abcde',
  IDENTITY_ENDPOINT: 'http://localhost:42356/msi/token',
}

const secretValues: Record<string, string> = {
  'openai-key': '0123456789abcdef',
  'gateway-keys': 'alice:correct-horse-battery',
  'webhook-secret': 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
  'events-secret': 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
  'otlp-headers': 'api-key=not-a-real-secret',
}

async function variablesOf(stack: string, config: Record<string, unknown> = {}): Promise<Variable[]> {
  const run = await runProgram({ stack, config: { ...stackFile(stack), ...config } })
  const { template } = run.find('azure-native:app:ContainerApp').inputs as {
    template: { containers: { env: Variable[] }[] }
  }
  return template.containers[0]?.env ?? []
}

const withKeys = {
  gatewayAuth: 'key,entra',
  gatewayApiKeys: 'alice:correct-horse-battery',
  openAiApiKey: '0123456789abcdef',
  webhookSecret: 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
  eventsWebhookUrl: 'https://events.example.com/gateway',
  eventsWebhookSecret: 'whsec_bm90LWEtcmVhbC1zZWNyZXQ=',
}

/** To a collector of one's own, beside what goes to Application Insights. */
const withCollector = {
  otlpHeaders: 'api-key=not-a-real-secret',
  variables: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'https://collector.example.com' }],
}

const stacks: [title: string, stack: string, config: Record<string, unknown>][] = [
  ['dev', 'dev', {}],
  ['prod', 'prod', {}],
  ['prod with keys', 'prod', withKeys],
  ['prod with a collector', 'prod', withCollector],
]

test.serial(
  'a variable that no other setting makes reaches the gateway, numbers and flags as texts',
  async t => {
    const variables = [
      { name: 'REALTIME_VOICE', value: 'marin' },
      { name: 'REALTIME_AUTO_CLOSE', value: false },
    ]
    const given = await variablesOf('dev', { variables })
    t.deepEqual(given.slice(-2), [
      { name: 'REALTIME_VOICE', value: 'marin' },
      { name: 'REALTIME_AUTO_CLOSE', value: 'false' },
    ])
  },
)

test.serial('the gateway is told of which model its deployment is, and finds nothing to warn of', async t => {
  const variables = await variablesOf('dev', {})
  const valueGiven = (name: string) => String(variables.find(variable => variable.name === name)?.value)
  const names = ['AZURE_OPENAI_DEPLOYMENT_NAME', 'AZURE_OPENAI_MODEL', 'CHAT_TRANSCRIPTION_MODEL'] as const
  t.is(valueGiven('AZURE_OPENAI_DEPLOYMENT_NAME'), 'gpt-realtime')
  t.is(valueGiven('AZURE_OPENAI_MODEL'), 'gpt-realtime-1.5@2026-02-23')
  const { configured } = readConfig({
    AZURE_OPENAI_ENDPOINT: 'https://name.openai.azure.com/',
    AZURE_OPENAI_AUTH: 'entra',
    ...Object.fromEntries(names.map(name => [name, valueGiven(name)])),
  }).models
  t.deepEqual(warnOfRetirements(configured, new Date('2026-11-28')), [])
})

test.serial('what other settings make, and the platform, is known by name, all of it', async t => {
  const made = await variablesOf('prod', { ...withKeys, ...withCollector, containerCpu: '2' })
  const own = made.map(({ name }) => name).filter(name => name !== 'OTEL_EXPORTER_OTLP_ENDPOINT')
  t.deepEqual([...own, ...Object.keys(platform)].sort(), [...ownVariables].sort())
})

test.serial('spans go to the component of the stack, by the identity of the app', async t => {
  const given = await variablesOf('prod')
  const env = Object.fromEntries(
    given.map(({ name, value, secretRef }) => [name, value ?? secretValues[secretRef ?? '']]),
  )
  const { tracing } = readConfig({ ...env, ...platform })
  t.regex(
    tracing?.azure?.connectionString ?? '',
    /^InstrumentationKey=[0-9a-f-]{36};IngestionEndpoint=https:/,
  )
  t.is(tracing?.azure?.entra?.clientId, env.AZURE_CLIENT_ID)
  t.is(tracing?.otlp, null)
  const without = await variablesOf('prod', { tracing: 'off' })
  t.false(without.some(({ name }) => name.startsWith('APPLICATIONINSIGHTS')))
})

test.serial('prices, budgets of money and who may see all usage are told by variables', async t => {
  const variables = [
    { name: 'PRICES_FILE', value: 'usage/prices.yaml' },
    { name: 'LIMIT_COST_PER_DAY_PER_CREDENTIAL', value: 20 },
    { name: 'LIMIT_COST_PER_DAY_PER_ADDRESS', value: '7.5' },
    { name: 'OPERATORS', value: 'key:alice' },
    { name: 'ENTRA_OPERATOR_ROLE', value: 'Gateway.Operator' },
  ]
  const given = await variablesOf('prod', { ...withKeys, variables })
  const env = Object.fromEntries(
    given.map(({ name, value, secretRef }) => [name, value ?? secretValues[secretRef ?? '']]),
  )
  const { usage, limits } = readConfig({ ...env, ...platform })
  t.true(usage.operators.has('key:alice'))
  t.is(usage.operatorRole, 'Gateway.Operator')
  t.truthy(limits)
})

test.serial(
  'a process for each core begun, and two at least: a single one cannot be replaced when a client stops it',
  async t => {
    const workers: [containerCpu: string, count: number][] = [
      ['0.5', 2],
      ['1', 2],
      ['1.25', 2],
      ['2', 2],
    ]
    for (const [containerCpu, count] of workers) {
      const value = (await variablesOf('dev', { containerCpu })).find(({ name }) => name === 'WORKERS')?.value
      t.is(readConfig(value === undefined ? {} : { WORKERS: value }).workers, count, containerCpu)
    }
  },
)

for (const [title, stack, config] of stacks) {
  test.serial(`${title}: every variable of the container is one that the runtime knows`, async t => {
    const unknown = (await variablesOf(stack, config))
      .map(({ name }) => name)
      .filter(name => !(name in environment.shape))
    t.deepEqual(unknown, [])
  })

  test.serial(`${title}: the runtime accepts the container's environment as it stands`, async t => {
    const variables = await variablesOf(stack, config)
    const given = Object.fromEntries(
      variables.map(({ name, value, secretRef }) => [name, value ?? secretValues[secretRef ?? '']]),
    )
    const { host, port, drain } = readConfig({ ...given, ...platform })
    t.is(host, '0.0.0.0')
    t.is(port, 8080)
    t.is(drain.deadlineMs, stack === 'prod' ? 595_000 : 25_000)
  })
}
