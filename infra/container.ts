/** What a revision is made of: the container, its environment, its probes, how it scales. */
import type { types } from '@pulumi/azure-native'
import { type Input, output } from '@pulumi/pulumi'
import { noTranscription, paths, unitsKey, unitsOfFullReplica } from '../runtime/core/contract.ts'
import { secretOfVariable } from './assistants.ts'
import {
  scaleAtCpuPercent,
  scaleAtMemoryPercent,
  sessionsOfFullReplica,
  sizeOf,
  workersOf,
} from './capacity.ts'
import type { Foundation } from './foundation.ts'
import type { Tracing } from './tracing.ts'

type Variable = { name: string } & ({ value: Input<string> } | { secretRef: string })

export interface ContainerParts {
  readonly image: Input<string>
  /** Separated by commas, in the order of failover. */
  readonly openAiEndpoints: Input<string>
  /** A key authenticates with the model, and not the identity. */
  readonly withOpenAiKey: boolean
  readonly withGatewayKeys: boolean
  readonly withWebhookSecret: boolean
  readonly withEventsSecret: boolean
  readonly withOtlpHeaders: boolean
  /** Where spans and metrics go; undefined where they stay. */
  readonly tracing: Pick<Tracing, 'connectionString' | 'authentication'> | undefined
  /** Names of variables that the assistants' tools see, each a secret. */
  readonly toolVariables: readonly string[]
  readonly identityClientId: Input<string>
  readonly redisUrl: string | undefined
  /** Host and port of the same. */
  readonly redisAddress: string | undefined
  /** Address that clients dial: `https://host` or `http://host`. */
  readonly publicUrl: string
}

/** Where Container Apps keeps its own proxies (learn.microsoft.com, custom-virtual-networks). */
const platformNetworks = ['100.100.0.0/17', '100.100.128.0/19', '100.100.160.0/19', '100.100.192.0/19']

/**
 * The container's environment; every name stands in `runtime/config/environment.ts`. A process uses one core:
 * alone on two it could never reach the share of them at which replicas scale. The number is told, not left to
 * `auto`, which counts the host's cores wherever a platform sets no quota.
 */
export function listVariables({ settings }: Foundation, parts: ContainerParts): Variable[] {
  const { entraTenantId, entraRequiredScope, entraRequiredRole } = settings
  const plain: Record<string, Input<string> | undefined> = {
    HOST: '0.0.0.0',
    PORT: String(settings.containerTargetPort),
    WORKERS: String(workersOf(settings.containerCpu)),
    DRAIN_DEADLINE_MS: String(settings.drainDeadlineMs),
    APPLICATION_GATEWAY_HOST: parts.publicUrl,
    AZURE_OPENAI_ENDPOINT: parts.openAiEndpoints,
    AZURE_OPENAI_DEPLOYMENT_NAME: settings.openAiDeploymentName,
    // The deployment's name may be that of another model.
    AZURE_OPENAI_MODEL: `${settings.openAiModelName}@${settings.openAiModelVersion}`,
    AZURE_OPENAI_AUTH: parts.withOpenAiKey ? 'key' : 'entra',
    AZURE_CLIENT_ID: parts.identityClientId,
    // Left out, it would be the runtime's default: the name of a deployment that may not be there.
    CHAT_TRANSCRIPTION_MODEL: settings.transcriptionDeploymentName ?? noTranscription,
    GATEWAY_AUTH: settings.gatewayAuth,
    ENTRA_TENANT_ID: entraTenantId,
    ENTRA_AUDIENCE: settings.entraAudience.join(',') || undefined,
    ENTRA_REQUIRED_SCOPE: entraRequiredScope,
    ENTRA_REQUIRED_ROLE: entraRequiredRole,
    ENTRA_PAGES_CLIENT_ID: settings.entraPagesClientId,
    // The app is reached by another name than the pages': their origin is not its own.
    ALLOWED_ORIGINS: [parts.publicUrl, ...settings.allowedOrigins].join(','),
    TRUSTED_PROXIES: [settings.gatewayRange, settings.appsRange, ...platformNetworks].join(','),
    REDIS_URL: parts.redisUrl,
    SCALE_SESSIONS_PER_REPLICA:
      settings.sessionsPerReplica > 0
        ? String(sessionsOfFullReplica(settings.sessionsPerReplica, sizeOf(settings)))
        : undefined,
    REDIS_AUTH: parts.redisUrl === undefined ? undefined : 'entra',
    APPLICATIONINSIGHTS_CONNECTION_STRING: parts.tracing?.connectionString,
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: parts.tracing?.authentication,
    EVENTS_WEBHOOK_URL: settings.eventsWebhookUrl,
  }
  const variables: Variable[] = Object.entries(plain).flatMap(([name, value]) =>
    value === undefined ? [] : { name, value },
  )
  if (parts.withOpenAiKey) variables.push({ name: 'AZURE_OPENAI_API_KEY', secretRef: 'openai-key' })
  if (parts.withGatewayKeys) variables.push({ name: 'GATEWAY_API_KEYS', secretRef: 'gateway-keys' })
  if (parts.withWebhookSecret) variables.push({ name: 'OPENAI_WEBHOOK_SECRET', secretRef: 'webhook-secret' })
  if (parts.withEventsSecret) variables.push({ name: 'EVENTS_WEBHOOK_SECRET', secretRef: 'events-secret' })
  if (parts.withOtlpHeaders) variables.push({ name: 'OTEL_EXPORTER_OTLP_HEADERS', secretRef: 'otlp-headers' })
  const ofTools = parts.toolVariables.map(name => ({ name, secretRef: secretOfVariable(name) }))
  return [...variables, ...ofTools, ...settings.variables]
}

