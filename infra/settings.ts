/** Turns a stack's configuration into settings, or into the list of all its faults at once. */

import { drainMarginSec } from '../runtime/core/contract.ts'
import { type ConfiguredModel, warnOfPreviews, warnOfRetirements } from '../runtime/models/warnings.ts'
import { predictCapacity } from './capacity.ts'
import { faultsAcross } from './setting-faults.ts'
import {
  readTexts,
  type SettingName,
  settingMeta,
  settingNames,
  settingTable,
  type Table,
} from './setting-table.ts'

/** What the program builds from. Strings are never empty: what is unset is undefined. */
export interface Settings
  extends Omit<Table, Optional | 'redis' | 'gatewayAuth' | 'containerCpu' | 'assistantSecrets'>,
    OptionalTexts {
  readonly stack: string
  readonly openAiLocation: string
  readonly containerCpu: number
  readonly containerMemoryGib: number
  /** Seconds from SIGTERM to the end of the drain, times 1000. */
  readonly drainDeadlineMs: number
  readonly gatewayAuth: 'none' | 'key' | 'entra' | 'key,entra'
  readonly redis: boolean
  /** By name of the variable. */
  readonly assistantSecrets: Readonly<Record<string, string>>
  /** No one configured how clients authenticate: a key is made. */
  readonly generatesKey: boolean
  readonly warnings: readonly string[]
}

const optionalNames = [
  'transcriptionDeploymentName',
  'registryId',
  'openAiApiKey',
  'gatewayApiKeys',
  'webhookSecret',
  'eventsWebhookUrl',
  'eventsWebhookSecret',
  'otlpHeaders',
  'entraTenantId',
  'entraRequiredScope',
  'entraRequiredRole',
  'entraPagesClientId',
  'tlsCertificateSecretId',
  'keyVaultResourceGroup',
  'hostName',
  'dnsZoneId',
  'gatewaySubnetId',
  'appsSubnetId',
  'endpointsSubnetId',
  'keyVaultId',
  'logWorkspaceId',
  'imageRef',
  'alertEmail',
] as const

type Optional = (typeof optionalNames)[number]
type OptionalTexts = { readonly [name in Optional]: string | undefined }

export interface StackConfiguration {
  readonly stack: string
  /** Values by name, without the project's namespace; objects as parsed JSON. */
  readonly values: Readonly<Record<string, unknown>>
  readonly today: Date
  /** Nothing is created yet: placeholders warn, and stop an update before it begins. */
  readonly preview: boolean
}

/** All faults of a stack's configuration, one sentence each. */
export class SettingsError extends Error {
  readonly faults: readonly string[]
  constructor(stack: string, faults: readonly string[]) {
    const count = `${faults.length} fault${faults.length === 1 ? '' : 's'}`
    super(
      `The configuration of the stack ${stack} has ${count}:\n${faults.map(fault => `  - ${fault}`).join('\n')}`,
    )
    this.name = 'SettingsError'
    this.faults = faults
  }
}

/**
 * Reads a stack's settings.
 * @throws SettingsError naming every setting at fault and what is allowed; values are not repeated, as a
 * secret may stand in the wrong one
 */
export function readSettings({ stack, values, today, preview }: StackConfiguration): Settings {
  const faults: string[] = []
  const given: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(values)) {
    if (settingNames.includes(name as SettingName))
      given[name] = typeof value === 'number' ? value : trim(value)
    else faults.push(`${name}: is not a setting of this program; docs/azure/settings.md lists them all`)
  }
  const parsed = settingTable.safeParse(given)
  if (!parsed.success) {
    const names = new Set(parsed.error.issues.map(issue => String(issue.path[0]) as SettingName))
    for (const name of names) faults.push(`${name}: allowed is ${settingMeta(name).allowed}`)
    for (const name of names) delete given[name]
  }
  // Faulty settings fall back to their defaults here, so that the checks across settings run too.
  const table = parsed.data ?? settingTable.parse(given)
  faults.push(...faultsAcross(stack, table))
  const placeholders = findPlaceholders(table)
  if (!preview) faults.push(...placeholders)
  if (faults.length > 0) throw new SettingsError(stack, faults)
  return complete(stack, table, { today, placeholders })
}

