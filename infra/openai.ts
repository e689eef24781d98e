/** Azure OpenAI: an account for each region of the model, with its deployments, or accounts that exist. */
import * as cognitiveservices from '@pulumi/azure-native/cognitiveservices/index.js'
import { all, type Output, output, type Resource, secret } from '@pulumi/pulumi'
import type { Foundation } from './foundation.ts'
import type { Network } from './network.ts'
import type { MadeUnits } from './preflight-models.ts'
import { connectPrivately, createZones, type PrivateZone } from './private-name.ts'
import { keysOrUnknown } from './refusal.ts'
import { partsOfId } from './resource-id.ts'

export interface ModelAccount {
  /** Ends the names of what belongs to it; empty for the first. */
  readonly suffix: string
  readonly id: Output<string>
  readonly endpoint: Output<string>
  /** The account is another's: it does not go with the stack's group. */
  readonly outside: boolean
}

export interface OpenAi {
  /** In the order of failover. */
  readonly accounts: readonly ModelAccount[]
  /** As the gateway takes them: separated by commas. */
  readonly endpoints: Output<string>
  /** Keys in the order of the endpoints; undefined where the managed identity authenticates. */
  readonly keys: Output<string> | undefined
  /** Of the deployments that were made; unknown before, and empty for accounts that exist. */
  readonly units: Output<MadeUnits[]>
  /** What must exist before a replica names it. */
  readonly ready: Resource[]
}

interface MadeAccount extends ModelAccount {
  readonly account: cognitiveservices.Account
  readonly units: Output<MadeUnits>[]
  readonly ready: Resource[]
}

export interface OpenAiParts {
  readonly network: Network
  /** An active revision shows a key, whatever the next one does: keys stay on. */
  readonly keyInUse: boolean
}

/** Creates the accounts with their deployments, or names the existing ones. */
export function createOpenAi(foundation: Foundation, parts: OpenAiParts): OpenAi {
  const { settings } = foundation
  const made = settings.openAiAccountIds.length > 0 ? [] : makeAccounts(foundation, parts)
  const accounts = made.length > 0 ? made : settings.openAiAccountIds.map(nameAccount)
  return {
    accounts,
    endpoints: all(accounts.map(({ endpoint }) => endpoint)).apply(list => list.join(',')),
    keys: chooseKeys(foundation, accounts),
    units: all(made.flatMap(({ units }) => units)),
    ready: made.flatMap(({ ready }) => ready),
  }
}

function nameAccount(id: string, index: number): ModelAccount {
  const { group, name } = partsOfId(id)
  // The account's own subdomain, which need not be its name.
  const { properties } = cognitiveservices.getAccountOutput({ accountName: name, resourceGroupName: group })
  const endpoint = properties.apply(known => known.endpoint)
  return { suffix: suffixOf(index), id: output(id), endpoint, outside: true }
}

const suffixOf = (index: number) => (index === 0 ? '' : `-${index + 1}`)

/** One key for each account. They exist once the account does, and not before: none can be configured first. */
function chooseKeys(
  { settings, group }: Foundation,
  accounts: readonly ModelAccount[],
): Output<string> | undefined {
  if (settings.openAiApiKey !== undefined) return secret(settings.openAiApiKey)
  if (settings.openAiAuth !== 'key') return undefined
  const keys = accounts.map(({ id, outside }) => {
    return all([id, group]).apply(([knownId, ownGroup]) => {
      const { group: itsGroup, name } = partsOfId(knownId)
      const place = { resourceGroupName: outside ? itsGroup : ownGroup, accountName: name }
      const key = cognitiveservices.listAccountKeys(place).then(({ key1 }) => key1 ?? '')
      return keysOrUnknown(`Keys of ${name}`, key)
    })
  })
  return secret(all(keys).apply(list => list.join(',')))
}

