/** The Azure OpenAI account and its deployments: the model that talks, and the one that writes down. */
import * as cognitiveservices from '@pulumi/azure-native/cognitiveservices/index.js'
import type { Resource } from '@pulumi/pulumi'
import type { Ground } from './ground.ts'

export interface OpenAi {
  readonly account: cognitiveservices.Account
  readonly deployment: cognitiveservices.Deployment
  /** What must exist before a replica names it. */
  readonly ready: Resource[]
  readonly endpoint: string
}

/** Creates the account and the deployments; without `openAiApiKey`, keys are switched off. */
export function createOpenAi(ground: Ground): OpenAi {
  const { names, settings, group, lasting } = ground
  const account = new cognitiveservices.Account(
    'openai',
    {
      accountName: names.openAiAccount,
      resourceGroupName: group,
      location: settings.openAiLocation,
      kind: 'OpenAI',
      sku: { name: 'S0' },
      properties: {
        // Entra tokens are taken at a name of the account's own only.
        customSubDomainName: names.openAiAccount,
        disableLocalAuth: settings.openAiApiKey === undefined,
        // A sideband call's media goes from the browser to the service, not through this network.
        publicNetworkAccess: 'Enabled',
      },
    },
    lasting,
  )
  const deployment = new cognitiveservices.Deployment('openai-deployment', {
    accountName: account.name,
    resourceGroupName: group,
    deploymentName: settings.openAiDeploymentName,
    sku: { name: settings.openAiDeploymentSku, capacity: settings.openAiDeploymentCapacity },
    properties: {
      model: { format: 'OpenAI', name: settings.openAiModelName, version: settings.openAiModelVersion },
      versionUpgradeOption: 'OnceCurrentVersionExpired',
    },
  })
  const ready = [deployment, ...createTranscription(ground, account, deployment)]
  return { account, deployment, ready, endpoint: `https://${names.openAiAccount}.openai.azure.com/` }
}

/**
 * Creates what writes down what people say: Azure takes the name of a deployment of the same account, not of a
 * model (learn.microsoft.com, foundry/openai/realtime-audio-reference). Nothing where the settings name none.
 */
function createTranscription(
  { settings, group }: Ground,
  account: cognitiveservices.Account,
  after: cognitiveservices.Deployment,
): cognitiveservices.Deployment[] {
  if (settings.transcriptionDeploymentName === undefined) return []
  const deployment = new cognitiveservices.Deployment(
    'transcription-deployment',
    {
      accountName: account.name,
      resourceGroupName: group,
      deploymentName: settings.transcriptionDeploymentName,
      sku: { name: settings.transcriptionDeploymentSku, capacity: settings.transcriptionDeploymentCapacity },
      properties: {
        model: {
          format: 'OpenAI',
          name: settings.transcriptionModelName,
          version: settings.transcriptionModelVersion,
        },
        versionUpgradeOption: 'OnceCurrentVersionExpired',
      },
    },
    // The account takes one write at a time, and refuses another with 409 (hashicorp/terraform-provider-azurerm#22607).
    { dependsOn: after },
  )
  return [deployment]
}
