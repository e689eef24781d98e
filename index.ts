/** The infrastructure of one stack, in the order in which its parts depend on each other. */
import { join } from 'node:path'
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as pulumi from '@pulumi/pulumi'
import { createAlerts } from './infra/alerts.ts'
import { createApp, listRevisions } from './infra/app.ts'
import { readAssistants, secretOfVariable } from './infra/assistants.ts'
import { createAvailability } from './infra/availability.ts'
import { createBudget } from './infra/budget.ts'
import { createCertificateReader } from './infra/certificate.ts'
import { createHostRecord } from './infra/dns.ts'
import { createEnvironment } from './infra/environment.ts'
import { createFoundation } from './infra/foundation.ts'
import { createGateway } from './infra/gateway.ts'
import { provideGatewayKeys } from './infra/gateway-keys.ts'
import { createIdentity } from './infra/identity.ts'
import { provideImage } from './infra/image.ts'
import { keepSecrets } from './infra/kept-secrets.ts'
import { createNetwork } from './infra/network.ts'
import { createOpenAi } from './infra/openai.ts'
import { warnOfQuota } from './infra/preflight.ts'
import { createRedis } from './infra/redis.ts'
import { createRegistry } from './infra/registry.ts'
import { grant } from './infra/roles.ts'
import { createSmokeJob } from './infra/smoke-job.ts'
import { choosePort, readPreviousSecrets, readPreviousUpdate, readStack, referToSelf } from './infra/stack.ts'
import { createTelemetry } from './infra/telemetry.ts'
import { createTracing } from './infra/tracing.ts'
import { createVault, type SecretName } from './infra/vault.ts'
import { createWorkbook } from './infra/workbook.ts'

const clock = {
  now: () => Date.now(),
  wait: (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms)),
}
const settings = readStack(new Date(clock.now()))
const assistants = readAssistants(join(import.meta.dirname, 'assistants'), settings.assistantSecrets)
for (const name of assistants.unused)
  pulumi.log.warn(`assistantSecrets: "${name}" stands in env of no assistant; nobody is given it`)
const account = await authorization.getClientConfig()
const foundation = createFoundation(settings, account, clock)
const { names } = foundation
const publicUrl = `${settings.tlsCertificateSecretId === undefined ? 'http' : 'https'}://${names.host}`
const self = referToSelf()
const previous = readPreviousUpdate(self)
previous.apply(update =>
  warnOfQuota(settings, update, { subscriptionId: account.subscriptionId, ask: fetch }),
)

const secretsInUse = await keepSecrets(
  await readPreviousSecrets(self),
  { subscriptionId: account.subscriptionId, group: names.group, app: names.app },
  fetch,
)
const isInUse = (secret: SecretName) => secretsInUse.some(({ name }) => name === secret)

const network = createNetwork(foundation)
const telemetry = createTelemetry(foundation, network)

const identities = {
  app: createIdentity(foundation, 'app'),
  platform: createIdentity(foundation, 'platform'),
}
const registry = createRegistry(foundation, network)
const mayPull = grant(foundation, 'platform-may-pull', {
  role: 'acrPull',
  to: identities.platform.principalId,
  on: registry.id,
  outside: registry.outside,
})

const openAi = createOpenAi(foundation, { network, keyInUse: isInUse('openai-key') })
const mayAsk = openAi.accounts.map(({ suffix, id, outside }) =>
  grant(foundation, `app-may-ask-model${suffix}`, {
    role: 'openAiUser',
    to: identities.app.principalId,
    on: id,
    outside,
  }),
)

const gatewayKeys = provideGatewayKeys(settings)
const redis = settings.redis
  ? createRedis(foundation, { app: identities.app, network, keyInUse: isInUse('redis-key') })
  : undefined
