/** The Container Apps environment: inside the network, with names that the network resolves. */
import * as app from '@pulumi/azure-native/app/index.js'
import * as privatedns from '@pulumi/azure-native/privatedns/index.js'
import type { Output, Resource } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'
import type { Network } from './network.ts'
import { createPrivateZone } from './private-name.ts'

export interface Environment {
  readonly id: Output<string>
  readonly defaultDomain: Output<string>
  /** The records that make the apps' names resolve in the network. */
  readonly resolvable: Resource[]
}

/** The one workload profile: pay for what runs, up to 4 vCPU a replica. */
export const workloadProfile = 'Consumption'

const recordTtlSec = 3600

/**
 * Creates the environment and its private zone.
 * @param after the platform's grants: they take minutes to be known everywhere, as the environment does to
 * come up, and a first revision that starts too early hangs (microsoft/azure-container-apps#646)
 */
export function createEnvironment(ground: Ground, vnet: Network, after: Resource[]): Environment {
  const { names, settings, group, lasting } = ground
  const environment = new app.ManagedEnvironment(
    'environment',
    {
      environmentName: names.environment,
      resourceGroupName: group,
      location: settings.location,
      // Immutable: a change replaces the environment and all in it (pulumi/pulumi-azure-native#2577).
      vnetConfiguration: { infrastructureSubnetId: vnet.appsSubnetId, internal: true },
      publicNetworkAccess: 'Disabled',
      workloadProfiles: [{ name: workloadProfile, workloadProfileType: workloadProfile }],
      zoneRedundant: settings.zoneRedundant,
      // By way of a diagnostic setting: the other way needs the workspace's key in the program.
      appLogsConfiguration: { destination: 'azure-monitor' },
    },
    { ...lasting, dependsOn: after },
  )
  // The zone must be named exactly as the domain, or the gateway finds no backend
  // (learn.microsoft.com, container-apps/waf-app-gateway).
  const { zone, link } = createPrivateZone(ground, 'environment', environment.defaultDomain, vnet.id)
  const records = ['*', '@'].map(
    name =>
      new privatedns.PrivateRecordSet(`environment-record-${name === '*' ? 'apps' : 'apex'}`, {
        resourceGroupName: group,
        privateZoneName: zone.name,
        recordType: 'A',
        relativeRecordSetName: name,
        ttl: recordTtlSec,
        aRecords: [{ ipv4Address: environment.staticIp }],
      }),
  )
  return { id: environment.id, defaultDomain: environment.defaultDomain, resolvable: [...records, link] }
}