function makeAccounts(foundation: Foundation, { network, keyInUse }: OpenAiParts): MadeAccount[] {
  const { openAiLocation, openAiFailoverLocations } = foundation.settings
  const isPrivate = foundation.settings.network === 'private'
  const zones = isPrivate ? createZones(foundation, 'openai', ['privatelink.openai.azure.com'], network) : []
  return [openAiLocation, ...openAiFailoverLocations].map((location, index) =>
    makeAccount(foundation, { location, suffix: suffixOf(index), network, keyInUse, zones }),
  )
}

interface Place extends OpenAiParts {
  readonly location: string
  readonly suffix: string
  /** Empty where the account is open to the Internet. */
  readonly zones: readonly PrivateZone[]
}

function makeAccount(foundation: Foundation, place: Place): MadeAccount {
  const { location, suffix, network, keyInUse, zones } = place
  const { names, settings, group, lasting, tags } = foundation
  const isPrivate = zones.length > 0
  const name = `${names.openAiAccount}${suffix}`
  const account = new cognitiveservices.Account(
    `openai${suffix}`,
    {
      accountName: name,
      resourceGroupName: group,
      location,
      tags,
      kind: 'OpenAI',
      sku: { name: 'S0' },
      properties: {
        // Entra tokens are taken at a name of the account's own only.
        customSubDomainName: name,
        disableLocalAuth:
          settings.openAiAuth === 'identity' && settings.openAiApiKey === undefined && !keyInUse,
        // A sideband call's media goes from the browser to the service, not through this network.
        publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled',
      },
    },
    lasting,
  )
  const deployments = createDeployments(foundation, account, suffix)
  const way = { service: account.id, part: 'account', zones, network, after: deployments }
  const ready = isPrivate ? [connectPrivately(foundation, { subject: `openai${suffix}`, ...way })] : []
  return {
    suffix,
    id: account.id,
    // Not of the account's outputs: while it is updated they are unknown, and so would be the app's revision.
    endpoint: output(`https://${name}.openai.azure.com/`),
    outside: false,
    account,
    units: deployments.map(deployment => unitsOf(location, deployment)),
    ready: [...deployments, ...ready],
  }
}

function unitsOf(location: string, { sku, properties }: cognitiveservices.Deployment): Output<MadeUnits> {
  return all([sku, properties]).apply(([size, known]) => ({
    location,
    model: known?.model?.name ?? '',
    sku: size?.name ?? '',
    units: size?.capacity ?? 0,
  }))
}

/**
 * Creates the model's deployment, and that of the model that transcribes what people say: Azure takes the name of a
 * deployment of the same account, not of a model (learn.microsoft.com, foundry/openai/realtime-audio-reference).
 */
function createDeployments(
  { settings, group, within }: Foundation,
  account: cognitiveservices.Account,
  suffix: string,
): cognitiveservices.Deployment[] {
  const upgrade = { versionUpgradeOption: 'OnceCurrentVersionExpired' }
  const place = { accountName: account.name, resourceGroupName: group }
  const model = { format: 'OpenAI', name: settings.openAiModelName, version: settings.openAiModelVersion }
  const talking = new cognitiveservices.Deployment(
    `openai-deployment${suffix}`,
    {
      ...place,
      deploymentName: settings.openAiDeploymentName,
      sku: { name: settings.openAiDeploymentSku, capacity: settings.openAiDeploymentCapacity },
      properties: { model, ...upgrade },
    },
    within,
  )
  if (settings.transcriptionDeploymentName === undefined) return [talking]
  const { transcriptionModelName, transcriptionModelVersion } = settings
  const writing = new cognitiveservices.Deployment(
    `transcription-deployment${suffix}`,
    {
      ...place,
      deploymentName: settings.transcriptionDeploymentName,
      sku: { name: settings.transcriptionDeploymentSku, capacity: settings.transcriptionDeploymentCapacity },
      properties: {
        model: { format: 'OpenAI', name: transcriptionModelName, version: transcriptionModelVersion },
        ...upgrade,
      },
    },
    // The account takes one write at a time, and refuses another with 409 (hashicorp/terraform-provider-azurerm#22607).
    { ...within, dependsOn: talking },
  )
  return [talking, writing]
}
