/** What every part stands on: settings, names, and the resource group. */
import * as resources from '@pulumi/azure-native/resources/index.js'
import type { CustomResourceOptions, Output } from '@pulumi/pulumi'
import { type Names, nameEverything } from './names.ts'
import type { Settings } from './settings.ts'

export interface Ground {
  readonly settings: Settings
  readonly names: Names
  readonly subscriptionId: string
  readonly tenantId: string
  /** Name of the resource group, known once the group exists. */
  readonly group: Output<string>
  /** Options of what holds data, addresses or immutable settings: not to be lost to a slip of the hand. */
  readonly lasting: CustomResourceOptions
}

/** Creates the resource group, and names all that will stand in it. */
export function createGround(
  settings: Settings,
  { subscriptionId, tenantId }: { subscriptionId: string; tenantId: string },
): Ground {
  const names = nameEverything(settings, subscriptionId)
  const lasting = { protect: settings.stack !== 'dev' }
  const { name: group } = new resources.ResourceGroup('group', {
    resourceGroupName: names.group,
    location: settings.location,
    tags: { project: 'realtime-gateway', stack: settings.stack },
  })
  return { settings, names, subscriptionId, tenantId, group, lasting }
}
