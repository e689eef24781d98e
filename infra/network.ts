/** The virtual network: one subnet each for Application Gateway, Container Apps and private endpoints. */

import type { types } from '@pulumi/azure-native'
import * as network from '@pulumi/azure-native/network/index.js'
import type { Output } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'

type SecurityRule = types.input.network.SecurityRuleArgs

/** Clear of the ranges that Container Apps keeps for itself (learn.microsoft.com, custom-virtual-networks). */
export const addressPlan = {
  network: '10.20.0.0/16',
  gateway: '10.20.0.0/24',
  /** A rollout doubles the replicas, and the size can never be changed: /27 is the least, /24 is comfortable. */
  apps: '10.20.1.0/24',
  endpoints: '10.20.2.0/27',
} as const

export interface Network {
  readonly id: Output<string>
  readonly gatewaySubnetId: Output<string>
  readonly appsSubnetId: Output<string>
  readonly endpointsSubnetId: Output<string>
  readonly publicIp: network.PublicIPAddress
}

/** Creates network, subnets with their security groups, and the public address. */
export function createNetwork(ground: Ground): Network {
  const { names, settings, group } = ground
  const vnet = new network.VirtualNetwork('network', {
    virtualNetworkName: names.network,
    resourceGroupName: group,
    location: settings.location,
    addressSpace: { addressPrefixes: [addressPlan.network] },
  })
  return { id: vnet.id, ...createSubnets(ground, vnet.name), publicIp: createPublicIp(ground) }
}

/** One after the other: Azure refuses parallel writes to one network (AnotherOperationInProgress). */
function createSubnets(ground: Ground, virtualNetworkName: Output<string>) {
  const place = { resourceGroupName: ground.group, virtualNetworkName }
  const gateway = new network.Subnet('gateway-subnet', {
    ...place,
    subnetName: 'gateway',
    addressPrefix: addressPlan.gateway,
    networkSecurityGroup: {
      id: createSecurityGroup(ground, 'gateway', gatewayRules(ground.settings.clientRanges)),
    },
  })
  const apps = new network.Subnet(
    'apps-subnet',
    {
      ...place,
      subnetName: 'apps',
      addressPrefix: addressPlan.apps,
      delegations: [{ name: 'container-apps', serviceName: 'Microsoft.App/environments' }],
      networkSecurityGroup: { id: createSecurityGroup(ground, 'apps', appsRules) },
    },
    { dependsOn: gateway },
  )
  const endpoints = new network.Subnet(
    'endpoints-subnet',
    { ...place, subnetName: 'endpoints', addressPrefix: addressPlan.endpoints },
    { dependsOn: apps },
  )
  return { gatewaySubnetId: gateway.id, appsSubnetId: apps.id, endpointsSubnetId: endpoints.id }
}

function createPublicIp({ names, settings, group, lasting }: Ground) {
  return new network.PublicIPAddress(
    'public-ip',
    {
      publicIpAddressName: names.publicIp,
      resourceGroupName: group,
      location: settings.location,
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

function createSecurityGroup({ names, settings, group }: Ground, subnet: string, rules: SecurityRule[]) {
  return new network.NetworkSecurityGroup(`${subnet}-nsg`, {
    networkSecurityGroupName: names.securityGroupOf(subnet),
    resourceGroupName: group,
    location: settings.location,
    securityRules: rules,
  }).id
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
const appsRules: SecurityRule[] = [
  allow('application-gateway', 100, {
    sourceAddressPrefix: addressPlan.gateway,
    destinationAddressPrefix: addressPlan.apps,
    destinationPortRanges: ['443', '31443'],
  }),
  allow('load-balancer-probes', 110, {
    sourceAddressPrefix: 'AzureLoadBalancer',
    destinationAddressPrefix: addressPlan.apps,
    destinationPortRange: '30000-32767',
  }),
  allow('within', 120, {
    sourceAddressPrefix: addressPlan.apps,
    destinationAddressPrefix: addressPlan.apps,
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
