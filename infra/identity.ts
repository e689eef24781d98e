/**
 * Who acts: one identity serves the platform, which pulls the image and reads the secrets; one speaks for
 * the app, and the container gets tokens of this one only.
 * Both exist before the app: a system-assigned one would exist too late to pull its first image.
 */
import * as managedidentity from '@pulumi/azure-native/managedidentity/index.js'
import type { Foundation } from './foundation.ts'

export type Identity = managedidentity.UserAssignedIdentity

/** Creates a user-assigned identity. */
export function createIdentity(
  { names, settings, group, within, tags }: Foundation,
  role: 'app' | 'platform' | 'gateway',
): Identity {
  return new managedidentity.UserAssignedIdentity(
    `${role}-identity`,
    {
      resourceName: names.identityOf(role),
      resourceGroupName: group,
      location: settings.location,
      tags,
    },
    within,
  )
}
