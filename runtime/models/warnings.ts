/** What an operator is warned of: a configured model that its vendor retires soon, or has retired. */
import { availabilityOf, type OfferedModel } from './availability.ts'
import type { Availability } from './models.ts'

/** A model is warned of from this many days before its vendor retires it. */
export const retirementNoticeDays = 120

const dayMs = 86_400_000

export interface ConfiguredModel extends OfferedModel {
  /** What to do about it: an imperative, without a full stop. */
  readonly advice: string
}

const vendorLabels = { openai: 'At OpenAI', azure: 'On Azure' } as const

/**
 * Says which of the configured models are retired, or will be within `retirementNoticeDays`.
 * @param today the day of the question
 * @param announced day of the end (ISO 8601 date) by name, as the models' vendor itself tells it; of this day and that
 * of the table the earlier one counts
 * @returns a sentence for each; none for a model whose end neither tells
 */
export function warnOfRetirements(
  configured: readonly ConfiguredModel[],
  today: Date,
  announced: ReadonlyMap<string, string> = new Map(),
): string[] {
  return configured.flatMap(model => warnOfRetirement(model, today, announced.get(model.name)) ?? [])
}

function warnOfRetirement(model: ConfiguredModel, today: Date, announced: string | undefined): string | null {
  const availability = endedBy(availabilityOf(model), announced)
  if (availability === null) return null
  const subject = `${vendorLabels[model.vendor]}, ${wordsFor(model)}`
  const { state, retiredOn } = availability
  if (retiredOn === undefined) return state === 'retired' ? `${subject} is retired: ${model.advice}` : null
  const days = Math.ceil((Date.parse(retiredOn) - today.getTime()) / dayMs)
  if (days > retirementNoticeDays) return null
  if (days <= 0) return `${subject} was retired on ${retiredOn}: ${model.advice}`
  return `${subject} is retired on ${retiredOn}, in ${days} day${days === 1 ? '' : 's'}: ${model.advice}`
}

function endedBy(availability: Availability | null, announced: string | undefined): Availability | null {
  if (announced === undefined) return availability
  if (availability === null) return { state: 'ga', retiredOn: announced }
  const { state, retiredOn } = availability
  // Retired on a day that is not known is earlier than any.
  if (retiredOn === undefined && state === 'retired') return availability
  return retiredOn !== undefined && retiredOn <= announced ? availability : { state, retiredOn: announced }
}

/** Says which of the configured models are previews, which their vendor may change or end at short notice. */
export function warnOfPreviews(configured: readonly ConfiguredModel[]): string[] {
  return configured
    .filter(model => availabilityOf(model)?.state === 'preview')
    .map(
      model =>
        `${vendorLabels[model.vendor]}, ${wordsFor(model)} is a preview, without a service level: ${model.advice}`,
    )
}

function wordsFor({ name, version }: ConfiguredModel): string {
  return version === undefined ? name : `${name} ${version}`
}
