/**
 * Runs the real program against stand-ins of Azure and Pulumi, and hands over what it asked for.
 * Over 200 lines because the places of all kinds of resources are one table.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as pulumi from '@pulumi/pulumi'
import * as yaml from 'js-yaml'

export const project = 'realtime-gateway'
export const subscriptionId = '44444444-4444-4444-4444-444444444444'
export const tenantId = '33333333-3333-3333-3333-333333333333'
const root = new URL('../../', import.meta.url)

/** Reads a file of the repository. */
export const readText = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')

export interface AskedResource {
  readonly type: string
  readonly name: string
  /** Plain values; what is secret is the text `[secret]`. */
  readonly inputs: Record<string, unknown>
  readonly id: string
  /** Names of the resources that must exist before it, by its inputs or by `dependsOn`. */
  readonly after: readonly string[]
}

export interface Run {
  readonly resources: readonly AskedResource[]
  readonly outputs: Record<string, unknown>
  /** Addresses that the program itself asked. */
  readonly fetched: readonly string[]
  readonly find: (type: string, name?: string) => AskedResource
}

export interface RunOptions {
  readonly stack?: string
  readonly config?: Readonly<Record<string, unknown>>
  /** As `pulumi preview` runs it. */
  readonly preview?: boolean
  /** Digest that a build yields. */
  readonly digest?: string
  /** `revisions` as the last update left them. */
  readonly previous?: readonly object[]
}

export const defaultDigest = `sha256:${'a'.repeat(64)}`
export const defaultDomain = 'kindsea-1a2b3c4d.swedencentral.azurecontainerapps.io'
export const secretMark = '[secret]'

/** Configuration as a stack file has it, without the project's namespace. */
export function stackFile(stack: string): Record<string, unknown> {
  const { config } = yaml.load(readText(`Pulumi.${stack}.yaml`)) as { config: Record<string, unknown> }
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith(`${project}:`) ? [[key.slice(project.length + 1), value]] : [],
    ),
  )
}

/** Runs `index.ts` as `pulumi up` would, with mocks for everything outside. */
export async function runProgram(options: RunOptions = {}): Promise<Run> {
  const { stack = 'dev', preview = false } = options
  const { config = stackFile(stack), digest = defaultDigest, previous = [] } = options
  const resources: AskedResource[] = []
  const after = new Map<string, readonly string[]>()
  setConfiguration(config)
  const newResource = ({ type, name, inputs }: pulumi.runtime.MockResourceArgs) => {
    const id = idOf(type, inputs)
    resources.push({ type, name, inputs: reveal(inputs) as Inputs, id, after: after.get(name) ?? [] })
    return { id, state: { ...inputs, ...outputsOf(type, inputs, { digest, previous }) } }
  }
  await pulumi.runtime.setMocks({ call: answerCall, newResource }, project, stack, preview, 'organization')
  noteDependencies(after)
  const { outputs, fetched } = await runWithRegistry(async () => {
    // A query gives a program of its own to every run.
    const program = (await import(`../../index.ts?run=${performance.now()}`)) as Record<string, unknown>
    const settled = Object.entries(program).map(async ([name, value]) => [name, await settle(value)])
    const known = Object.fromEntries(await Promise.all(settled)) as Record<string, unknown>
    await pulumi.runtime.disconnect()
    return known
  })
  resources.sort((a, b) => `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`))
  return { resources, outputs, fetched, find: (type, name) => find(resources, type, name) }
}

interface Registration {
  readonly getName: () => string
  readonly getDependenciesList: () => readonly string[]
}
interface Registrar {
  registerResource(request: Registration, answer: unknown): unknown
}

/** Mocks are not told what a resource waits for; the request that they are made from says it, by URN. */
function noteDependencies(after: Map<string, readonly string[]>): void {
  const registrar = pulumi.runtime.getMonitor() as unknown as Registrar
  const register = registrar.registerResource.bind(registrar)
  registrar.registerResource = (request, answer) => {
    const names = request.getDependenciesList().map(urn => urn.split('::').at(-1) ?? urn)
    after.set(request.getName(), names)
    return register(request, answer)
  }
}

/** As the stack's file and `pulumi config` would have it: texts, and lists as JSON. */
function setConfiguration(config: Readonly<Record<string, unknown>>): void {
  const texts = Object.entries(config).map(([name, value]) => [
    `${project}:${name}`,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ])
  pulumi.runtime.setAllConfig(Object.fromEntries(texts) as Record<string, string>)
}

