/**
 * Secrets that the last update gave the app, and that a revision still reads. Azure refuses to take a secret away from an
 * app while an active revision names it, and a key that is switched off fails those that dial with it: both wait for the
 * update after the revision has gone (learn.microsoft.com, container-apps/manage-secrets).
 */
import * as authorization from '@pulumi/azure-native/authorization/index.js'
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'

/** A reference as the stack's outputs keep it. */
export interface KeptSecret {
  readonly name: string
  /** Names a version: the value that the running revision was made with. */
  readonly keyVaultUrl: string
}

export interface AppPlace {
  readonly subscriptionId: string
  readonly group: string
  readonly app: string
}

const managementApi = 'https://management.azure.com'
const appApi = '2025-01-01'
const answerMs = 10_000

const listShape = z.object({
  value: z.array(z.object({ properties: z.object({ active: z.boolean(), template: z.unknown() }) })),
  nextLink: z.string().optional(),
})

/** Address of the list of an app's revisions, below Azure's management interface. */
export const revisionsPath = ({ subscriptionId, group, app }: AppPlace) =>
  `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/Microsoft.App/containerApps/${app}/revisions?api-version=${appApi}`

/**
 * Chooses what must stay of the references that the last update left.
 * @returns those that an active revision uses; all, where nobody could look
 */
export async function keepSecrets(
  previous: readonly KeptSecret[],
  place: AppPlace,
  ask: typeof fetch,
): Promise<readonly KeptSecret[]> {
  if (previous.length === 0) return []
  try {
    const { token } = await authorization.getClientToken()
    const inUse = await readNamesInUse(place, { token, ask })
    return previous.filter(({ name }) => inUse.has(name))
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault)
    pulumi.log.info(`The revisions of ${place.app} were not read (${reason}): every secret stays`)
    return previous
  }
}

/**
 * Reads the names of all secrets that active revisions of the app use: in variables, and in rules of scale.
 * @returns none where there is no app
 * @throws when Azure does not answer in ten seconds, refuses, or answers with part of the list
 */
export async function readNamesInUse(
  place: AppPlace,
  { token, ask }: { token: string; ask: typeof fetch },
): Promise<ReadonlySet<string>> {
  const answer = await ask(`${managementApi}${revisionsPath(place)}`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(answerMs),
  })
  if (answer.status === 404) return new Set()
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  const { value, nextLink } = listShape.parse(await answer.json())
  if (nextLink !== undefined) throw new Error('the list has more than one page')
  const active = value.filter(({ properties }) => properties.active)
  return new Set(active.flatMap(({ properties }) => listReferences(properties.template)))
}

/** Values of every `secretRef`, however deep. */
function listReferences(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) =>
    key === 'secretRef' && typeof value === 'string' ? [value] : listReferences(value),
  )
}
