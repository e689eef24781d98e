/** What the program learns from Pulumi: the stack's configuration, and what the last update left. */
import * as pulumi from '@pulumi/pulumi'
import type { KeptSecret } from './kept-secrets.ts'
import type { MadeUnits } from './preflight-models.ts'
import { type SettingName, settingMeta, settingNames } from './setting-table.ts'
import { readSettings, type Settings, SettingsError, type StackConfiguration } from './settings.ts'
import type { Revision } from './traffic.ts'

/**
 * Reads the settings of the stack that is being run, and warns of what is allowed but unwise.
 * @throws pulumi.RunError with all faults: Pulumi shows its message alone, and a stack with any other error
 */
export function readStack(today: Date): Settings {
  const project = pulumi.getProject()
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(`${project}:`))
      values[key.slice(project.length + 1)] = parse(key.slice(project.length + 1), value)
  }
  const preview = pulumi.runtime.isDryRun()
  const settings = readOrStop({ stack: pulumi.getStack(), values, today, preview })
  for (const warning of settings.warnings) pulumi.log.warn(warning)
  return settings
}

function readOrStop(configuration: StackConfiguration): Settings {
  try {
    return readSettings(configuration)
  } catch (fault) {
    if (fault instanceof SettingsError) throw new pulumi.RunError(fault.message)
    throw fault
  }
}

/** What the last update of this stack left in its outputs; a stack that was never updated has none. */
export interface PreviousUpdate {
  readonly revisions: readonly Revision[]
  /** Suffixes of all revisions so far, newest last. */
  readonly revisionSuffixes: readonly string[]
  readonly containerTargetPort: number | undefined
  readonly modelUnits: readonly MadeUnits[]
}

/** Refers to the outputs of this very stack as the last update left them: a stack may refer to itself. */
export function referToSelf(): pulumi.StackReference {
  return new pulumi.StackReference(`${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`)
}

/** Reads the outputs that a resource's inputs are made of. */
export function readPreviousUpdate(self: pulumi.StackReference): pulumi.Output<PreviousUpdate> {
  // One by one: all outputs together are as secret as the key among them, and so would be what is made of them.
  return pulumi
    .all([
      self.getOutput('revisions'),
      self.getOutput('revisionSuffixes'),
      self.getOutput('containerTargetPort'),
      self.getOutput('modelUnits'),
    ])
    .apply(([revisions, revisionSuffixes, containerTargetPort, modelUnits]) => ({
      revisions: (revisions ?? []) as readonly Revision[],
      revisionSuffixes: (revisionSuffixes ?? []) as readonly string[],
      containerTargetPort: containerTargetPort as number | undefined,
      // Was once an object, which told no region.
      modelUnits: (Array.isArray(modelUnits) ? modelUnits : []) as readonly MadeUnits[],
    }))
}

/** Reads the secrets that the last update gave the app: at once, as they decide which resources there are. */
export async function readPreviousSecrets(self: pulumi.StackReference): Promise<readonly KeptSecret[]> {
  const { value } = await self.getOutputDetails('secretReferences')
  return (value ?? []) as readonly KeptSecret[]
}

/**
 * Chooses the container's port. The ingress has one port for all revisions, and a revision has its own for life: a
 * new one would take the old revisions' traffic away, before the new revision has any.
 * @throws when it is another than the last update's
 */
export function choosePort({ containerTargetPort }: Settings, previous: PreviousUpdate): number {
  const before = previous.containerTargetPort ?? containerTargetPort
  if (containerTargetPort !== before)
    throw new pulumi.RunError(
      `containerTargetPort: is ${before} since the first update, for all revisions at once; set it back (pulumi config set containerTargetPort ${before})`,
    )
  return containerTargetPort
}

function parse(name: string, value: string): unknown {
  if (!settingNames.includes(name as SettingName) || settingMeta(name as SettingName).type !== 'array')
    return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
