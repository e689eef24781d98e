/** The deployments of a model account that a stack asks for. */
import type { WantedModel } from './model-quota.ts'
import type { Settings } from './settings.ts'

/** Deployments of one account. @param own units of each that the last update made */
export function listWanted(settings: Settings, own: Readonly<Record<string, number>>): WantedModel[] {
  const talking = {
    name: settings.openAiModelName,
    version: settings.openAiModelVersion,
    sku: settings.openAiDeploymentSku,
    capacity: settings.openAiDeploymentCapacity,
  }
  const writing = {
    name: settings.transcriptionModelName,
    version: settings.transcriptionModelVersion,
    sku: settings.transcriptionDeploymentSku,
    capacity: settings.transcriptionDeploymentCapacity,
  }
  const wanted = settings.transcriptionDeploymentName === undefined ? [talking] : [talking, writing]
  return wanted.map(model => ({ ...model, own: own[model.name] ?? 0 }))
}
