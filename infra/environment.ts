/** The Container Apps environment: inside the network, with names that the network resolves. */
import type { types } from '@pulumi/azure-native'
import * as app from '@pulumi/azure-native/app/index.js'
import * as privatedns from '@pulumi/azure-native/privatedns/index.js'
import type { Output, Resource } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Network } from './network.ts'
import { createPrivateZone } from './private-name.ts'
import type { Settings } from './settings.ts'

export interface Environment {
  readonly id: Output<string>
  readonly defaultDomain: Output<string>
  /** The records that make the apps' names resolve in the network. */
  readonly resolvable: Resource[]
}

/** The workload profile of the app: pay for what runs, up to 4 vCPU a replica. */
export const workloadProfile = 'Consumption'

const recordTtlSec = 3600

/** Nodes of the environment's own proxies: the smallest size and the fewest that Azure takes (learn.microsoft.com, container-apps/premium-ingress). */
const ingressProfile = { name: 'ingress', size: 'D4', fewest: 2, most: 10 }
/** An hour, the most that Azure takes: open sockets survive the replacement of a proxy for as long. */
const ingressDrainSec = 3600
/** Minutes without data after which a proxy ends a connection; pings come every ten seconds. */
const ingressIdleMinutes = 30

/**
 * Creates the environment and its private zone.
 * @param after the platform's grants: they take minutes to be known everywhere, as the environment does to
 * come up, and a first revision that starts too early hangs (microsoft/azure-container-apps#646)
 */
export function createEnvironment(foundation: Foundation, vnet: Network, after: Resource[]): Environment {
  const { names, settings, group, lasting, tags, within } = foundation
  const environment = new app.ManagedEnvironment(
    'environment',
    {
      environmentName: names.environment,
      resourceGroupName: group,
      location: settings.location,
      tags,
      // Immutable: a change replaces the environment and all in it (pulumi/pulumi-azure-native#2577).
      vnetConfiguration: { infrastructureSubnetId: vnet.appsSubnetId, internal: true },
      publicNetworkAccess: 'Disabled',
      ...describeProxies(settings),
      zoneRedundant: settings.zoneRedundant,
      // By way of a diagnostic setting: the other way needs the workspace's key in the program.
      appLogsConfiguration: { destination: 'azure-monitor' },
    },
    { ...lasting, dependsOn: after },
  )
  // The zone must be named exactly as the domain, or the gateway finds no backend
  // (learn.microsoft.com, container-apps/waf-app-gateway).
  const { zone, link } = createPrivateZone(foundation, 'environment', environment.defaultDomain, vnet.id)
  const records = ['*', '@'].map(
    name =>
      new privatedns.PrivateRecordSet(
        `environment-record-${name === '*' ? 'apps' : 'apex'}`,
        {
          resourceGroupName: group,
          privateZoneName: zone.name,
          recordType: 'A',
          relativeRecordSetName: name,
          ttl: recordTtlSec,
          aRecords: [{ ipv4Address: environment.staticIp }],
        },
        within,
      ),
  )
  return { id: environment.id, defaultDomain: environment.defaultDomain, resolvable: [...records, link] }
}

/**
 * The app's profile, and with premium ingress the proxies' own: shared ones scale and are replaced at the platform's
 * will, with every socket in them (learn.microsoft.com, container-apps/premium-ingress).
 */
function describeProxies({ ingress }: Settings): {
  workloadProfiles: types.input.app.WorkloadProfileArgs[]
  ingressConfiguration?: types.input.app.IngressConfigurationArgs
} {
  const apps = { name: workloadProfile, workloadProfileType: workloadProfile }
  if (ingress === 'default') return { workloadProfiles: [apps] }
  const { name, size, fewest, most } = ingressProfile
  return {
    workloadProfiles: [apps, { name, workloadProfileType: size, minimumCount: fewest, maximumCount: most }],
    ingressConfiguration: {
      workloadProfileName: name,
      scale: { minReplicas: fewest, maxReplicas: most },
      requestIdleTimeout: ingressIdleMinutes,
      terminationGracePeriodSeconds: ingressDrainSec,
    },
  }
}
