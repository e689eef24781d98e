/** Ids of an Application Gateway's parts, which refer to each other before any of them exists. */

export type PartKind =
  | 'frontendIPConfigurations'
  | 'frontendPorts'
  | 'backendAddressPools'
  | 'backendHttpSettingsCollection'
  | 'probes'
  | 'httpListeners'
  | 'sslCertificates'
  | 'redirectConfigurations'
  | 'rewriteRuleSets'

/**
 * Makes the function that names parts. The ids are of plain strings, as the gateway's own id is an output
 * of what they go into (pulumi/pulumi-azure-native#3143).
 */
export function gatewayParts(subscriptionId: string, group: string, gateway: string) {
  const base = `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/Microsoft.Network/applicationGateways/${gateway}`
  return (kind: PartKind, name: string) => ({ id: `${base}/${kind}/${name}` })
}
