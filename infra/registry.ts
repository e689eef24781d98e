/** The container registry: identities only, no admin user, no anonymous pull. */
import * as containerregistry from '@pulumi/azure-native/containerregistry/index.js'
import { type Output, output, type Resource } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Network } from './network.ts'
import { connectPrivately, createZones } from './private-name.ts'
import { partsOfId } from './resource-id.ts'

export interface Registry {
  readonly id: Output<string>
  readonly loginServer: Output<string>
  /** The registry is another's: it does not go with the stack's group. */
  readonly outside: boolean
  /** What must exist before an image can be pulled, besides the right to. */
  readonly ready: Resource[]
}

/** Creates the registry, or names the existing one. */
export function createRegistry(foundation: Foundation, network: Network): Registry {
  const { names, settings, group, lasting, tags } = foundation
  if (settings.registryId !== undefined) {
    const loginServer = output(`${partsOfId(settings.registryId).name.toLowerCase()}.azurecr.io`)
    return { id: output(settings.registryId), loginServer, outside: true, ready: [] }
  }
  const isPrivate = settings.network === 'private'
  const { id, loginServer } = new containerregistry.Registry(
    'registry',
    {
      registryName: names.registry,
      resourceGroupName: group,
      location: settings.location,
      tags,
      sku: { name: settings.registrySku },
      adminUserEnabled: false,
      ...(isPrivate && { publicNetworkAccess: 'Disabled' }),
    },
    lasting,
  )
  const reach = () => {
    const zones = createZones(foundation, 'registry', ['privatelink.azurecr.io'], network)
    return connectPrivately(foundation, {
      subject: 'registry',
      service: id,
      part: 'registry',
      zones,
      network,
      after: [],
    })
  }
  return { id, loginServer, outside: false, ready: isPrivate ? [reach()] : [] }
}
