/** Role assignments, by names that are the same on every run. */
import { createHash } from 'node:crypto'
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as pulumi from '@pulumi/pulumi'
import type { Ground } from './ground.ts'

/** Source: learn.microsoft.com, role-based-access-control/built-in-roles. */
export const roles = {
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
  openAiUser: '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd',
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
} as const

export interface Grant {
  readonly role: keyof typeof roles
  readonly to: pulumi.Input<string>
  readonly on: pulumi.Input<string>
}

/**
 * Lets an identity do what a role allows. The assignment's name is a GUID of scope, principal and role,
 * so that one that outlived its stack's state is found again (Azure answers RoleAssignmentExists else).
 */
export function grant({ subscriptionId }: Ground, name: string, { role, to, on }: Grant) {
  const guid = roles[role]
  return new authorization.RoleAssignment(name, {
    roleAssignmentName: pulumi
      .all([on, to])
      .apply(([scope, principal]) => guidOf(`${scope}/${principal}/${guid}`)),
    principalId: to,
    // Without the type, Azure looks the principal up, and a new one may not have reached that directory yet.
    principalType: 'ServicePrincipal',
    // The short form of the id comes back long, and would show as a change on every run.
    roleDefinitionId: `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${guid}`,
    scope: on,
  })
}

/** Makes a GUID of a text (the layout of RFC 9562 version 8: a hash of one's own choice). */
export function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
