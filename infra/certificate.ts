/** Lets the Application Gateway read its certificate from Key Vault. */

import type { Output } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import { createIdentity } from './identity.ts'
import { afterSpread, grant } from './roles.ts'

/** Creates the identity that reads, and hands its id on once it may; undefined when the stack has no certificate. */
export function createCertificateReader(foundation: Foundation): Output<string> | undefined {
  const { settings, subscriptionId } = foundation
  const { tlsCertificateSecretId, keyVaultResourceGroup } = settings
  if (tlsCertificateSecretId === undefined || keyVaultResourceGroup === undefined) return undefined
  const { hostname, pathname } = new URL(tlsCertificateSecretId)
  const [vault] = hostname.split('.')
  const identity = createIdentity(foundation, 'gateway')
  const mayRead = grant(foundation, 'gateway-reads-certificate', {
    role: 'keyVaultSecretsUser',
    to: identity.principalId,
    // This one secret: what else is in that vault is none of the gateway's business.
    on: `/subscriptions/${subscriptionId}/resourceGroups/${keyVaultResourceGroup}/providers/Microsoft.KeyVault/vaults/${vault}${pathname}`,
    outside: true,
  })
  return afterSpread(foundation, mayRead, identity.id)
}