/** The one address that the program itself asks is the registry's. */
async function runWithRegistry(run: () => Promise<Record<string, unknown>>) {
  const fetched: string[] = []
  const fetchBefore = globalThis.fetch
  globalThis.fetch = async address => {
    fetched.push(String(address))
    return Response.json({ refresh_token: 'registry-token' })
  }
  try {
    return { outputs: await run(), fetched }
  } finally {
    globalThis.fetch = fetchBefore
  }
}

function find(resources: readonly AskedResource[], type: string, name?: string): AskedResource {
  const [found, ...others] = resources.filter(
    resource => resource.type === type && (name === undefined || resource.name === name),
  )
  if (found === undefined || others.length > 0)
    throw new Error(`${type} ${name ?? ''}: ${others.length + (found ? 1 : 0)} found`)
  return found
}

const settle = (value: unknown) =>
  new Promise(resolve => pulumi.output(value as pulumi.Input<string>).apply(resolve))

function answerCall({ token }: { token: string }): Record<string, unknown> {
  if (token === 'azure-native:authorization:getClientConfig')
    return { subscriptionId, tenantId, clientId: 'deployer', objectId: 'deployer' }
  if (token === 'azure-native:authorization:getClientToken') return { token: 'azure-token' }
  throw new Error(`no answer to ${token}`)
}

type Inputs = Record<string, unknown>

/** Where a kind of resource stands, and what it is called there. */
const places: Readonly<Record<string, (inputs: Inputs) => string>> = {
  'resources:ResourceGroup': inputs => `${inputs.resourceGroupName}`,
  'network:VirtualNetwork': inputs => `Microsoft.Network/virtualNetworks/${inputs.virtualNetworkName}`,
  'network:Subnet': inputs =>
    `Microsoft.Network/virtualNetworks/${inputs.virtualNetworkName}/subnets/${inputs.subnetName}`,
  'network:NetworkSecurityGroup': inputs =>
    `Microsoft.Network/networkSecurityGroups/${inputs.networkSecurityGroupName}`,
  'network:PublicIPAddress': inputs => `Microsoft.Network/publicIPAddresses/${inputs.publicIpAddressName}`,
  'network:ApplicationGateway': inputs =>
    `Microsoft.Network/applicationGateways/${inputs.applicationGatewayName}`,
  'network:WebApplicationFirewallPolicy': inputs =>
    `Microsoft.Network/applicationGatewayWebApplicationFirewallPolicies/${inputs.policyName}`,
  'network:PrivateEndpoint': inputs => `Microsoft.Network/privateEndpoints/${inputs.privateEndpointName}`,
  'network:PrivateDnsZoneGroup': inputs =>
    `Microsoft.Network/privateEndpoints/${inputs.privateEndpointName}/privateDnsZoneGroups/${inputs.privateDnsZoneGroupName}`,
  'privatedns:PrivateZone': inputs => `Microsoft.Network/privateDnsZones/${inputs.privateZoneName}`,
  'privatedns:PrivateRecordSet': inputs =>
    `Microsoft.Network/privateDnsZones/${inputs.privateZoneName}/A/${inputs.relativeRecordSetName}`,
  'privatedns:VirtualNetworkLink': inputs =>
    `Microsoft.Network/privateDnsZones/${inputs.privateZoneName}/virtualNetworkLinks/${inputs.virtualNetworkLinkName}`,
  'containerregistry:Registry': inputs => `Microsoft.ContainerRegistry/registries/${inputs.registryName}`,
  'cognitiveservices:Account': inputs => `Microsoft.CognitiveServices/accounts/${inputs.accountName}`,
  'cognitiveservices:Deployment': inputs =>
    `Microsoft.CognitiveServices/accounts/${inputs.accountName}/deployments/${inputs.deploymentName}`,
  'operationalinsights:Workspace': inputs =>
    `Microsoft.OperationalInsights/workspaces/${inputs.workspaceName}`,
  'applicationinsights:Component': inputs => `Microsoft.Insights/components/${inputs.resourceName}`,
  'applicationinsights:WebTest': inputs => `Microsoft.Insights/webtests/${inputs.webTestName}`,
  'app:ManagedEnvironment': inputs => `Microsoft.App/managedEnvironments/${inputs.environmentName}`,
  'app:ContainerApp': inputs => `Microsoft.App/containerApps/${inputs.containerAppName}`,
  'app:Job': inputs => `Microsoft.App/jobs/${inputs.jobName}`,
  'redisenterprise:RedisEnterprise': inputs => `Microsoft.Cache/redisEnterprise/${inputs.clusterName}`,
  'redisenterprise:Database': inputs =>
    `Microsoft.Cache/redisEnterprise/${inputs.clusterName}/databases/${inputs.databaseName}`,
  'redisenterprise:AccessPolicyAssignment': inputs =>
    `Microsoft.Cache/redisEnterprise/${inputs.clusterName}/databases/${inputs.databaseName}/accessPolicyAssignments/${inputs.accessPolicyAssignmentName}`,
  'managedidentity:UserAssignedIdentity': inputs =>
    `Microsoft.ManagedIdentity/userAssignedIdentities/${inputs.resourceName}`,
  'authorization:RoleAssignment': inputs =>
    `Microsoft.Authorization/roleAssignments/${inputs.roleAssignmentName}`,
  'keyvault:Vault': inputs => `Microsoft.KeyVault/vaults/${inputs.vaultName}`,
  'keyvault:Secret': inputs => `Microsoft.KeyVault/vaults/${inputs.vaultName}/secrets/${inputs.secretName}`,
  'monitor:DiagnosticSetting': inputs => `Microsoft.Insights/diagnosticSettings/${inputs.name}`,
  'monitor:ActionGroup': inputs => `Microsoft.Insights/actionGroups/${inputs.actionGroupName}`,
  'monitor:MetricAlert': inputs => `Microsoft.Insights/metricAlerts/${inputs.ruleName}`,
  'monitor:ScheduledQueryRule': inputs => `Microsoft.Insights/scheduledQueryRules/${inputs.ruleName}`,
}

