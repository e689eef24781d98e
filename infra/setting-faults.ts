/** Settings that do not go together. */
import { environment, type VariableMeta } from '../runtime/config/environment.ts'
import { noTranscription } from '../runtime/core/contract.ts'
import { faultsOfPlan } from './address-plan.ts'
import { ownVariables } from './own-variables.ts'
import { partsOfId } from './resource-id.ts'
import { type ChosenVariable, settingMeta, type Table, type WantedTraffic } from './setting-table.ts'

type Check = (fine: boolean, fault: string) => void

/** Finds what is wrong between settings that are each right by themselves: a sentence for each fault. */
export function faultsAcross(stack: string, table: Table): string[] {
  const faults: string[] = []
  const check: Check = (fine, fault) => {
    if (!fine) faults.push(fault)
  }
  // The app's name and a revision's suffix share 54 characters (microsoft/azure-container-apps#1443).
  check(
    /^[a-z][a-z0-9]{1,11}$/.test(stack),
    'the stack: its name is part of every name; allowed is 2 to 12 lower-case letters and digits, a letter first',
  )
  check(table.minReplicas <= table.maxReplicas, 'minReplicas: is over maxReplicas')
  check(
    table.gatewayMinCapacity <= table.gatewayMaxCapacity,
    'gatewayMinCapacity: is over gatewayMaxCapacity',
  )
  check(!(table.zoneRedundant && table.minReplicas < 2), 'minReplicas: zones need at least 2 replicas')
  check(
    table.sessionsPerReplica === 0 ||
      table.redis === 'on' ||
      (table.redis === 'auto' && table.maxReplicas > 1),
    'sessionsPerReplica: needs Redis, in which replicas publish their sessions; set redis to on, or sessionsPerReplica to 0',
  )
  const { transcriptionDeploymentName, openAiDeploymentName } = table
  check(
    ![openAiDeploymentName.toLowerCase(), noTranscription].includes(
      transcriptionDeploymentName.toLowerCase(),
    ),
    `transcriptionDeploymentName: allowed is neither openAiDeploymentName nor ${noTranscription}; empty makes no deployment`,
  )
  const { clientRanges } = table
  // None would leave the door open, and Azure takes a name such as Internet alone only.
  check(
    clientRanges.length > 0 && (clientRanges.length === 1 || !clientRanges.includes('Internet')),
    `clientRanges: allowed is ${settingMeta('clientRanges').allowed}`,
  )
  checkAccess(stack, table, check)
  checkOwn(table, check)
  faults.push(...trafficFaults(table.traffic), ...variableFaults(table.variables))
  return faults
}

const entraSettings = [
  'entraTenantId',
  'entraAudience',
  'entraRequiredScope',
  'entraRequiredRole',
  'entraPagesClientId',
] as const

function checkAccess(stack: string, table: Table, check: Check): void {
  check(
    table.gatewayAuth !== '' || stack === 'dev',
    'gatewayAuth: is required for a stack that is not dev; allowed is none, key, entra, or key,entra',
  )
  check(
    !table.gatewayAuth.includes('key') || table.gatewayApiKeys !== '',
    'gatewayApiKeys: is unset; gatewayAuth key needs it (pulumi config set --secret gatewayApiKeys)',
  )
  check(
    !table.gatewayAuth.includes('entra') || table.entraTenantId !== '',
    'entraTenantId: is unset; gatewayAuth entra needs it',
  )
  check(
    !table.gatewayAuth.includes('entra') || table.entraAudience.length > 0,
    'entraAudience: is unset; gatewayAuth entra needs it',
  )
  // The runtime refuses to start with credentials that nobody is asked for.
  check(
    table.gatewayAuth === '' || table.gatewayAuth.includes('key') || table.gatewayApiKeys === '',
    'gatewayApiKeys: is set, but gatewayAuth has no key',
  )
  for (const name of entraSettings)
    check(
      table.gatewayAuth.includes('entra') || table[name].length === 0,
      `${name}: is set, but gatewayAuth has no entra`,
    )
  check(
    table.tlsCertificateSecretId === '' || table.hostName !== '',
    'hostName: is unset; tlsCertificateSecretId needs the name that the certificate is for',
  )
  check(
    table.tlsCertificateSecretId === '' || table.keyVaultResourceGroup !== '',
    'keyVaultResourceGroup: is unset; tlsCertificateSecretId needs it, to let the Application Gateway read the vault',
  )
}

