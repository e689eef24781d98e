/** Where each kind of resource stands in Azure, and what Azure adds to it. */
import { createHash } from 'node:crypto'

export const subscriptionId = '44444444-4444-4444-4444-444444444444'
export const tenantId = '33333333-3333-3333-3333-333333333333'
export const defaultDomain = 'kindsea-1a2b3c4d.swedencentral.azurecontainerapps.io'
/** Long before any test: what was assigned then is known everywhere. */
export const assignedOn = '2026-01-01T00:00:00Z'

export type Inputs = Readonly<Record<string, unknown>>

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
  'keyvault:Vault': inputs => `Microsoft.KeyVault/vaults/${inputs.vaultName}`,
  'keyvault:Secret': inputs => `Microsoft.KeyVault/vaults/${inputs.vaultName}/secrets/${inputs.secretName}`,
  'monitor:PrivateLinkScope': inputs => `Microsoft.Insights/privateLinkScopes/${inputs.scopeName}`,
  'monitor:PrivateLinkScopedResource': inputs =>
    `Microsoft.Insights/privateLinkScopes/${inputs.scopeName}/scopedResources/${inputs.name}`,
  'dns:RecordSet': inputs =>
    `Microsoft.Network/dnszones/${inputs.zoneName}/A/${inputs.relativeRecordSetName}`,
  'applicationinsights:Workbook': inputs => `Microsoft.Insights/workbooks/${inputs.resourceName}`,
  'monitor:ActionGroup': inputs => `Microsoft.Insights/actionGroups/${inputs.actionGroupName}`,
  'monitor:MetricAlert': inputs => `Microsoft.Insights/metricAlerts/${inputs.ruleName}`,
  'monitor:ScheduledQueryRule': inputs => `Microsoft.Insights/scheduledQueryRules/${inputs.ruleName}`,
}

/** Resources that stand at another one, and what they are called there. */
const extensions: Readonly<Record<string, (inputs: Inputs) => string>> = {
  'authorization:RoleAssignment': inputs =>
    `${inputs.scope}/providers/Microsoft.Authorization/roleAssignments/${inputs.roleAssignmentName ?? guidLike(JSON.stringify(inputs))}`,
  'monitor:DiagnosticSetting': inputs =>
    `${inputs.resourceUri}/providers/Microsoft.Insights/diagnosticSettings/${inputs.name}`,
  'consumption:Budget': inputs =>
    `${inputs.scope}/providers/Microsoft.Consumption/budgets/${inputs.budgetName}`,
}

/** Pulumi's type without its package. */
export const kindOf = (type: string) => type.replace('azure-native:', '')

/** An id in Azure's form, so that what refers to it can be checked. */
export function idOf(type: string, inputs: Inputs): string {
  const extension = extensions[kindOf(type)]
  if (extension !== undefined) return extension(inputs)
  const place = places[kindOf(type)]
  if (place === undefined) {
    if (type.startsWith('azure-native:'))
      throw new Error(`${type}: has no place in tests/infra/resource-answers.ts`)
    return type
  }
  const group = `/subscriptions/${subscriptionId}/resourceGroups/${inputs.resourceGroupName}`
  return kindOf(type) === 'resources:ResourceGroup' ? group : `${group}/providers/${place(inputs)}`
}

/** What Azure adds to what it was given; `name` is the last part of the id. */
export function outputsOf(
  type: string,
  inputs: Inputs,
  { digest, previous }: { digest: string; previous: Inputs },
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
    case 'authorization:RoleAssignment':
      return { name, createdOn: assignedOn }
    case 'applicationinsights:Component':
      return {
        name,
        connectionString: `InstrumentationKey=${guidLike(`${name}-key`)};IngestionEndpoint=https://swedencentral-0.in.applicationinsights.azure.com/`,
      }
    case 'random:index/randomPassword:RandomPassword':
      return { result: 'generated-by-the-provider' }
    case 'network:PublicIPAddress':
      return { name, ipAddress: '203.0.113.10' }
    case 'docker-build:index:Image':
      return { digest }
    case 'pulumi:pulumi:StackReference':
      return {
        name: inputs.name,
        outputs: { ...previous, gatewayKey: 'generated-by-the-provider' },
        secretOutputNames: ['gatewayKey'],
      }
    default:
      return { name }
  }
}

export function guidLike(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
