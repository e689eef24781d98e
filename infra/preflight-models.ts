/** The deployments of a model account that a stack asks for. */
import type { WantedModel } from './model-quota.ts'
import type { Settings } from './settings.ts'

/** Units of a deployment that an update made: a quota is a region's, for a model and a kind of deployment. */
export interface MadeUnits {
  readonly location: string
  readonly model: string
  readonly sku: string
  readonly units: number
}

/** Deployments of the account in a region. @param made what the last update made, in all regions */
export function listWanted(settings: Settings, location: string, made: readonly MadeUnits[]): WantedModel[] {
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
  return wanted.map(model => {
    const own = made.filter(
      other => other.location === location && other.model === model.name && other.sku === model.sku,
    )
    return { ...model, own: own.reduce((sum, { units }) => sum + units, 0) }
  })
}
