/** The Azure OpenAI account and its model deployment. */
import * as cognitiveservices from '@pulumi/azure-native/cognitiveservices/index.js'
import type { Ground } from './ground.ts'

export interface OpenAi {
  readonly account: cognitiveservices.Account
  readonly deployment: cognitiveservices.Deployment
  readonly endpoint: string
}

/** Creates the account and the deployment; without `openAiApiKey`, keys are switched off. */
export function createOpenAi({ names, settings, group, lasting }: Ground): OpenAi {
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
  // A further deployment depends on this one: the account takes one write at a time
  // (hashicorp/terraform-provider-azurerm#22607).
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
  return { account, deployment, endpoint: `https://${names.openAiAccount}.openai.azure.com/` }
}
