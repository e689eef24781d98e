/** The settings of models: which ones clients may name. A part of `config.ts`. */
import { compileGlob } from '../events/glob.ts'
import type { ModelAlias, ModelChoice } from '../model-choice.ts'
import { namesAtOpenai } from '../models/models.ts'
import type { Target } from '../target.ts'
import type { Environment } from './environment.ts'
import { splitList } from './variable.ts'

export interface ModelsConfig {
  readonly choice: ModelChoice
}

/**
 * Reads which models there are.
 * @param target null: the embedded simulator, whose default is the first of `simulated`
 * @param faults takes a sentence for each fault
 */
export function readModels(
  env: Environment,
  target: Target | null,
  simulated: readonly [string, ...string[]],
  faults: string[],
): ModelsConfig {
  const deployments = target?.deployments ?? simulated
  const known = target === null ? namesAtOpenai('speech') : []
  const onRequest = known.filter(name => !deployments.includes(name))
  const aliases = readAliases(env.MODEL_ALIASES, deployments, [...deployments, ...onRequest], faults)
  return { choice: { deployments, onRequest, aliases } }
}

function readAliases(
  text: string,
  deployments: readonly string[],
  served: readonly string[],
  faults: string[],
): ModelAlias[] {
  return splitList(text).flatMap(pair => {
    const colon = pair.lastIndexOf(':')
    const glob = pair.slice(0, Math.max(0, colon)).trim()
    const deployment = pair.slice(colon + 1).trim()
    const fault = faultOfAlias(glob, deployment, deployments, served)
    if (fault === null) return { matches: compileGlob(glob), deployment }
    faults.push(`MODEL_ALIASES: "${pair}" ${fault}`)
    return []
  })
}

/** @returns null where there is none */
function faultOfAlias(
  glob: string,
  deployment: string,
  deployments: readonly string[],
  served: readonly string[],
): string | null {
  if (glob === '' || deployment === '') return 'is not a pair; allowed is glob:deployment'
  if (!served.includes(deployment)) {
    const choice = served.map(name => `"${name}"`).join(', ')
    return `leads to "${deployment}", which is not configured; allowed are ${choice}`
  }
  return deployments.includes(glob) ? `can never apply: "${glob}" is configured itself` : null
}
