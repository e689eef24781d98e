/** A stack's settings as its file has them, for commands that run without Pulumi. */
import { readFileSync } from 'node:fs'
import * as yaml from 'js-yaml'
import { type SettingName, settingMeta, settingNames } from '../setting-table.ts'
import { readSettings, type Settings } from '../settings.ts'

const namespace = 'realtime-gateway:'

/** Stands in for a secret, which the file has encrypted. */
const secretStandIn: Partial<Record<SettingName, string>> = {
  gatewayApiKeys: 'name:in-the-stack-file',
  openAiApiKey: 'in-the-stack-file',
}

/**
 * Reads the settings, placeholders included.
 * @param file text of `Pulumi.STACK.yaml`
 * @throws SettingsError with all faults
 */
export function readStackFile(stack: string, file: string, today: Date): Settings {
  const { config = {} } = (yaml.load(file) ?? {}) as { config?: Record<string, unknown> }
  const values = Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith(namespace) ? [settingOf(key.slice(namespace.length), value)] : [],
    ),
  )
  return readSettings({ stack, values, today, preview: true })
}

/** Reads the file of a stack beside the program. */
export function loadStack(stack: string, today: Date): Settings {
  return readStackFile(
    stack,
    readFileSync(new URL(`../../Pulumi.${stack}.yaml`, import.meta.url), 'utf8'),
    today,
  )
}

function settingOf(name: string, value: unknown): [string, unknown] {
  const known = settingNames.includes(name as SettingName)
  if (known && settingMeta(name as SettingName).secret)
    return [name, secretStandIn[name as SettingName] ?? '']
  return [name, value]
}