/** Existing resources, and what a closed network and a budget need. */
function checkOwn(table: Table, check: Check): void {
  const subnets = [table.gatewaySubnetId, table.appsSubnetId, table.endpointsSubnetId]
  const given = subnets.filter(id => id !== '')
  check(
    given.length === 0 || given.length === subnets.length,
    'gatewaySubnetId: is set with appsSubnetId and endpointsSubnetId, or none of them is',
  )
  check(
    new Set(given.map(id => partsOfId(id).parent.toLowerCase())).size <= 1,
    'gatewaySubnetId: is not in the network of appsSubnetId and endpointsSubnetId; allowed is one network',
  )
  for (const fault of faultsOfPlan(table, given.length > 0)) check(false, fault)
  check(
    table.openAiAccountIds.length === 0 || table.openAiFailoverLocations.length === 0,
    'openAiFailoverLocations: is for accounts made here; openAiAccountIds lists all of them',
  )
  const accounts = Math.max(table.openAiAccountIds.length, 1 + table.openAiFailoverLocations.length)
  check(
    table.openAiApiKey === '' || table.openAiApiKey.split(',').length === accounts,
    `openAiApiKey: allowed is one key for each account, of which there are ${accounts}`,
  )
  check(
    new Set([table.openAiLocation || table.location, ...table.openAiFailoverLocations]).size ===
      1 + table.openAiFailoverLocations.length,
    'openAiFailoverLocations: names a region twice, or that of the first account',
  )
  check(
    table.network === 'public' || table.registrySku === 'Premium' || table.registryId !== '',
    'registrySku: network private needs Premium, the only one with private endpoints',
  )
  check(
    table.dnsZoneId === '' ||
      `.${table.hostName.toLowerCase()}`.endsWith(`.${partsOfId(table.dnsZoneId).name.toLowerCase()}`),
    'hostName: is not in the zone of dnsZoneId',
  )
  check(
    (table.eventsWebhookUrl === '') === (table.eventsWebhookSecret === ''),
    'eventsWebhookSecret: is set with eventsWebhookUrl, or neither is',
  )
  check(
    table.otlpHeaders === '' || table.variables.some(({ name }) => name === 'OTEL_EXPORTER_OTLP_ENDPOINT'),
    'otlpHeaders: is set, but variables name no OTEL_EXPORTER_OTLP_ENDPOINT that they are for',
  )
  check(
    table.monthlyBudget === 0 || table.alertEmail !== '',
    'alertEmail: is unset; monthlyBudget needs someone to tell',
  )
}

function trafficFaults(traffic: readonly WantedTraffic[]): string[] {
  if (traffic.length === 0) return []
  const faults: string[] = []
  const sum = traffic.reduce((total, { weight }) => total + weight, 0)
  if (sum !== 100) faults.push(`traffic: the weights add up to ${sum}; allowed is 100`)
  const labels = traffic.flatMap(({ label }) => label ?? [])
  if (new Set(labels).size < labels.length)
    faults.push('traffic: a label stands on two revisions; allowed is one')
  const names = traffic.map(({ revision }) => revision)
  if (new Set(names).size < names.length) faults.push('traffic: a revision is listed twice; allowed is once')
  return faults
}

/** By the runtime's own table: a variable that it does not know would be passed over, a wrong one stop its start. */
function variableFaults(variables: readonly ChosenVariable[]): string[] {
  const names = variables.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) < index)
  return [
    ...variables.flatMap(({ name, value }) => faultOfVariable(name, value) ?? []),
    ...twice.map(name => `${name} is listed twice`),
  ].map(fault => `variables: ${fault}`)
}

/** @returns null when there is none */
function faultOfVariable(name: string, value: string): string | null {
  if (!Object.hasOwn(environment.shape, name)) return `${name} is no variable of the gateway`
  if (ownVariables.includes(name)) return `${name} is made by other settings, or by the platform`
  const schema = environment.shape[name as keyof typeof environment.shape]
  const { allowed, secret } = schema.meta() as unknown as VariableMeta
  if (secret) return `${name} is a secret, which would stand here in the clear`
  return schema.safeParse(value).success ? null : `${name}: allowed is ${allowed}`
}