const vault = createVault(foundation, {
  reader: identities.platform,
  network,
  values: {
    'openai-key': openAi.keys,
    'gateway-keys': gatewayKeys.value,
    'redis-key': redis?.key,
    'webhook-secret': settings.webhookSecret,
    'events-secret': settings.eventsWebhookSecret,
    'otlp-headers': settings.otlpHeaders,
  },
  toolValues: Object.fromEntries(
    Object.entries(assistants.secrets).map(([name, value]) => [secretOfVariable(name), value]),
  ),
  inUse: secretsInUse,
})
for (const { name } of vault.kept)
  pulumi.log.warn(
    `The secret ${name} has no value any more; it stays for revisions that run with it, and goes with the first update after they are deactivated (npm run azure:retire -- ${settings.stack})`,
  )

const tracing = createTracing(foundation, {
  app: identities.app,
  workspaceId: telemetry.workspaceId,
  scope: telemetry.scope,
})

const image = provideImage(foundation, registry, { fetch, wait: clock.wait })

const environment = createEnvironment(foundation, network, [mayPull, ...vault.ready])
const { resource: app, revisionSuffixes: suffixes } = createApp(foundation, {
  environment,
  registry,
  identities,
  mayPull,
  vault,
  image,
  openAiEndpoints: openAi.endpoints,
  withOpenAiKey: openAi.keys !== undefined,
  withGatewayKeys: gatewayKeys.value !== undefined,
  withWebhookSecret: settings.webhookSecret !== undefined,
  withEventsSecret: settings.eventsWebhookSecret !== undefined,
  withOtlpHeaders: settings.otlpHeaders !== undefined,
  tracing,
  toolVariables: Object.keys(assistants.secrets),
  identityClientId: identities.app.clientId,
  redisUrl: redis?.url,
  redisAddress: redis?.address,
  publicUrl,
  previous,
  targetPort: previous.apply(update => choosePort(settings, update)),
  after: [
    mayPull,
    ...registry.ready,
    ...vault.ready,
    ...mayAsk,
    ...openAi.ready,
    ...(redis?.ready ?? []),
    ...(tracing?.ready ?? []),
    ...environment.resolvable,
  ],
})
const smoke = createSmokeJob(foundation, { environment, registry, platform: identities.platform })

const gateway = createGateway(foundation, {
  network,
  environment,
  certificateReader: createCertificateReader(foundation),
})
createHostRecord(foundation, network)
const logs = telemetry.collect('environment', environment.id)
telemetry.collect('gateway', gateway.id, 'Dedicated')
for (const { suffix, id, outside } of openAi.accounts) if (!outside) telemetry.collect(`openai${suffix}`, id)
createAlerts(foundation, {
  gatewayId: gateway.id,
  appId: app.id,
  workspaceId: telemetry.workspaceId,
  logs,
  availability: createAvailability(foundation, { publicUrl, workspaceId: telemetry.workspaceId }),
})
createWorkbook(foundation, telemetry.workspaceId)
createBudget(foundation)

export const resourceGroup = foundation.group
export const containerRegistryLoginServer = registry.loginServer
export const containerAppName = app.name
export const containerAppUrl = pulumi.interpolate`https://${names.app}.${environment.defaultDomain}`
export const containerTargetPort = settings.containerTargetPort
export const applicationGatewayName = names.gateway
export const applicationGatewayPublicIp = network.publicIp.ipAddress
export const applicationGatewayUrl = publicUrl
export const gatewayKey = gatewayKeys.generated
export const azureOpenAiEndpoint = openAi.endpoints.apply(list => list.split(',')[0] ?? '')
export const azureOpenAiDeployment = settings.openAiDeploymentName
export const modelUnits = openAi.units
export const imageRef = image
export const assistantVersions = assistants.versions
export const latestRevision = app.latestRevisionName
export const revisions = listRevisions(app)
export const secretReferences = pulumi.all(
  [...vault.references, ...vault.kept].map(({ name, keyVaultUrl }) => ({ name, keyVaultUrl })),
)
export const revisionSuffixes = suffixes
export const smokeJob = smoke.name
export const logWorkspace = telemetry.workspaceId
