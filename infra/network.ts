/** The virtual network: one subnet each for Application Gateway, Container Apps and private endpoints, made here or named. */

import type { types } from '@pulumi/azure-native'
import * as network from '@pulumi/azure-native/network/index.js'
import { type Output, output } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import { partsOfId } from './resource-id.ts'
import type { Settings } from './settings.ts'

type SecurityRule = types.input.network.SecurityRuleArgs

export interface Network {
  readonly id: Output<string>
  readonly gatewaySubnetId: Output<string>
  readonly appsSubnetId: Output<string>
  readonly endpointsSubnetId: Output<string>
  readonly publicIp: network.PublicIPAddress
}

/** Creates the public address, and the network with its subnets and security groups unless the settings name existing ones. */
export function createNetwork(foundation: Foundation): Network {
  const { names, settings, group, within, tags } = foundation
  const existing = nameExisting(settings)
  if (existing !== undefined) return { ...existing, publicIp: createPublicIp(foundation) }
  const vnet = new network.VirtualNetwork(
    'network',
    {
      virtualNetworkName: names.network,
      resourceGroupName: group,
      location: settings.location,
      tags,
      addressSpace: { addressPrefixes: [settings.networkRange] },
    },
    within,
  )
  return { id: vnet.id, ...createSubnets(foundation, vnet.name), publicIp: createPublicIp(foundation) }
}

/** Their security groups, delegation and routes are their owner's. */
function nameExisting({ gatewaySubnetId, appsSubnetId, endpointsSubnetId }: Settings) {
  if (gatewaySubnetId === undefined || appsSubnetId === undefined || endpointsSubnetId === undefined)
    return undefined
  return {
    id: output(partsOfId(gatewaySubnetId).parent),
    gatewaySubnetId: output(gatewaySubnetId),
    appsSubnetId: output(appsSubnetId),
    endpointsSubnetId: output(endpointsSubnetId),
  }
}

/** One after the other: Azure refuses parallel writes to one network (AnotherOperationInProgress). */
function createSubnets(foundation: Foundation, virtualNetworkName: Output<string>) {
  const place = { resourceGroupName: foundation.group, virtualNetworkName }
  const gateway = new network.Subnet(
    'gateway-subnet',
    {
      ...place,
      subnetName: 'gateway',
      addressPrefix: foundation.settings.gatewayRange,
      networkSecurityGroup: {
        id: createSecurityGroup(foundation, 'gateway', gatewayRules(foundation.settings.clientRanges)),
      },
    },
    foundation.within,
  )
  const apps = new network.Subnet(
    'apps-subnet',
    {
      ...place,
      subnetName: 'apps',
      addressPrefix: foundation.settings.appsRange,
      delegations: [{ name: 'container-apps', serviceName: 'Microsoft.App/environments' }],
      networkSecurityGroup: { id: createSecurityGroup(foundation, 'apps', appsRules(foundation.settings)) },
    },
    { ...foundation.within, dependsOn: gateway },
  )
  const endpoints = new network.Subnet(
    'endpoints-subnet',
    { ...place, subnetName: 'endpoints', addressPrefix: foundation.settings.endpointsRange },
    { ...foundation.within, dependsOn: apps },
  )
  return { gatewaySubnetId: gateway.id, appsSubnetId: apps.id, endpointsSubnetId: endpoints.id }
}

function createPublicIp({ names, settings, group, lasting, tags }: Foundation) {
  return new network.PublicIPAddress(
    'public-ip',
    {
      publicIpAddressName: names.publicIp,
      resourceGroupName: group,
      location: settings.location,
      tags,
      sku: { name: 'Standard', tier: 'Regional' },
      publicIPAllocationMethod: 'Static',
      publicIPAddressVersion: 'IPv4',
      idleTimeoutInMinutes: settings.idleTimeoutInMinutes,
      dnsSettings: { domainNameLabel: names.dnsLabel },
      ...(settings.zoneRedundant && { zones: ['1', '2', '3'] }),
    },
    lasting,
  )
}

function createSecurityGroup(
  { names, settings, group, within, tags }: Foundation,
  subnet: string,
  rules: SecurityRule[],
) {
  return new network.NetworkSecurityGroup(
    `${subnet}-nsg`,
    {
      networkSecurityGroupName: names.securityGroupOf(subnet),
      resourceGroupName: group,
      location: settings.location,
      tags,
      securityRules: rules,
    },
    within,
  ).id
}

/** Source: learn.microsoft.com, application-gateway/configuration-infrastructure. */
function gatewayRules(clientRanges: readonly string[]): SecurityRule[] {
  const [only] = clientRanges
  // A name such as Internet is taken in the singular only.
  const clients =
    only !== undefined && clientRanges.length === 1
      ? { sourceAddressPrefix: only }
      : { sourceAddressPrefixes: [...clientRanges] }
  return [
    allow('clients', 100, { ...clients, destinationPortRanges: ['80', '443'] }),
    // Without this rule the gateway's deployment fails.
    allow('gateway-manager', 110, {
      sourceAddressPrefix: 'GatewayManager',
      destinationPortRange: '65200-65535',
    }),
    allow('load-balancer', 120, {
      sourceAddressPrefix: 'AzureLoadBalancer',
      protocol: '*',
      destinationPortRange: '*',
    }),
  ]
}

/**
 * Source: learn.microsoft.com, container-apps/firewall-integration. The environment's edge answers on
 * 31443 behind its load balancer, so that both ports need the way.
 */
const appsRules = ({ gatewayRange, appsRange }: Settings): SecurityRule[] => [
  allow('application-gateway', 100, {
    sourceAddressPrefix: gatewayRange,
    destinationAddressPrefix: appsRange,
    destinationPortRanges: ['443', '31443'],
  }),
  allow('load-balancer-probes', 110, {
    sourceAddressPrefix: 'AzureLoadBalancer',
    destinationAddressPrefix: appsRange,
    destinationPortRange: '30000-32767',
  }),
  allow('within', 120, {
    sourceAddressPrefix: appsRange,
    destinationAddressPrefix: appsRange,
    protocol: '*',
    destinationPortRange: '*',
  }),
  {
    ...allow('all-else', 4000, { sourceAddressPrefix: '*', protocol: '*', destinationPortRange: '*' }),
    access: 'Deny',
  },
]

function allow(name: string, priority: number, rule: Partial<SecurityRule>): SecurityRule {
  return {
    name,
    priority,
    direction: 'Inbound',
    access: 'Allow',
    protocol: 'Tcp',
    sourcePortRange: '*',
    destinationAddressPrefix: '*',
    ...rule,
  }
}
