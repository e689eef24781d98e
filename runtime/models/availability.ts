/** How long each vendor serves a model, as far as the table of models tells. */
import { type Availability, findModel, type ModelKind, models } from './models.ts'

export type Vendor = 'openai' | 'azure'

export interface OfferedModel {
  readonly vendor: Vendor
  readonly name: string
  /** Azure's; absent where it is not known: the version that lives longest is taken then. */
  readonly version?: string
}

const dayMs = 86_400_000

/** Reads whether and until when a vendor serves a model. @returns null for what is not in the table, or not offered there */
export function availabilityOf({ vendor, name, version }: OfferedModel): Availability | null {
  const model = findModel(name)
  if (model === undefined) return null
  if (vendor === 'openai') return model.openai
  if (version !== undefined) return model.azure.find(offered => offered.version === version) ?? null
  return model.azure.reduce<Availability | null>((best, offered) => longerLived(best, offered), null)
}

/**
 * Lists the models of a kind that a vendor serves for some time yet.
 * @param days so many from today, at least
 * @returns their names in the table's order, each followed by its snapshots at OpenAI; none that is retired
 */
export function namesServed(kind: ModelKind, vendor: Vendor, today: Date, days: number): string[] {
  const lastDay = new Date(today.getTime() + days * dayMs).toISOString().slice(0, 10)
  return models
    .filter(model => model.kind === kind)
    .filter(({ name }) => {
      const availability = availabilityOf({ vendor, name })
      return availability !== null && endOf(availability) > lastDay
    })
    .flatMap(({ name, snapshots }) => (vendor === 'openai' ? [name, ...snapshots] : [name]))
}

function longerLived(one: Availability | null, other: Availability): Availability {
  return one !== null && endOf(one) > endOf(other) ? one : other
}

/** A date as text sorts by time; no announced end is later than any. */
function endOf({ state, retiredOn }: Availability): string {
  return retiredOn ?? (state === 'retired' ? '' : '9999')
}
