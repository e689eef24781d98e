/**
 * The stack's own secrets, in Key Vault. The container app only refers to them: a value among its settings
 * would make all of them secret to Pulumi, and a reviewer would see no more of a change than that.
 */
import * as keyvault from '@pulumi/azure-native/keyvault/index.js'
import { type Output, type Resource, secret, unsecret } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'
import type { Identity } from './identity.ts'
import { grant } from './roles.ts'

export interface SecretReference {
  readonly name: 'openai-key' | 'gateway-keys'
  /** Names a version, so that a new value makes a new revision, and restarts nothing that runs. */
  readonly keyVaultUrl: Output<string>
  readonly identity: Output<string>
}

export interface Vault {
  readonly references: readonly SecretReference[]
  /** What must exist before the platform can read the secrets. */
  readonly ready: Resource[]
}

/** The least that Azure takes (days). */
const softDeleteDays = 7

/** Creates the vault and what `reader` may read in it; nothing when the stack has no secrets. */
export function createVault(ground: Ground, reader: Identity): Vault {
  const { names, settings, group, tenantId } = ground
  const values = [
    { name: 'openai-key', value: settings.openAiApiKey },
    { name: 'gateway-keys', value: settings.gatewayApiKeys },
  ] as const
  const given = values.flatMap(({ name, value }) => (value === undefined ? [] : { name, value }))
  if (given.length === 0) return { references: [], ready: [] }
  const vault = new keyvault.Vault('vault', {
    vaultName: names.vault,
    resourceGroupName: group,
    location: settings.location,
    properties: {
      tenantId,
      sku: { family: 'A', name: 'standard' },
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      softDeleteRetentionInDays: softDeleteDays,
    },
  })
  const mayRead = grant(ground, 'platform-may-read-secrets', {
    role: 'keyVaultSecretsUser',
    to: reader.principalId,
    on: vault.id,
  })
  const references = given.map(({ name, value }) => {
    const { properties } = new keyvault.Secret(`secret-${name}`, {
      secretName: name,
      vaultName: vault.name,
      resourceGroupName: group,
      properties: { value: secret(value) },
    })
    // The address is no secret, but stands beside one.
    return { name, keyVaultUrl: unsecret(properties).secretUriWithVersion, identity: reader.id }
  })
  return { references, ready: [mayRead] }
}
