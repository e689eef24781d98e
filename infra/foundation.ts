/** What every part stands on: settings, names, and the resource group. */
import * as resources from '@pulumi/azure-native/resources/index.js'
import type { CustomResourceOptions, Output } from '@pulumi/pulumi'
import { type Names, nameEverything } from './names.ts'
import type { Settings } from './settings.ts'

/** Time, handed in. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

export interface Foundation {
  readonly settings: Settings
  readonly names: Names
  readonly subscriptionId: string
  readonly tenantId: string
  /** Name of the resource group, known once the group exists. */
  readonly group: Output<string>
  readonly groupId: Output<string>
  /**
   * Options of a resource in the group. It is deleted with the group, by one call: one by one, the subnet of
   * Container Apps stays in use for minutes after its environment is gone (microsoft/azure-container-apps#974).
   */
  readonly within: CustomResourceOptions
  /** Options of a resource in the group that holds data, addresses or immutable settings: protected on all stacks but dev. */
  readonly lasting: CustomResourceOptions
  /** Tags of every resource that takes tags. */
  readonly tags: Readonly<Record<string, string>>
  readonly clock: Clock
}

export interface Account {
  readonly subscriptionId: string
  readonly tenantId: string
}

/** Creates the resource group, and names all that will stand in it. */
export function createFoundation(
  settings: Settings,
  { subscriptionId, tenantId }: Account,
  clock: Clock,
): Foundation {
  const names = nameEverything(settings, subscriptionId)
  const tags = { project: 'realtime-gateway', stack: settings.stack }
  const resourceGroup = new resources.ResourceGroup(
    'group',
    { resourceGroupName: names.group, location: settings.location, tags },
    // All that is in it goes with it: gateway, Redis and environment take up to half an hour each.
    { customTimeouts: { delete: '120m' } },
  )
  const within = { deletedWith: resourceGroup }
  return {
    settings,
    names,
    subscriptionId,
    tenantId,
    group: resourceGroup.name,
    groupId: resourceGroup.id,
    within,
    lasting: { ...within, protect: settings.stack !== 'dev' },
    tags,
    clock,
  }
}
