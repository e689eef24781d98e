/** Namespaces of Azure whose resources the program makes; a new subscription knows few of them. */
export const providers: readonly string[] = [
  'Microsoft.App',
  'Microsoft.Authorization',
  'Microsoft.Cache',
  'Microsoft.CognitiveServices',
  'Microsoft.Consumption',
  'Microsoft.ContainerRegistry',
  'Microsoft.Insights',
  'Microsoft.KeyVault',
  'Microsoft.ManagedIdentity',
  'Microsoft.Network',
  'Microsoft.OperationalInsights',
  'Microsoft.Storage',
]