/** The whole template but for its suffix, and for the rule that names the revision. */
export function describeTemplate(
  foundation: Foundation,
  parts: ContainerParts,
): types.input.app.TemplateArgs {
  const { settings } = foundation
  return {
    terminationGracePeriodSeconds: settings.terminationGracePeriodSeconds,
    containers: [
      {
        name: 'gateway',
        image: parts.image,
        resources: { cpu: settings.containerCpu, memory: `${settings.containerMemoryGib}Gi` },
        env: listVariables(foundation, parts),
        probes: describeProbes(settings.containerTargetPort),
      },
    ],
    scale: describeScale(foundation, []),
  }
}

/** @param sessionRules those that name the revision, whose name is known once the rest of the template is */
export function describeScale(
  { settings }: Foundation,
  sessionRules: readonly types.input.app.ScaleRuleArgs[],
): types.input.app.ScaleArgs {
  const { minReplicas, maxReplicas, cooldownPeriod, pollingInterval } = settings
  const rules = [...loadRules, ...sessionRules, ...(minReplicas === 0 ? [wakeRule] : [])]
  return { minReplicas, maxReplicas, cooldownPeriod, pollingInterval, rules }
}

/**
 * Load as sockets make it: events cost CPU, open sockets memory. The default HTTP rule sees a socket in its
 * first fifteen seconds only (microsoft/azure-container-apps#1167).
 */
const loadRules: types.input.app.ScaleRuleArgs[] = [
  {
    name: 'cpu',
    custom: { type: 'cpu', metadata: { type: 'Utilization', value: String(scaleAtCpuPercent) } },
  },
  {
    name: 'memory',
    custom: { type: 'memory', metadata: { type: 'Utilization', value: String(scaleAtMemoryPercent) } },
  },
]

/** The rules above cannot start a first replica, as none uses CPU: a request can. */
const wakeRule: types.input.app.ScaleRuleArgs = {
  name: 'http',
  http: { metadata: { concurrentRequests: '100' } },
}

/**
 * Reads how full the replicas of this revision are: open sessions and lateness of the event loop, which they publish as
 * a Redis list. The autoscaler takes a password only; it reaches the private address of Redis, whose zone stands beside
 * the network (keda.sh/docs/latest/scalers/redis-lists; microsoft/azure-container-apps#970 shows which names it resolves).
 */
export function describeSessionRule(
  address: Input<string>,
  revision: Input<string>,
): types.input.app.ScaleRuleArgs {
  return {
    name: 'sessions',
    custom: {
      type: 'redis',
      metadata: {
        address,
        listName: output(revision).apply(unitsKey),
        listLength: String(unitsOfFullReplica),
        enableTLS: 'true',
      },
      auth: [{ secretRef: 'redis-key', triggerParameter: 'password' }],
    },
  }
}

/**
 * Readiness follows the drain, so that a replica that goes takes no new connection; liveness does not, or
 * the platform would kill what is draining. All three are set: the defaults probe TCP.
 */
function describeProbes(port: number): types.input.app.ContainerAppProbeArgs[] {
  const ask = (path: string) => ({ httpGet: { path, port, scheme: 'HTTP' }, timeoutSeconds: 2 })
  return [
    { type: 'Startup', ...ask(paths.health), initialDelaySeconds: 1, periodSeconds: 2, failureThreshold: 10 },
    { type: 'Readiness', ...ask(paths.ready), periodSeconds: 3, failureThreshold: 2, successThreshold: 1 },
    { type: 'Liveness', ...ask(paths.health), periodSeconds: 10, failureThreshold: 3 },
  ]
}
