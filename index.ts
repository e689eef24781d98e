/** The infrastructure of one stack, in the order in which its parts depend on each other. */
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as pulumi from '@pulumi/pulumi'
import { createAlerts } from './infra/alerts.ts'
import { createApp, listRevisions } from './infra/app.ts'
import { createAvailability } from './infra/availability.ts'
import { createCertificateReader } from './infra/certificate.ts'
import { createEnvironment } from './infra/environment.ts'
import { createGateway } from './infra/gateway.ts'
import { createGround } from './infra/ground.ts'
import { createIdentity } from './infra/identity.ts'
import { provideImage } from './infra/image.ts'
import { createNetwork } from './infra/network.ts'
import { createOpenAi } from './infra/openai.ts'
import { createRedis } from './infra/redis.ts'
import { createRegistry } from './infra/registry.ts'
import { grant } from './infra/roles.ts'
import { createSmokeJob } from './infra/smoke-job.ts'
import { readPreviousRevisions, readStack } from './infra/stack.ts'
import { createTelemetry } from './infra/telemetry.ts'
import { createVault } from './infra/vault.ts'

const settings = readStack(new Date())
const ground = createGround(settings, await authorization.getClientConfig())
const { names } = ground
const publicUrl = `${settings.tlsCertificateSecretId === undefined ? 'http' : 'https'}://${names.host}`

const network = createNetwork(ground)
const telemetry = createTelemetry(ground)

const identities = { app: createIdentity(ground, 'app'), platform: createIdentity(ground, 'platform') }
const registry = createRegistry(ground)
const mayPull = grant(ground, 'platform-may-pull', {
  role: 'acrPull',
  to: identities.platform.principalId,
  on: registry.id,
})

const vault = createVault(ground, identities.platform)

const openAi = createOpenAi(ground)
const mayAsk = grant(ground, 'app-may-ask-model', {
  role: 'openAiUser',
  to: identities.app.principalId,
  on: openAi.account.id,
})

const redis = settings.redis ? createRedis(ground, { app: identities.app, network }) : undefined
const image = provideImage(ground, registry, {
  fetch,
  wait: ms => new Promise(resolve => setTimeout(resolve, ms)),
})

const environment = createEnvironment(ground, network, [mayPull, ...vault.ready])
const app = createApp(ground, {
  environment,
  registry,
  identities,
  vault,
  image,
  openAiEndpoint: openAi.endpoint,
  identityClientId: identities.app.clientId,
  redisUrl: redis?.url,
  publicUrl,
  previous: readPreviousRevisions(settings),
  after: [
    mayPull,
    ...vault.ready,
    mayAsk,
    ...openAi.ready,
    ...(redis?.ready ?? []),
    ...environment.resolvable,
  ],
})
const smoke = createSmokeJob(ground, { environment, registry, platform: identities.platform })

const gateway = createGateway(ground, {
  network,
  environment,
  certificateReader: createCertificateReader(ground),
})

telemetry.collect('environment', environment.id)
telemetry.collect('gateway', gateway.id, 'Dedicated')
telemetry.collect('openai', openAi.account.id)
createAlerts(ground, {
  gatewayId: gateway.id,
  appId: app.id,
  workspaceId: telemetry.workspaceId,
  availability: createAvailability(ground, { publicUrl, workspaceId: telemetry.workspaceId }),
})

export const resourceGroup = ground.group
export const containerRegistryLoginServer = registry.loginServer
export const containerAppName = app.name
export const containerAppUrl = pulumi.interpolate`https://${names.app}.${environment.defaultDomain}`
export const applicationGatewayPublicIp = network.publicIp.ipAddress
export const applicationGatewayUrl = publicUrl
export const azureOpenAiEndpoint = openAi.endpoint
export const azureOpenAiDeployment = openAi.deployment.name
export const imageRef = image
export const latestRevision = app.latestRevisionName
export const revisions = listRevisions(app)
export const smokeJob = smoke.name
export const logWorkspace = telemetry.workspaceId
