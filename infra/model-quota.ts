/**
 * What a region offers of a model, and what of it is free in a subscription. Azure refuses a deployment for want of
 * either half an hour into an update: this asks before.
 */

/** A model as Azure lists it (learn.microsoft.com/rest/api/aiservices/accountmanagement/models/list). */
export interface ListedModel {
  readonly kind: string
  readonly model: {
    readonly name: string
    readonly version: string
    readonly lifecycleStatus?: string
    readonly skus?: readonly {
      readonly name: string
      readonly usageName?: string
      readonly rateLimits?: readonly {
        readonly key?: string
        readonly count?: number
        readonly renewalPeriod?: number
      }[]
    }[]
  }
}

/** Units taken of a quota (learn.microsoft.com/rest/api/aiservices/accountmanagement/usages/list). */
export interface Usage {
  readonly name: { readonly value: string }
  readonly currentValue: number
  readonly limit: number
}

export interface WantedModel {
  readonly name: string
  readonly version: string
  readonly sku: string
  /** Units. */
  readonly capacity: number
  /** Units that this stack's own deployment has already. */
  readonly own: number
}

export interface Verdict {
  readonly state: 'enough' | 'too little' | 'not offered' | 'unknown'
  /** One sentence for a person. */
  readonly text: string
}

/** Judges one deployment. */
export function judgeModel(
  wanted: WantedModel,
  location: string,
  models: readonly ListedModel[],
  usages: readonly Usage[],
): Verdict {
  const title = `${wanted.name} ${wanted.version} as ${wanted.sku} in ${location}`
  const listed = models.filter(({ kind, model }) => kind === 'OpenAI' && model.name === wanted.name)
  const offer = listed
    .find(({ model }) => model.version === wanted.version)
    ?.model.skus?.find(({ name }) => name === wanted.sku)
  if (offer === undefined) {
    const versions = listed.map(({ model }) => model.version).join(', ')
    return {
      state: 'not offered',
      text: `${title} is not offered${versions && `; versions there are ${versions}`}`,
    }
  }
  const usage = usages.find(({ name }) => name.value === offer.usageName)
  if (usage === undefined)
    return { state: 'unknown', text: `${title} is offered; Azure says nothing of its quota` }
  const free = usage.limit - usage.currentValue + wanted.own
  const unit = describeUnit(offer.rateLimits ?? [])
  const text = `${title}: ${free} of ${usage.limit} units are free, ${wanted.capacity} are wanted${unit}`
  return { state: free >= wanted.capacity ? 'enough' : 'too little', text }
}

function describeUnit(limits: readonly { readonly key?: string; readonly count?: number }[]): string {
  const count = (key: string) => limits.find(limit => limit.key === key)?.count
  const [tokens, requests] = [count('token'), count('request')]
  if (tokens === undefined || requests === undefined) return ''
  return `; a unit is ${tokens} tokens and ${requests} requests a minute`
}

const managementApi = 'https://management.azure.com'
const modelsApi = '2024-10-01'
const answerMs = 10_000

/** Addresses of the two lists of a region, below Azure's management interface. */
export const listPaths = (subscriptionId: string, location: string) => {
  const place = `/subscriptions/${subscriptionId}/providers/Microsoft.CognitiveServices/locations/${location}`
  return {
    models: `${place}/models?api-version=${modelsApi}`,
    usages: `${place}/usages?api-version=${modelsApi}`,
  }
}

export interface Region {
  readonly models: readonly ListedModel[]
  readonly usages: readonly Usage[]
}

/**
 * Reads both lists of a region.
 * @throws when Azure does not answer in ten seconds, or refuses, with its status
 */
export async function readRegion(
  { subscriptionId, location, token }: { subscriptionId: string; location: string; token: string },
  ask: typeof fetch,
): Promise<Region> {
  const paths = listPaths(subscriptionId, location)
  const read = async (path: string) => {
    const answer = await ask(`${managementApi}${path}`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(answerMs),
    })
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    return ((await answer.json()) as { value: unknown }).value
  }
  const [models, usages] = await Promise.all([read(paths.models), read(paths.usages)])
  return { models: models as ListedModel[], usages: usages as Usage[] }
}
