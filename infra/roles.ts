/** Role assignments, and the time that they take to be known everywhere. */
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as pulumi from '@pulumi/pulumi'
import type { Clock, Foundation } from './foundation.ts'

/** Source: learn.microsoft.com, role-based-access-control/built-in-roles. */
export const roles = {
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
  openAiUser: '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd',
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
  /** Of all telemetry: its data action is Microsoft.Insights/Telemetry/Write, too. */
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb',
} as const

export interface Grant {
  readonly role: keyof typeof roles
  readonly to: pulumi.Input<string>
  readonly on: pulumi.Input<string>
  /** `on` is not in the stack's resource group, so that the assignment does not go with it. */
  readonly outside?: boolean
}

export type RoleAssignment = authorization.RoleAssignment

/**
 * Lets an identity do what a role allows. The provider names the assignment at random and the state keeps the
 * name: a name that is computed meets itself when the state is lost, and the provider refuses to create what is
 * there already.
 */
export function grant(
  foundation: Foundation,
  name: string,
  { role, to, on, outside }: Grant,
): RoleAssignment {
  const roleDefinitionId = `/subscriptions/${foundation.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${roles[role]}`
  return new authorization.RoleAssignment(
    name,
    {
      principalId: to,
      // Without the type, Azure looks the principal up, and a new one may not have reached that directory yet.
      principalType: 'ServicePrincipal',
      // The short form of the id comes back long, and would show as a change on every run.
      roleDefinitionId,
      scope: on,
    },
    outside ? {} : foundation.within,
  )
}

/** An assignment may take this long to be known everywhere (learn.microsoft.com, role-based-access-control/troubleshooting). */
export const spreadMs = 180_000

/**
 * Hands a value on once an assignment is old enough to be known everywhere: who acts on a new one at once is
 * answered 403 (microsoft/azure-container-apps#722, #1174). On a later run nothing waits.
 */
export function afterSpread<T>(
  { clock }: Foundation,
  assignment: RoleAssignment,
  value: pulumi.Input<T>,
): pulumi.Output<pulumi.Unwrap<T>> {
  return pulumi.all([value, assignment.createdOn]).apply(async ([known, createdOn]) => {
    if (!pulumi.runtime.isDryRun()) await waitForSpread(createdOn, clock)
    return known
  }) as pulumi.Output<pulumi.Unwrap<T>>
}

/** @param createdOn in ISO 8601; without it nothing is waited for */
export async function waitForSpread(createdOn: string | undefined, { now, wait }: Clock): Promise<void> {
  const age = now() - Date.parse(createdOn ?? '')
  if (age < spreadMs) await wait(spreadMs - Math.max(age, 0))
}
