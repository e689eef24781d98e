/** A private DNS zone that the network sees. */
import * as privatedns from '@pulumi/azure-native/privatedns/index.js'
import type { Input } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'

/**
 * Creates a zone and links it to the network.
 * @returns the zone, and the link to wait for before a resolver asks
 */
export function createPrivateZone(
  { group }: Ground,
  subject: string,
  zoneName: Input<string>,
  networkId: Input<string>,
) {
  const zone = new privatedns.PrivateZone(`${subject}-zone`, {
    resourceGroupName: group,
    privateZoneName: zoneName,
    location: 'global',
  })
  const link = new privatedns.VirtualNetworkLink(`${subject}-zone-link`, {
    resourceGroupName: group,
    privateZoneName: zone.name,
    virtualNetworkLinkName: 'network',
    location: 'global',
    registrationEnabled: false,
    virtualNetwork: { id: networkId },
  })
  return { zone, link }
}
