/** Which deployment serves the model that a client names. Pure. */
import { GatewayError } from '../core/errors.ts'

export interface ModelChoice {
  /** Configured ones; the first is the default. */
  readonly deployments: readonly [string, ...string[]]
  /** Served to whoever names them, and to nobody else. */
  readonly onRequest: readonly string[]
  /** Tried in this order for names that are not configured. */
  readonly aliases: readonly ModelAlias[]
}

export interface ModelAlias {
  readonly matches: (name: string) => boolean
  readonly deployment: string
}

export interface ChosenModel {
  readonly deployment: string
  /** What the client called it; null where that is the deployment's own name, or where it named none. */
  readonly alias: string | null
}

/** More characters than any name takes; a longer one is cut where it is quoted. */
const maxQuotedChars = 64

/**
 * Compares the model that a client asks for with what is configured: a configured name stands for itself, then aliases count.
 * @param asked null where the client named none: the default then
 * @throws GatewayError `model_not_configured`, naming what is
 */
export function chooseModel(
  { deployments, onRequest, aliases }: ModelChoice,
  asked: string | null,
): ChosenModel {
  if (asked === null) return { deployment: deployments[0], alias: null }
  if (deployments.includes(asked)) return { deployment: asked, alias: null }
  const alias = aliases.find(({ matches }) => matches(asked))
  if (alias !== undefined) return { deployment: alias.deployment, alias: asked }
  if (onRequest.includes(asked)) return { deployment: asked, alias: null }
  const choice = [...deployments, ...onRequest].map(name => `"${name}"`).join(', ')
  throw new GatewayError(
    'model_not_configured',
    `The model "${asked.slice(0, maxQuotedChars)}" is not configured here; use ${choice}`,
  )
}
