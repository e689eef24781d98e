/**
 * Every stack setting: what it means, what it may be, what it is when unset.
 * A test holds `Pulumi.yaml` to this list; `npm run documents` writes docs/azure/settings.md from it.
 */
import { z } from 'zod'
import { defaultDeployment, defaultGracePeriodSec, defaultPort } from '../runtime/core/contract.ts'

/** What a person reads when a setting is wrong, and in the documents. */
export interface SettingMeta {
  description: string
  allowed: string
  /** How `Pulumi.yaml` types it. */
  type: 'string' | 'integer' | 'boolean' | 'array'
  secret?: boolean
}

const text = (fallback: string, pattern: RegExp, description: string, allowed: string) =>
  z.string().regex(pattern).default(fallback).meta({ description, allowed, type: 'string' })

const optional = (pattern: RegExp, description: string, allowed: string, fallback = '') =>
  z
    .string()
    .refine(value => value === '' || pattern.test(value))
    .default(fallback)
    .meta({ description, allowed: `empty, or ${allowed}`, type: 'string' })

const whole = (fallback: number, min: number, max: number, description: string) =>
  z.coerce
    .number()
    .int()
    .min(min)
    .max(max)
    .default(fallback)
    .meta({ description, allowed: `a whole number from ${min} to ${max}`, type: 'integer' })

const oneOf = <const T extends readonly [string, ...string[]]>(
  words: T,
  fallback: T[number],
  description: string,
) =>
  z
    .enum(words)
    .default(fallback)
    .meta({ description, allowed: words.map(word => word || 'empty').join(', '), type: 'string' })

const flag = (fallback: boolean, description: string) =>
  z
    .union([z.boolean(), z.stringbool()])
    .default(fallback)
    .meta({ description, allowed: 'true or false', type: 'boolean' })

const secret = (pattern: RegExp, description: string, allowed: string) =>
  optional(pattern, description, allowed).meta({
    description,
    allowed: `empty, or ${allowed}`,
    type: 'string',
    secret: true,
  })

/** Reads texts by name from JSON; '' has none. @returns null for anything else */
export function readTexts(json: string): Readonly<Record<string, string>> | null {
  try {
    return z.record(z.string().min(1), z.string().min(1)).parse(JSON.parse(json || '{}'))
  } catch {
    return null
  }
}

const list = (part: RegExp, fallback: string, description: string, allowed: string) =>
  z
    .string()
    .default(fallback)
    .transform(value =>
      value
        .split(',')
        .map(entry => entry.trim())
        .filter(entry => entry !== ''),
    )
    .refine(entries => entries.every(entry => part.test(entry)))
    .meta({ description, allowed, type: 'string' })

const trafficEntry = z.strictObject({
  revision: z.string().regex(/^(newest|[a-z][a-z0-9-]{1,52}[a-z0-9])$/),
  weight: z.number().int().min(0).max(100),
  label: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$/)
    .optional(),
})

const variable = z.strictObject({
  name: z.string().min(1),
  value: z.union([z.string().min(1), z.number(), z.boolean()]).transform(String),
})

/** A variable of the container that no other setting makes. */
export type ChosenVariable = z.output<typeof variable>

/** What a stack may ask of the traffic: `newest` stands for the revision that this very update makes. */
export type WantedTraffic = z.output<typeof trafficEntry>

/** The model that lives longest on Azure of those that are generally available (`runtime/models/models.ts`). */
const speechModel = { name: 'gpt-realtime-1.5', version: '2026-02-23' }

/** Likewise of those that write down turns; the newer ones are not in Azure's retirement schedule. */
const transcriptionModel = { name: 'gpt-4o-mini-transcribe', version: '2025-12-15' }

