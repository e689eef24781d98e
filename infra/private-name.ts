/** Private DNS zones that the network sees, and endpoints by which a service is reached from inside it. */

import * as network from '@pulumi/azure-native/network/index.js'
import * as privatedns from '@pulumi/azure-native/privatedns/index.js'
import type { Input, Resource } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Network } from './network.ts'

/**
 * Creates a zone and links it to the network.
 * @returns the zone, and the link to wait for before a resolver asks
 */
export function createPrivateZone(
  { group, within, tags }: Foundation,
  subject: string,
  zoneName: Input<string>,
  networkId: Input<string>,
) {
  const zone = new privatedns.PrivateZone(
    `${subject}-zone`,
    {
      resourceGroupName: group,
      privateZoneName: zoneName,
      location: 'global',
      tags,
    },
    within,
  )
  const link = new privatedns.VirtualNetworkLink(
    `${subject}-zone-link`,
    {
      resourceGroupName: group,
      privateZoneName: zone.name,
      virtualNetworkLinkName: 'network',
      location: 'global',
      tags,
      registrationEnabled: false,
      virtualNetwork: { id: networkId },
    },
    within,
  )
  return { zone, link }
}

export interface PrivateZone {
  readonly name: string
  readonly zone: privatedns.PrivateZone
  readonly link: privatedns.VirtualNetworkLink
}

/** Creates the zones of a service; a group has one of a name, which all endpoints of the service share. */
export function createZones(
  foundation: Foundation,
  subject: string,
  zoneNames: readonly string[],
  { id }: Network,
): PrivateZone[] {
  return zoneNames.map((zoneName, index) => {
    const name = index === 0 ? subject : `${subject}-${index + 1}`
    return { name, ...createPrivateZone(foundation, name, zoneName, id) }
  })
}

export interface PrivateWay {
  /** First part of the resources' names. */
  readonly subject: string
  readonly service: Input<string>
  /** What of the service is reached, as Azure calls it (learn.microsoft.com, private-link/private-endpoint-dns). */
  readonly part: string
  /** In which the service's own names resolve to the private address. */
  readonly zones: readonly PrivateZone[]
  readonly network: Network
  /** What must be done with the service before: many take one write at a time. */
  readonly after: Resource[]
}

/**
 * Lets the network reach a service by a private address, under the service's own name.
 * @returns what to wait for before the name is asked for
 */
export function connectPrivately(foundation: Foundation, way: PrivateWay): Resource {
  const { names, settings, group, within, tags } = foundation
  const { subject, network: vnet } = way
  const endpoint = new network.PrivateEndpoint(
    `${subject}-endpoint`,
    {
      privateEndpointName: names.endpointOf(subject),
      resourceGroupName: group,
      location: settings.location,
      tags,
      subnet: { id: vnet.endpointsSubnetId },
      privateLinkServiceConnections: [
        { name: subject, privateLinkServiceId: way.service, groupIds: [way.part] },
      ],
    },
    { ...within, dependsOn: way.after },
  )
  return new network.PrivateDnsZoneGroup(
    `${subject}-endpoint-zone`,
    {
      privateDnsZoneGroupName: 'default',
      privateEndpointName: endpoint.name,
      resourceGroupName: group,
      privateDnsZoneConfigs: way.zones.map(({ name, zone }) => ({ name, privateDnsZoneId: zone.id })),
    },
    { ...within, dependsOn: way.zones.map(({ link }) => link) },
  )
}
