/** Lets the Application Gateway read its certificate from Key Vault. */

import type { Resource } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'
import { createIdentity, type Identity } from './identity.ts'
import { grant } from './roles.ts'

/** Creates the reader; undefined when the stack has no certificate. */
export function createCertificateReader(ground: Ground): { identity: Identity; grant: Resource } | undefined {
  const { settings, subscriptionId } = ground
  const { tlsCertificateSecretId, keyVaultResourceGroup } = settings
  if (tlsCertificateSecretId === undefined || keyVaultResourceGroup === undefined) return undefined
  const { hostname, pathname } = new URL(tlsCertificateSecretId)
  const [vault] = hostname.split('.')
  const identity = createIdentity(ground, 'gateway')
  return {
    identity,
    grant: grant(ground, 'gateway-reads-certificate', {
      role: 'keyVaultSecretsUser',
      to: identity.principalId,
      // This one secret: what else is in that vault is none of the gateway's business.
      on: `/subscriptions/${subscriptionId}/resourceGroups/${keyVaultResourceGroup}/providers/Microsoft.KeyVault/vaults/${vault}${pathname}`,
    }),
  }
}