const region = /^[a-z][a-z0-9]{3,29}$/
/** Ids of resources of a kind: `Microsoft.Network/virtualNetworks/subnets` names the types on the way. */
function resource(kind: string): RegExp {
  const [provider, ...types] = kind.split('/')
  const path = types.map(type => `/${type}/[\\w().-]+`).join('')
  return new RegExp(
    `^/subscriptions/[0-9a-f-]{36}/resourceGroups/[\\w().-]+/providers/${provider}${path}$`,
    'i',
  )
}
const deploymentName = /^[A-Za-z0-9][\w.-]{0,62}[A-Za-z0-9]$/
const deploymentNameWords = '2 to 64 letters, digits, dots and dashes'
const deploymentKinds = ['GlobalStandard', 'DataZoneStandard', 'Standard'] as const
const modelName = /^[a-z0-9][a-z0-9.-]{1,62}$/
/** As `OPENAI_WEBHOOK_SECRET` takes one: 22 characters of base64 are 16 bytes. */
const signingSecret = 'whsec_[A-Za-z0-9+/]{22,}={0,2}'
const webhookSecretPart = `(${signingSecret}|(?!whsec_)[\\x21-\\x2b\\x2d-\\x7e]{16,})`
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const origin = /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/i
const byte = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)'
const network = new RegExp(`^(Internet|${byte}(\\.${byte}){3}(/([12]?\\d|3[0-2]))?)$`)
const cidr = new RegExp(`^${byte}(\\.${byte}){3}/([89]|1\\d|2\\d)$`)
const hostName = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/i

