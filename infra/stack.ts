/** What the program learns from Pulumi: the stack's configuration, and what the last update left. */
import * as pulumi from '@pulumi/pulumi'
import { type SettingName, settingMeta, settingNames } from './setting-table.ts'
import { readSettings, type Settings } from './settings.ts'
import type { Revision } from './traffic.ts'

/** Reads the settings of the stack that is being run, and warns of what is allowed but unwise. */
export function readStack(today: Date): Settings {
  const project = pulumi.getProject()
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(`${project}:`))
      values[key.slice(project.length + 1)] = parse(key.slice(project.length + 1), value)
  }
  const settings = readSettings({ stack: pulumi.getStack(), values, today })
  for (const warning of settings.warnings) pulumi.log.warn(warning)
  return settings
}

/**
 * Reads the weights that the last update of this very stack left: a stack may refer to itself, and sees
 * its outputs as they were; none before the first update. Not asked when the configuration names weights.
 */
export function readPreviousRevisions({ traffic }: Settings): pulumi.Output<readonly Revision[]> {
  if (traffic.length > 0) return pulumi.output([])
  const self = new pulumi.StackReference(
    `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`,
  )
  return self.getOutput('revisions').apply(revisions => (revisions ?? []) as readonly Revision[])
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
