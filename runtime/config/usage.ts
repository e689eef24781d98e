/**
 * The settings of usage: what models cost, who may see what all callers used, and where the ends of sessions are told. A
 * part of `config.ts`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from '../upstream/target.ts'
import { type PriceList, Pricing, readPrices } from '../usage/prices.ts'
import type { AccessConfig } from './access.ts'
import { readCallers, readSecrets } from './calls.ts'
import type { Environment } from './environment.ts'
import type { ModelsConfig } from './models.ts'
import { readAddress } from './variable.ts'

export interface UsageConfig {
  readonly pricing: Pricing
  /** Names of principals that may see the usage of all. */
  readonly operators: ReadonlySet<string>
  /** Its holders may, too. */
  readonly operatorRole: string | undefined
  /** null: the ends of sessions are logged alone. */
  readonly webhook: { readonly url: URL; readonly keys: readonly Buffer[] } | null
}

const defaultFile = 'usage/prices.yaml'

const noPrices: PriceList = { currency: 'USD', rowOf: () => null }

/**
 * Reads the settings.
 * @param target null: the embedded simulator
 * @param faults takes a sentence for each fault
 */
export function readUsage(
  env: Environment,
  access: AccessConfig,
  models: ModelsConfig,
  target: Target | null,
  faults: string[],
): UsageConfig {
  const pricing = new Pricing(readList(env, faults), modelsOf(models, target))
  if (env.LIMIT_COST_PER_DAY_PER_CREDENTIAL > 0 || env.LIMIT_COST_PER_DAY_PER_ADDRESS > 0)
    faults.push(...unpricedModels(models, pricing))
  return {
    pricing,
    operators: new Set(readCallers(env.OPERATORS, 'OPERATORS', access, faults)),
    operatorRole: env.ENTRA_OPERATOR_ROLE,
    webhook: readWebhook(env, faults),
  }
}

function readList(env: Environment, faults: string[]): PriceList {
  const path = env.PRICES_FILE ?? defaultFile
  try {
    return readPrices(readFileSync(join(import.meta.dirname, '..', path), 'utf8'))
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message.split('\n', 1)[0] : String(fault)
    faults.push(`PRICES_FILE: "${path}" below runtime/ is no price list: ${reason}`)
    return noPrices
  }
}

/** On Azure a deployment may have any name; those of OpenAI are the models' own. */
function modelsOf({ choice, configured }: ModelsConfig, target: Target | null): ReadonlyMap<string, string> {
  if (target?.provider !== 'azure') return new Map()
  return new Map(choice.deployments.map((name, index) => [name, configured[index]?.name ?? name]))
}

/** A budget that does not know a model's price would not hold. */
function unpricedModels({ choice, transcription, translation }: ModelsConfig, pricing: Pricing): string[] {
  const { named, ofChat } = transcription
  const names = new Set([
    ...choice.deployments,
    ...choice.onRequest,
    ...(named ?? []),
    ...(ofChat === null ? [] : [ofChat]),
    ...translation,
  ])
  return [...names]
    .filter(name => pricing.rowOf(name, Date.now()) === null)
    .map(
      name =>
        `PRICES_FILE: has no price of "${name}", and a LIMIT_COST_PER_DAY needs it; add it by that name, or name its model in AZURE_OPENAI_MODEL`,
    )
}

function readWebhook(env: Environment, faults: string[]): UsageConfig['webhook'] {
  const keys = readSecrets(env.EVENTS_WEBHOOK_SECRET, 'EVENTS_WEBHOOK_SECRET', faults)
  if (env.EVENTS_WEBHOOK_URL === undefined) {
    if (keys.length > 0)
      faults.push('EVENTS_WEBHOOK_URL: is unset; EVENTS_WEBHOOK_SECRET is of no use without it')
    return null
  }
  if (keys.length === 0) faults.push('EVENTS_WEBHOOK_SECRET: is unset; EVENTS_WEBHOOK_URL needs it')
  return { url: readAddress(env.EVENTS_WEBHOOK_URL, 'EVENTS_WEBHOOK_URL', faults), keys }
}
