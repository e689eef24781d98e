/** What an operator is warned of: a configured model that its vendor retires soon, or has retired. */
import { availabilityOf, type OfferedModel } from './availability.ts'

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
 * @returns a sentence for each; none for a model that is not in the table, or whose end is not announced
 */
export function warnOfRetirements(configured: readonly ConfiguredModel[], today: Date): string[] {
  return configured.flatMap(model => warnOfRetirement(model, today) ?? [])
}

function warnOfRetirement(model: ConfiguredModel, today: Date): string | null {
  const availability = availabilityOf(model)
  if (availability === null) return null
  const subject = `${vendorLabels[model.vendor]}, ${wordsFor(model)}`
  const { state, retiredOn } = availability
  if (retiredOn === undefined) return state === 'retired' ? `${subject} is retired: ${model.advice}` : null
  const days = Math.ceil((Date.parse(retiredOn) - today.getTime()) / dayMs)
  if (days > retirementNoticeDays) return null
  if (days <= 0) return `${subject} was retired on ${retiredOn}: ${model.advice}`
  return `${subject} is retired on ${retiredOn}, in ${days} day${days === 1 ? '' : 's'}: ${model.advice}`
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