const kindOf = (type: string) => type.replace('azure-native:', '')

/** An id in Azure's form, so that what refers to it can be checked. */
function idOf(type: string, inputs: Inputs): string {
  const place = places[kindOf(type)]
  if (place === undefined) {
    if (type.startsWith('azure-native:')) throw new Error(`${type}: has no place in tests/infra/azure.ts`)
    return type
  }
  const group = `/subscriptions/${subscriptionId}/resourceGroups/${inputs.resourceGroupName}`
  return kindOf(type) === 'resources:ResourceGroup' ? group : `${group}/providers/${place(inputs)}`
}

/** What Azure adds to what it was given; `name` is the last part of the id. */
function outputsOf(
  type: string,
  inputs: Inputs,
  { digest, previous }: { digest: string; previous: readonly object[] },
): Inputs {
  const name = idOf(type, inputs).split('/').at(-1)
  switch (kindOf(type)) {
    case 'containerregistry:Registry':
      return { name, loginServer: `${name}.azurecr.io` }
    case 'managedidentity:UserAssignedIdentity':
      return { name, principalId: guidLike(`${name}-principal`), clientId: guidLike(`${name}-client`) }
    case 'app:ManagedEnvironment':
      return { name, defaultDomain, staticIp: '10.20.1.50' }
    case 'app:ContainerApp': {
      const { revisionSuffix } = inputs.template as { revisionSuffix: string }
      return { name, latestRevisionName: `${name}--${revisionSuffix}` }
    }
    case 'keyvault:Secret': {
      const uri = `https://${inputs.vaultName}.vault.azure.net/secrets/${name}`
      const version = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 32)
      return { name, properties: { secretUri: uri, secretUriWithVersion: `${uri}/${version}` } }
    }
    case 'network:PublicIPAddress':
      return { name, ipAddress: '203.0.113.10' }
    case 'docker-build:index:Image':
      return { digest }
    case 'pulumi:pulumi:StackReference':
      return { name: inputs.name, outputs: { revisions: previous }, secretOutputNames: [] }
    default:
      return { name }
  }
}

function guidLike(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

const secretSignature = '1b47061264138c4ac30d75fd1eb44270'
const signatureKey = '4dabf18193072939515e22adb298388d'

/** Turns what the engine is sent into plain values, and hides what came wrapped as a secret. */
function reveal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reveal)
  if (typeof value !== 'object' || value === null) return value
  if ((value as Record<string, unknown>)[signatureKey] === secretSignature) return secretMark
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reveal(member)]))
}
