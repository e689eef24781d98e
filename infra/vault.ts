/**
 * The stack's own secrets, in Key Vault. The container app only refers to them: a value among its settings
 * would make all of them secret to Pulumi, and a reviewer would see no more of a change than that.
 */
import * as keyvault from '@pulumi/azure-native/keyvault/index.js'
import { type Input, type Output, output, type Resource, secret, unsecret } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Identity } from './identity.ts'
import type { KeptSecret } from './kept-secrets.ts'
import type { Network } from './network.ts'
import { connectPrivately, createZones } from './private-name.ts'
import { partsOfId } from './resource-id.ts'
import { afterSpread, grant } from './roles.ts'

const secretNames = [
  ...(['openai-key', 'gateway-keys', 'redis-key', 'webhook-secret'] as const),
  ...(['events-secret', 'otlp-headers'] as const),
] as const

/** The gateway's own, and the variables of the assistants' tools. */
export type SecretName = (typeof secretNames)[number] | `env-${string}`

export interface SecretReference {
  readonly name: string
  /** Names a version, so that a new value makes a new revision, and restarts nothing that runs. */
  readonly keyVaultUrl: Output<string>
  readonly identity: Output<string>
}

export interface Vault {
  /** What a revision is made with. */
  readonly references: readonly SecretReference[]
  /** Without a value by now, and still read by a revision that was made with them. */
  readonly kept: readonly SecretReference[]
  /** What must exist before the platform can read the secrets. */
  readonly ready: Resource[]
}

export interface VaultParts {
  readonly reader: Identity
  readonly network: Network
  /** Undefined where the stack has no such secret. */
  readonly values: Readonly<Record<(typeof secretNames)[number], Input<string> | undefined>>
  /** By name of the secret: variables of the assistants' tools. */
  readonly toolValues: Readonly<Record<`env-${string}`, Input<string>>>
  /** Secrets of the last update that an active revision uses. */
  readonly inUse: readonly KeptSecret[]
}

/** The least that Azure takes (days). */
const softDeleteDays = 7

/** Stands in for a secret that the stack does not have. */
const noValue = 'unset'

/**
 * Creates the vault, what `reader` may read in it, and all secrets, whether the stack has values for them or
 * not. A secret that is added later meets a grant that has long spread; one that is taken away is overwritten and
 * not deleted, as Azure lets the owner of a subscription write a secret by way of the vault's resource, but not
 * delete one. The version before stays, for revisions that read it.
 */
export function createVault(
  foundation: Foundation,
  { reader, network, values, toolValues, inUse }: VaultParts,
): Vault {
  const { settings } = foundation
  const vault =
    settings.keyVaultId === undefined ? makeVault(foundation, network) : nameVault(settings.keyVaultId)
  const mayRead = grant(foundation, 'platform-may-read-secrets', {
    role: 'keyVaultSecretsUser',
    to: reader.principalId,
    on: vault.id,
    outside: vault.resource === undefined,
  })
  const identity = afterSpread(foundation, mayRead, reader.id)
  const known: Readonly<Record<string, Input<string> | undefined>> = { ...values, ...toolValues }
  const all = new Set([...secretNames, ...Object.keys(toolValues), ...inUse.map(({ name }) => name)])
  const references = [...all].flatMap(name => {
    const value = known[name]
    const { properties } = new keyvault.Secret(
      `secret-${name}`,
      {
        // Another's vault may hold the secrets of many stacks.
        secretName: vault.resource ? name : `${foundation.names.app}-${name}`,
        vaultName: vault.name,
        resourceGroupName: vault.group ?? foundation.group,
        properties: { value: value === undefined ? noValue : secret(value) },
      },
      vault.resource && { deletedWith: vault.resource, retainOnDelete: true },
    )
    // The address is no secret, but stands beside one.
    const keyVaultUrl = unsecret(properties).secretUriWithVersion
    return value === undefined ? [] : [{ name, keyVaultUrl, identity }]
  })
  const kept = inUse
    .filter(({ name }) => known[name] === undefined)
    .map(({ name, keyVaultUrl }) => ({ name, keyVaultUrl: output(keyVaultUrl), identity }))
  return { references, kept, ready: [mayRead, ...vault.ready] }
}

function nameVault(id: string) {
  const { group, name } = partsOfId(id)
  return { id: output(id), name: output(name), group, resource: undefined, ready: [] }
}

function makeVault(foundation: Foundation, network: Network) {
  const { names, settings, group, tenantId, within, tags } = foundation
  const isPrivate = settings.network === 'private'
  const vault = new keyvault.Vault(
    'vault',
    {
      vaultName: names.vault,
      resourceGroupName: group,
      location: settings.location,
      tags,
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        enableRbacAuthorization: true,
        enableSoftDelete: true,
        softDeleteRetentionInDays: softDeleteDays,
        ...(isPrivate && { publicNetworkAccess: 'Disabled' }),
      },
    },
    within,
  )
  const reach = () => {
    const zones = createZones(foundation, 'vault', ['privatelink.vaultcore.azure.net'], network)
    return connectPrivately(foundation, {
      subject: 'vault',
      service: vault.id,
      part: 'vault',
      zones,
      network,
      after: [],
    })
  }
  const ready = isPrivate ? [reach()] : []
  return { id: vault.id, name: vault.name, group: undefined, resource: vault, ready }
}
