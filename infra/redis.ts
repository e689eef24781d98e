/**
 * Azure Managed Redis, for the state that replicas share: no public address, and Entra tokens only, unless an
 * autoscaler reads it, which takes a password alone.
 */
import * as redisenterprise from '@pulumi/azure-native/redisenterprise/index.js'
import { all, type Output, type Resource, secret } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Identity } from './identity.ts'
import type { Network } from './network.ts'
import { connectPrivately, createZones } from './private-name.ts'
import { keysOrUnknown } from './refusal.ts'
import type { Settings } from './settings.ts'

export interface Redis {
  /** Without a password: the app shows a token of its identity. */
  readonly url: string
  /** Host and port of the same. */
  readonly address: string
  /** The autoscaler's password, where it scales on sessions: it can show no token. */
  readonly key: Output<string> | undefined
  /** What must exist before a replica can connect. */
  readonly ready: Resource[]
}

const redisPort = 10_000

/** Creation alone takes a good quarter of an hour. */
const slow = { customTimeouts: { create: '60m', update: '60m', delete: '60m' } }

export interface RedisParts {
  readonly app: Identity
  readonly network: Network
  /** The autoscaler of an active revision shows the key, whatever the next one does: keys stay on. */
  readonly keyInUse: boolean
}

/** Creates cluster, database, the app's access to it and the private way there. */
export function createRedis(foundation: Foundation, { app, network: vnet, keyInUse }: RedisParts): Redis {
  const { names, settings, group, within } = foundation
  const { cluster, database } = createCluster(foundation, keyInUse)
  const access = new redisenterprise.AccessPolicyAssignment(
    'redis-access',
    {
      accessPolicyAssignmentName: 'app',
      clusterName: cluster.name,
      databaseName: database.name,
      resourceGroupName: group,
      accessPolicyName: 'default',
      user: { objectId: app.principalId },
    },
    within,
  )
  const way = connectPrivately(foundation, {
    subject: 'redis',
    service: cluster.id,
    part: 'redisEnterprise',
    // The older zone of the Enterprise tiers, privatelink.redisenterprise.cache.azure.net, does not stand in
    // the name chain of a managed Redis (pnp/Microsoft365-Analytics-Insights#120).
    zones: createZones(foundation, 'redis', ['privatelink.redis.azure.net'], vnet),
    network: vnet,
    after: [access],
  })
  const address = `${names.redis}.${settings.location}.redis.azure.net:${redisPort}`
  return {
    url: `rediss://${address}`,
    address,
    key: hasKey(settings) ? readKey(foundation, cluster, database) : undefined,
    ready: [access, way],
  }
}

function hasKey({ sessionsPerReplica }: Settings): boolean {
  return sessionsPerReplica > 0
}

function readKey(
  { group }: Foundation,
  cluster: redisenterprise.RedisEnterprise,
  database: redisenterprise.Database,
): Output<string> {
  // Keys of a database that is there, and whose keys are on.
  return secret(
    all([cluster.name, database.name, group, database.id]).apply(
      ([clusterName, databaseName, resourceGroupName]) =>
        keysOrUnknown(
          `Keys of ${clusterName}`,
          redisenterprise
            .listDatabaseKeys({ clusterName, databaseName, resourceGroupName })
            .then(({ primaryKey }) => primaryKey ?? ''),
        ),
    ),
  )
}

function createCluster({ names, settings, group, within, tags }: Foundation, keyInUse: boolean) {
  const cluster = new redisenterprise.RedisEnterprise(
    'redis',
    {
      clusterName: names.redis,
      resourceGroupName: group,
      location: settings.location,
      tags,
      sku: { name: settings.redisSku },
      highAvailability: settings.zoneRedundant ? 'Enabled' : 'Disabled',
      minimumTlsVersion: '1.2',
      publicNetworkAccess: 'Disabled',
    },
    { ...within, ...slow },
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
      accessKeysAuthentication: hasKey(settings) || keyInUse ? 'Enabled' : 'Disabled',
    },
    { ...within, ...slow },
  )
  return { cluster, database }
}
