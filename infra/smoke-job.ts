/**
 * A job that can be started inside the network, to try a revision that has no traffic yet: the label's name
 * resolves nowhere else, and the Application Gateway must not change for a release. It costs nothing while
 * it does not run; a start names the image and the command.
 */
import * as azureApp from '@pulumi/azure-native/app/index.js'
import { type Environment, workloadProfile } from './environment.ts'
import type { Foundation } from './foundation.ts'
import type { Identity } from './identity.ts'
import type { Registry } from './registry.ts'

export interface SmokeJobParts {
  readonly environment: Environment
  readonly registry: Registry
  readonly platform: Identity
}

/** What the job runs unless a start says otherwise. */
const idleImage = 'mcr.microsoft.com/k8se/quickstart-jobs:latest'
const timeoutSec = 300

/** Creates the job. */
export function createSmokeJob(
  foundation: Foundation,
  { environment, registry, platform }: SmokeJobParts,
): azureApp.Job {
  const { names, settings, group, within, tags } = foundation
  return new azureApp.Job(
    'smoke-job',
    {
      jobName: names.smokeJob,
      resourceGroupName: group,
      location: settings.location,
      tags,
      environmentId: environment.id,
      workloadProfileName: workloadProfile,
      identity: { type: 'UserAssigned', userAssignedIdentities: [platform.id] },
      configuration: {
        triggerType: 'Manual',
        replicaTimeout: timeoutSec,
        replicaRetryLimit: 0,
        manualTriggerConfig: { parallelism: 1, replicaCompletionCount: 1 },
        registries: [{ server: registry.loginServer, identity: platform.id }],
        identitySettings: [{ identity: platform.id, lifecycle: 'None' }],
      },
      template: {
        containers: [{ name: 'smoke', image: idleImage, resources: { cpu: 0.25, memory: '0.5Gi' } }],
      },
    },
    within,
  )
}
