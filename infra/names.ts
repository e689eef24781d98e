/**
 * Names of all resources, from the prefix and the stack. They are explicit, not generated: Azure limits
 * their letters and lengths, and the Application Gateway's parts refer to each other by name.
 */
import { createHash } from 'node:crypto'
import type { Settings } from './settings.ts'

export type Names = ReturnType<typeof nameEverything>

/** Hexadecimal digits that make a name unique in Azure; from the subscription, so that they never change. */
const uniqueDigits = 6

/** Names everything in a stack; the longest base is 25 characters (a container app may have 32). */
export function nameEverything({ prefix, stack, location, hostName }: Settings, subscriptionId: string) {
  const base = `${prefix}-${stack}`
  const unique = createHash('sha256').update(`${subscriptionId}/${base}`).digest('hex').slice(0, uniqueDigits)
  const dnsLabel = `${base}-${unique}`
  return {
    group: `${base}-rg`,
    network: `${base}-vnet`,
    publicIp: `${base}-ip`,
    dnsLabel,
    /** Host that clients dial. */
    host: hostName ?? `${dnsLabel}.${location}.cloudapp.azure.com`,
    gateway: `${base}-agw`,
    firewallPolicy: `${base}-waf`,
    /** A vault takes 24 characters. */
    vault: `${prefix}-kv-${unique}`,
    /** A registry takes letters and digits only. */
    registry: `${prefix}${stack}${unique}`,
    openAiAccount: `${base}-${unique}`,
    redis: `${base}-${unique}`,
    workspace: `${base}-logs`,
    logsScope: `${base}-logs-scope`,
    /** Its GUID is made of this. */
    workbook: `${subscriptionId}/${base}-workbook`,
    budget: `${base}-budget`,
    insights: `${base}-insights`,
    traces: `${base}-traces`,
    availabilityTest: `${base}-availability`,
    environment: `${base}-env`,
    app: base,
    smokeJob: `${base}-smoke`,
    identityOf: (role: 'app' | 'platform' | 'gateway') => `${base}-${role}`,
    securityGroupOf: (subnet: string) => `${base}-${subnet}-nsg`,
    endpointOf: (service: string) => `${base}-${service}-pe`,
    alertOf: (subject: string) => `${base}-${subject}`,
  }
}
