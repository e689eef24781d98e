/** The container registry: identities only, no admin user, no anonymous pull. */
import * as containerregistry from '@pulumi/azure-native/containerregistry/index.js'
import type { Ground } from './ground.ts'

export type Registry = containerregistry.Registry

/** Creates the registry. */
export function createRegistry({ names, settings, group, lasting }: Ground): Registry {
  return new containerregistry.Registry(
    'registry',
    {
      registryName: names.registry,
      resourceGroupName: group,
      location: settings.location,
      sku: { name: settings.registrySku },
      adminUserEnabled: false,
    },
    lasting,
  )
}
