/** The container app: many revisions at a time, each named by a hash, each with its own weight. */

import type { types } from '@pulumi/azure-native'
import * as azureApp from '@pulumi/azure-native/app/index.js'
import * as pulumi from '@pulumi/pulumi'
import { type ContainerParts, describeScale, describeSessionRule, describeTemplate } from './container.ts'
import { type Environment, workloadProfile } from './environment.ts'
import type { Foundation } from './foundation.ts'
import type { Identity } from './identity.ts'
import type { Registry } from './registry.ts'
import { chooseSuffix, rememberSuffix, revisionName, suffixOfName } from './revision.ts'
import { afterSpread, type RoleAssignment } from './roles.ts'
import type { PreviousUpdate } from './stack.ts'
import { chooseTraffic, listsNewest, type Revision } from './traffic.ts'
import type { Vault } from './vault.ts'

export interface AppParts extends ContainerParts {
  readonly environment: Environment
  readonly registry: Registry
  readonly vault: Vault
  readonly identities: { readonly app: Identity; readonly platform: Identity }
  readonly mayPull: RoleAssignment
  readonly previous: pulumi.Input<Pick<PreviousUpdate, 'revisions' | 'revisionSuffixes'>>
  /** Port of every revision: the ingress has one for all. */
  readonly targetPort: pulumi.Input<number>
  /** What must exist before the first replica starts. */
  readonly after: pulumi.Resource[]
}

/** Deactivated revisions that can still be brought back. */
const maxInactiveRevisions = 10

export interface App {
  readonly resource: azureApp.ContainerApp
  /** Suffixes of all revisions, this update's last. */
  readonly revisionSuffixes: pulumi.Output<string[]>
}

/** Creates the app. */
export function createApp(foundation: Foundation, parts: AppParts): App {
  const { names, settings, group, within, tags } = foundation
  const { environment, registry, identities } = parts
  const template = describeTemplate(foundation, parts)
  const userAssignedIdentities = [identities.app.id, identities.platform.id]
  const choice = pulumi
    .all([template, parts.vault.references, parts.previous])
    .apply(([whole, secrets, { revisions, revisionSuffixes }]) => {
      const listed = revisions.map(({ revision }) => suffixOfName(revision))
      // A stack that was last updated without this list: the traffic names what it made.
      const made = revisionSuffixes.length > 0 ? revisionSuffixes : listed
      const chosen = chooseSuffix({
        template: { template: whole, secrets },
        made,
        listed,
        listsNewest: listsNewest(settings.traffic),
      })
      return { chosen, made: rememberSuffix(made, chosen) }
    })
  const suffix = choice.chosen
  const sessionRules =
    settings.sessionsPerReplica > 0 && parts.redisAddress !== undefined
      ? [
          describeSessionRule(
            parts.redisAddress,
            suffix.apply(known => revisionName(names.app, known)),
          ),
        ]
      : []
  const resource = new azureApp.ContainerApp(
    'app',
    {
      containerAppName: names.app,
      resourceGroupName: group,
      location: settings.location,
      tags,
      environmentId: environment.id,
      workloadProfileName: workloadProfile,
      identity: { type: 'UserAssigned', userAssignedIdentities },
      configuration: {
        activeRevisionsMode: 'Multiple',
        maxInactiveRevisions,
        ingress: describeIngress(foundation, parts, suffix),
        registries: [
          {
            server: registry.loginServer,
            identity: afterSpread(foundation, parts.mayPull, identities.platform.id),
          },
        ],
        // The container can get tokens of the app's identity, and none of the platform's.
        identitySettings: [
          { identity: identities.app.id, lifecycle: 'Main' },
          { identity: identities.platform.id, lifecycle: 'None' },
        ],
        // Those that are kept make no new revision: they belong to the ones before.
        secrets: [...parts.vault.references, ...parts.vault.kept],
      },
      template: {
        ...template,
        scale: describeScale(foundation, sessionRules),
        revisionSuffix: suffix,
      },
    },
    { ...within, dependsOn: parts.after },
  )
  // Made once the app is: an update that stops before it made no revision.
  return { resource, revisionSuffixes: pulumi.all([choice.made, resource.id]).apply(([made]) => made) }
}

function describeIngress(
  { names, settings }: Foundation,
  parts: AppParts,
  suffix: pulumi.Output<string>,
): types.input.app.IngressArgs {
  return {
    // Outside the environment, but inside the network: the environment itself is internal.
    external: true,
    targetPort: parts.targetPort,
    // HTTP/1.1, in which WebSockets are upgraded and in which the Application Gateway asks. With auto an upgrade was
    // answered 503 where the proxy chose HTTP/2 (microsoft/azure-container-apps#280); http2 and tcp break it (#1500).
    transport: 'http',
    allowInsecure: false,
    traffic: pulumi.all([suffix, parts.previous]).apply(([known, before]) =>
      chooseTraffic({
        newest: revisionName(names.app, known),
        wanted: settings.traffic,
        previous: before.revisions,
      }),
    ),
  }
}

/** Reads the revisions with their weights and labels off the app. */
export function listRevisions(app: azureApp.ContainerApp): pulumi.Output<Revision[]> {
  return app.configuration.apply(configuration =>
    (configuration?.ingress?.traffic ?? []).map(({ revisionName, weight, label }) => ({
      revision: revisionName ?? '',
      weight: weight ?? 0,
      ...(label !== undefined && { label }),
    })),
  )
}