/** Values that belong to no one, which a stack's file has until its owner fills them in (RFC 9562 section 5.9, RFC 2606). */
function findPlaceholders(table: Table): string[] {
  const nobody = /\b([0-9])\1{7}-\1{4}-\1{4}-\1{4}-\1{12}\b/
  const example = /\bexample(-[a-z]+)?\b|\bexample\.(com|net|org)$/i
  const names = (['entraTenantId', 'entraAudience', 'entraPagesClientId'] as const).filter(name =>
    nobody.test(String(table[name])),
  )
  const examples = (['hostName', 'tlsCertificateSecretId', 'keyVaultResourceGroup'] as const).filter(name =>
    example.test(table[name]),
  )
  return [...names, ...examples].map(name => `${name}: is a placeholder; put your own into the stack's file`)
}

function trim(value: unknown): unknown {
  return typeof value === 'string' ? value.trim() : value
}

/** Container Apps gives each vCPU so much memory (learn.microsoft.com, container-apps/containers). */
const gibPerCpu = 2

interface Circumstances {
  readonly today: Date
  readonly placeholders: readonly string[]
}

function complete(stack: string, table: Table, { today, placeholders }: Circumstances): Settings {
  const texts = Object.fromEntries(
    optionalNames.map(name => [name, table[name] || undefined]),
  ) as OptionalTexts
  const cpu = Number(table.containerCpu)
  const gatewayAuth = table.gatewayAuth || 'key'
  return {
    ...table,
    ...texts,
    stack,
    openAiLocation: table.openAiLocation || table.location,
    containerCpu: cpu,
    containerMemoryGib: cpu * gibPerCpu,
    drainDeadlineMs: (table.terminationGracePeriodSeconds - drainMarginSec) * 1000,
    gatewayAuth,
    assistantSecrets: readTexts(table.assistantSecrets) ?? {},
    generatesKey: table.gatewayAuth === '' && table.gatewayApiKeys === '',
    redis: table.redis === 'auto' ? table.maxReplicas > 1 : table.redis === 'on',
    warnings: [...placeholders, ...warn(table, gatewayAuth, today)],
  }
}

function warn(table: Table, gatewayAuth: string, today: Date): string[] {
  const models = modelsOf(table)
  return [
    ...warnOfRetirements(models, today),
    ...warnOfPreviews(models),
    table.tlsCertificateSecretId === '' &&
      'tlsCertificateSecretId is unset: the gateway speaks plain http, and browsers give a page no microphone outside a secure context',
    table.minReplicas === 0 &&
      table.gatewayProbeInterval <= table.cooldownPeriod + table.pollingInterval &&
      'minReplicas is 0, but the Application Gateway asks for the health of the app more often than cooldownPeriod and pollingInterval together: set gatewayProbeInterval above their sum, or a replica always runs',
    table.sessionsPerReplica > sessionsOf(table) &&
      `sessionsPerReplica is ${table.sessionsPerReplica}, but a replica of ${table.containerCpu} vCPU serves ${sessionsOf(table)} sessions that speak, and is full then: raise containerCpu or lower sessionsPerReplica`,
    table.network === 'private' &&
      'network is private: browsers cannot reach the model, so that WebRTC calls (/sideband and the calls of SDKs) fail; images are pushed, and logs read, from inside the network only',
    table.network === 'private' &&
      table.tracing === 'on' &&
      table.logWorkspaceId !== '' &&
      'tracing is on in a private network with an existing workspace: its private link scope is not of this stack, so that the component of the spans keeps its public address; add it to your scope, or set tracing to off',
    gatewayAuth !== 'none' &&
      table.tlsCertificateSecretId === '' &&
      'credentials of clients travel in the clear, for all on the way to read: set tlsCertificateSecretId',
    gatewayAuth === 'none' &&
      table.clientRanges.includes('Internet') &&
      'gatewayAuth is none: whoever finds the address talks to the model at your cost; set gatewayAuth or clientRanges',
    table.maxReplicas > 1 &&
      table.redis === 'off' &&
      'redis is off with more than one replica: sessions cannot be resumed, and limits are counted a replica',
  ].filter(warning => typeof warning === 'string')
}

function sessionsOf({ containerCpu }: Table): number {
  const cpu = Number(containerCpu)
  return predictCapacity({ cpu, memoryGib: cpu * gibPerCpu }).sessions
}

function modelsOf(table: Table): ConfiguredModel[] {
  const models = [modelOf(table, 'openAi')]
  if (table.transcriptionDeploymentName !== '') models.push(modelOf(table, 'transcription'))
  return models
}

function modelOf(table: Table, of: 'openAi' | 'transcription'): ConfiguredModel {
  const [name, version] = [`${of}ModelName`, `${of}ModelVersion`] as const
  return {
    vendor: 'azure',
    name: table[name],
    version: table[version],
    advice: `choose another ${name} and ${version}`,
  }
}