export const settingTable = z.strictObject({
  prefix: text(
    'gptrt',
    /^[a-z][a-z0-9]{2,11}$/,
    'First part of every name',
    '3 to 12 lower-case letters and digits, a letter first',
  ),
  location: text(
    'swedencentral',
    region,
    'Region of everything but the model',
    'a region such as swedencentral',
  ),
  openAiLocation: optional(
    region,
    'Region of the Azure OpenAI account; empty means location',
    'a region such as swedencentral',
  ),
  zoneRedundant: flag(false, 'Spread environment, Application Gateway, public IP and Redis over three zones'),

  minReplicas: whole(
    1,
    0,
    1000,
    'Replicas that always run; with 0 the first call after a quiet time waits for a cold start, and gatewayProbeInterval must be long enough for the app to become quiet',
  ),
  maxReplicas: whole(2, 1, 1000, 'Most replicas of a revision'),
  cooldownPeriod: whole(
    300,
    30,
    3600,
    'Seconds without load before the scale-in from the last replica to none; other scale-ins do not wait for it',
  ),
  pollingInterval: whole(30, 5, 300, 'Seconds between two measurements of the load'),
  containerCpu: oneOf(
    ['0.25', '0.5', '0.75', '1', '1.25', '1.5', '1.75', '2'],
    '0.5',
    'vCPU of a replica, shared by two processes; memory is twice as many GiB',
  ),
  containerTargetPort: whole(
    defaultPort,
    1024,
    65_535,
    'Port of the container, of all revisions at once: fixed by the first update',
  ),
  terminationGracePeriodSeconds: whole(
    defaultGracePeriodSec,
    10,
    600,
    'Seconds from SIGTERM to SIGKILL; the drain ends five seconds earlier',
  ),

  sessionsPerReplica: whole(
    0,
    0,
    100_000,
    'Open sessions of a full replica: replicas scale by sessions and by the delay of their event loops, which they publish in Redis with an access key that is created for this; 0 scales by CPU and memory only',
  ),

  registrySku: oneOf(['Basic', 'Standard', 'Premium'], 'Basic', 'Size of the container registry'),
  registryId: optional(
    resource('Microsoft.ContainerRegistry/registries'),
    'Existing registry, in place of a new one',
    'a resource id of a container registry',
  ),
  openAiDeploymentName: text(
    defaultDeployment,
    deploymentName,
    'Name of the model deployment',
    deploymentNameWords,
  ),
  openAiModelName: text(speechModel.name, modelName, 'Model', `a model name such as ${speechModel.name}`),
  openAiModelVersion: text(
    speechModel.version,
    /^\d{4}-\d{2}-\d{2}(-\w+)?$/,
    'Version of the model',
    `a date such as ${speechModel.version}`,
  ),
  openAiDeploymentSku: oneOf(
    deploymentKinds,
    'GlobalStandard',
    'Kind of deployment; realtime models were offered as GlobalStandard only when this was written',
  ),
  openAiDeploymentCapacity: whole(
    1,
    1,
    10_000,
    'Capacity in units; one of gpt-realtime-1.5 is 10,000 tokens and 20 requests a minute, and a new subscription has 10 of them',
  ),
  openAiFailoverLocations: list(
    region,
    '',
    'Further regions, each with an account and a deployment of its own, for failover in this order',
    'a comma-separated list of regions such as eastus2',
  ),
  openAiAccountIds: list(
    resource('Microsoft.CognitiveServices/accounts'),
    '',
    'Existing Azure OpenAI accounts, in the order of failover, in place of new ones; each must have the deployments openAiDeploymentName and transcriptionDeploymentName',
    'a comma-separated list of resource ids of Cognitive Services accounts',
  ),
  openAiAuth: oneOf(
    ['identity', 'key'],
    'identity',
    'How the gateway authenticates with the model: the managed identity, or keys of the accounts, which the program reads',
  ),
  transcriptionDeploymentName: optional(
    deploymentName,
    'Deployment for transcription on /chat, in the same account; empty creates none, for a region without such a model',
    deploymentNameWords,
    transcriptionModel.name,
  ),
  transcriptionModelName: text(
    transcriptionModel.name,
    modelName,
    'Model for transcription',
    `a model name such as ${transcriptionModel.name}`,
  ),
  transcriptionModelVersion: text(
    transcriptionModel.version,
    /^(\d{3}|\d{4}-\d{2}-\d{2}(-\w+)?)$/,
    'Version of that model',
    `a version such as ${transcriptionModel.version} or 001`,
  ),
  transcriptionDeploymentSku: oneOf(
    deploymentKinds,
    'GlobalStandard',
    'Kind of that deployment; the default model was offered as GlobalStandard only when this was written',
  ),
  transcriptionDeploymentCapacity: whole(10, 1, 10_000, 'Capacity of that deployment in units of its model'),
  openAiApiKey: secret(
    /^[\x21-\x7e]{16,2560}$/,
    'Keys of openAiAccountIds, one each separated by commas, in place of the managed identity',
    '16 to 2560 characters without spaces',
  ),

  gatewayAuth: oneOf(
    ['', 'none', 'key', 'entra', 'key,entra'],
    '',
    'How clients authenticate; empty means key on the stack dev, with a generated key unless gatewayApiKeys is set, and is a fault on any other stack',
  ),
  gatewayApiKeys: secret(
    /^[\w.-]+:[\x21-\x2b\x2d-\x7e]{8,}(\s*,\s*[\w.-]+:[\x21-\x2b\x2d-\x7e]{8,})*$/,
    'Keys of clients, for gatewayAuth key',
    'name:secret pairs separated by commas, secrets of 8 characters and more',
  ),
  webhookSecret: secret(
    new RegExp(`^${webhookSecretPart}(\\s*,\\s*${webhookSecretPart})*$`),
    'Signing secret of the webhook for telephone calls, as the vendor shows it; several during a rotation; set CALLS_POLICY in variables',
    'secrets separated by commas, each whsec_ and base64, or a text of 16 characters and more',
  ),
  eventsWebhookUrl: optional(
    // The gateway refuses a user and a password there.
    /^https:\/\/[^\s/@]+(\/\S*)?$/,
    'Address that receives an event at the end of each session and conversation, signed with eventsWebhookSecret',
    'an https:// address',
  ),
  eventsWebhookSecret: secret(
    new RegExp(`^${signingSecret}(\\s*,\\s*${signingSecret})*$`),
    'Signing secret of eventsWebhookUrl; several while one is rotated',
    'secrets separated by commas, each whsec_ and base64',
  ),
  assistantSecrets: z
    .string()
    .default('')
    .refine(value => readTexts(value) !== null)
    .meta({
      description:
        'Variables for tools of the assistants, by their names in env of assistant.yaml, each kept in Key Vault',
      allowed: 'empty, or a JSON object of texts such as {"STRIPE_KEY":"sk_…"}',
      type: 'string',
      secret: true,
    }),
  entraTenantId: optional(guid, 'Tenant whose tokens are accepted, for gatewayAuth entra', 'a GUID'),
  entraAudience: list(
    /^\S{3,}$/,
    '',
    'Audiences of the tokens: client id of the API, its app-id URI',
    'a comma-separated list',
  ),
  entraRequiredScope: optional(/^[\w.-]{1,120}$/, "Scope that a person's token must carry", 'a scope name'),
  entraRequiredRole: optional(
    /^[\w.-]{1,120}$/,
    "Role that an application's token must carry",
    'a role name',
  ),
  entraPagesClientId: optional(
    guid,
    'App registration of the pages (single-page application), with which users sign in',
    'a GUID',
  ),
  allowedOrigins: list(
    origin,
    '',
    "Origins of pages that may connect, besides the gateway's own",
    'a comma-separated list of origins such as https://app.example.com',
  ),
  clientRanges: list(
    network,
    'Internet',
    'Who may reach the public address: Internet, or networks',
    'Internet, or a comma-separated list of IPv4 networks such as 203.0.113.0/24',
  ),

  gatewaySku: oneOf(
    ['Standard_v2', 'WAF_v2'],
    'Standard_v2',
    'Application Gateway, without or with web application firewall',
  ),
  gatewayMinCapacity: whole(
    1,
    1,
    125,
    'Fewest Application Gateway instances; a scale-in closes sockets after the drain',
  ),
  gatewayMaxCapacity: whole(2, 2, 125, 'Most Application Gateway instances'),
  gatewayProbeInterval: whole(
    30,
    11,
    86_400,
    'Seconds between two health checks of the Application Gateway; each is a request, and starts an app that has no replica',
  ),
  firewallMode: oneOf(
    ['Prevention', 'Detection'],
    'Prevention',
    'What the web application firewall of WAF_v2 does with a match: refuses it, or logs it',
  ),
  requestTimeout: whole(
    3600,
    60,
    86_400,
    'Seconds without data after which the Application Gateway closes a socket',
  ),
  drainTimeoutInSec: whole(3600, 1, 3600, 'Seconds that open sockets survive an Application Gateway update'),
  idleTimeoutInMinutes: whole(
    30,
    4,
    30,
    'Minutes without a packet after which the public IP drops a connection',
  ),
  tlsCertificateSecretId: optional(
    /^https:\/\/[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.azure\.net\/secrets\/[A-Za-z0-9-]{1,127}$/i,
    'Certificate in Key Vault; empty means port 80 without TLS',
    'a versionless Key Vault secret id',
  ),
  keyVaultResourceGroup: optional(
    /^[\w().-]{0,89}[\w()-]$/,
    'Resource group of that Key Vault',
    'a resource group of the same subscription',
  ),
  hostName: optional(
    hostName,
    'Host name that the certificate is for; empty means the DNS name of the public IP',
    'a host name',
  ),

  dnsZoneId: optional(
    resource('Microsoft.Network/dnszones'),
    'DNS zone in Azure of hostName, in which the record of the public IP is created',
    'a resource id of a DNS zone',
  ),

  network: oneOf(
    ['public', 'private'],
    'public',
    'private closes the public addresses of registry, model, key vault and logs, and reaches them by private endpoints; browsers then cannot call the model over WebRTC',
  ),
  networkRange: text(
    '10.20.0.0/16',
    cidr,
    'Addresses of the network',
    'an IPv4 network such as 10.20.0.0/16',
  ),
  gatewayRange: text(
    '10.20.0.0/24',
    cidr,
    'Addresses of the subnet of the Application Gateway',
    'an IPv4 network such as 10.20.0.0/24',
  ),
  appsRange: text(
    '10.20.1.0/24',
    cidr,
    'Addresses of the subnet of Container Apps, at least a /27; a rollout doubles the replicas, and the size cannot change later',
    'an IPv4 network such as 10.20.1.0/24',
  ),
  endpointsRange: text(
    '10.20.2.0/27',
    cidr,
    'Addresses of the subnet of private endpoints',
    'an IPv4 network such as 10.20.2.0/27',
  ),
  gatewaySubnetId: optional(
    resource('Microsoft.Network/virtualNetworks/subnets'),
    'Existing subnet for the Application Gateway, with its security group; gatewayRange must be its addresses',
    'a resource id of a subnet',
  ),
  appsSubnetId: optional(
    resource('Microsoft.Network/virtualNetworks/subnets'),
    'Existing subnet for Container Apps, delegated to Microsoft.App/environments; appsRange must be its addresses',
    'a resource id of a subnet',
  ),
  endpointsSubnetId: optional(
    resource('Microsoft.Network/virtualNetworks/subnets'),
    'Existing subnet for private endpoints',
    'a resource id of a subnet',
  ),
  ingress: oneOf(
    ['default', 'premium'],
    'default',
    'Proxies of Container Apps: shared ones, which the platform replaces at any time, or at least two of your own, which drain for an hour',
  ),
  keyVaultId: optional(
    resource('Microsoft.KeyVault/vaults'),
    "Existing key vault for the stack's secrets, with RBAC, in place of a new one",
    'a resource id of a key vault',
  ),
  logWorkspaceId: optional(
    resource('Microsoft.OperationalInsights/workspaces'),
    'Existing Log Analytics workspace, in place of a new one',
    'a resource id of a workspace',
  ),
  logDailyQuotaGb: whole(
    5,
    0,
    1000,
    'Gigabytes of logs a day, after which Azure drops the rest until the next day; 0 is no limit',
  ),
  tracing: oneOf(
    ['on', 'off'],
    'on',
    'Spans and metrics of the gateway go to an Application Insights component in the workspace, which takes them from its identity alone; off makes none',
  ),
  otlpHeaders: secret(
    /^[^\s=,]+=[\x21-\x2b\x2d-\x7e]+(\s*,\s*[^\s=,]+=[\x21-\x2b\x2d-\x7e]+)*$/,
    'Headers of what is sent to the collector that OTEL_EXPORTER_OTLP_ENDPOINT among variables names',
    'name=value pairs separated by commas, values percent-encoded',
  ),
  monthlyBudget: whole(
    0,
    0,
    1_000_000,
    "Monthly budget in the subscription's currency; alertEmail receives a message at 80 and at 100 percent; 0 is no budget",
  ),

  imageRef: optional(
    /^[a-z0-9][a-z0-9.-]*(:\d+)?\/[a-z0-9._/-]+(:[\w.-]+)?@sha256:[0-9a-f]{64}$/,
    'Image to run, in place of building one',
    'an image pinned by digest: host/name@sha256:…',
  ),
  traffic: z.array(trafficEntry).default([]).meta({
    description:
      'Weights and labels of revisions; empty keeps what runs, and a new revision at 0 with the label next',
    allowed: 'a list of {revision, weight, label}; revision may be newest',
    type: 'array',
  }),
  variables: z.array(variable).default([]).meta({
    description:
      'Variables of the container that no other setting creates, such as REALTIME_VOICE; a new value creates a new revision',
    allowed: 'a list of {name, value}, as the gateway itself takes them; no secrets',
    type: 'array',
  }),
  redis: oneOf(
    ['auto', 'on', 'off'],
    'auto',
    'State that replicas share; auto means on when maxReplicas is over 1',
  ),
  redisSku: text(
    'Balanced_B0',
    /^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)\d{1,4}$/,
    'Size of Azure Managed Redis',
    'a size such as Balanced_B0',
  ),
  alertEmail: optional(
    /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
    'Address that receives alerts; empty means that they appear in the portal only',
    'an e-mail address',
  ),
})

/** The settings as the table yields them: what is unset has its default. */
export type Table = z.output<typeof settingTable>
export type SettingName = keyof typeof settingTable.shape
export const settingNames = Object.keys(settingTable.shape) as SettingName[]

/** Says what a setting is and may be. */
export function settingMeta(name: SettingName): SettingMeta {
  return settingTable.shape[name].meta() as unknown as SettingMeta
}
