/** Azure Managed Redis, for the state that replicas share: Entra tokens only, and no public address. */
import * as network from '@pulumi/azure-native/network/index.js'
import * as redisenterprise from '@pulumi/azure-native/redisenterprise/index.js'
import type { Resource } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'
import type { Identity } from './identity.ts'
import type { Network } from './network.ts'
import { createPrivateZone } from './private-name.ts'

export interface Redis {
  /** Without a password: the app shows a token of its identity. */
  readonly url: string
  /** What must exist before a replica can connect. */
  readonly ready: Resource[]
}

const redisPort = 10_000

/** Creation alone takes a good quarter of an hour. */
const slow = { customTimeouts: { create: '60m', update: '60m', delete: '60m' } }

/** Creates cluster, database, the app's access to it and the private way there. */
export function createRedis(
  ground: Ground,
  { app, network: vnet }: { app: Identity; network: Network },
): Redis {
  const { names, settings, group } = ground
  const { cluster, database } = createCluster(ground)
  const access = new redisenterprise.AccessPolicyAssignment('redis-access', {
    accessPolicyAssignmentName: 'app',
    clusterName: cluster.name,
    databaseName: database.name,
    resourceGroupName: group,
    accessPolicyName: 'default',
    user: { objectId: app.principalId },
  })
  const way = connectPrivately(ground, { cluster, after: access, network: vnet })
  return {
    url: `rediss://${names.redis}.${settings.location}.redis.azure.net:${redisPort}`,
    ready: [access, way],
  }
}

function createCluster({ names, settings, group }: Ground) {
  const cluster = new redisenterprise.RedisEnterprise(
    'redis',
    {
      clusterName: names.redis,
      resourceGroupName: group,
      location: settings.location,
      sku: { name: settings.redisSku },
      highAvailability: settings.zoneRedundant ? 'Enabled' : 'Disabled',
      minimumTlsVersion: '1.2',
      publicNetworkAccess: 'Disabled',
    },
    slow,
  )
  const database = new redisenterprise.Database(
    'redis-database',
    {
      clusterName: cluster.name,
      resourceGroupName: group,
      databaseName: 'default',
      clientProtocol: 'Encrypted',
      port: redisPort,
      // One address for ordinary clients; the policy can never be changed.
      clusteringPolicy: 'EnterpriseCluster',
      evictionPolicy: 'VolatileLRU',
      accessKeysAuthentication: 'Disabled',
    },
    slow,
  )
  return { cluster, database }
}

interface PrivateWay {
  readonly cluster: redisenterprise.RedisEnterprise
  readonly after: redisenterprise.AccessPolicyAssignment
  readonly network: Network
}

function connectPrivately(ground: Ground, { cluster, after, network: vnet }: PrivateWay): Resource {
  const { names, settings, group } = ground
  // The older zone of the Enterprise tiers, privatelink.redisenterprise.cache.azure.net, does not stand in
  // the name chain of a managed Redis (pnp/Microsoft365-Analytics-Insights#120).
  const { zone, link } = createPrivateZone(ground, 'redis', 'privatelink.redis.azure.net', vnet.id)
  const endpoint = new network.PrivateEndpoint(
    'redis-endpoint',
    {
      privateEndpointName: names.endpointOf('redis'),
      resourceGroupName: group,
      location: settings.location,
      subnet: { id: vnet.endpointsSubnetId },
      privateLinkServiceConnections: [
        { name: 'redis', privateLinkServiceId: cluster.id, groupIds: ['redisEnterprise'] },
      ],
    },
    // A cluster takes one write at a time.
    { dependsOn: after },
  )
  return new network.PrivateDnsZoneGroup(
    'redis-endpoint-zone',
    {
      privateDnsZoneGroupName: 'default',
      privateEndpointName: endpoint.name,
      resourceGroupName: group,
      privateDnsZoneConfigs: [{ name: 'redis', privateDnsZoneId: zone.id }],
    },
    { dependsOn: link },
  )
}
