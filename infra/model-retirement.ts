/**
 * When Azure retires the realtime models, and those that write down what they hear.
 * Source: "Model retirement schedule", learn.microsoft.com, foundry/openai/concepts, as of 2 September 2026.
 * The schedule moves; where it gave two dates, this has the earlier one. A model that is not listed is not
 * warned of.
 */

const retirements: Readonly<Record<string, string>> = {
  'gpt-realtime 2025-08-28': '2027-03-02',
  'gpt-realtime-mini 2025-10-06': '2026-09-21',
  'gpt-realtime-mini 2025-12-15': '2026-12-15',
  'gpt-realtime-1.5 2026-02-23': '2027-08-24',
  'gpt-realtime-2 2026-05-06': '2026-08-31',
  'gpt-realtime-2.1 2026-07-07': '2027-06-25',
  'gpt-realtime-2.1-mini 2026-07-07': '2027-06-25',
  'gpt-4o-mini-transcribe 2025-03-20': '2026-10-15',
  'gpt-4o-mini-transcribe 2025-12-15': '2027-06-15',
  'gpt-4o-transcribe 2025-03-20': '2026-10-15',
  'gpt-4o-transcribe-diarize 2025-10-15': '2027-04-15',
  'whisper 001': '2026-12-15',
}

/** A retirement closer than this warns (days). */
export const retirementNoticeDays = 120

const dayMs = 86_400_000

export interface ChosenModel {
  /** How the settings begin that chose it. */
  readonly setting: 'openAiModel' | 'transcriptionModel'
  readonly name: string
  readonly version: string
}

/**
 * Warns of a model that is about to go, or gone.
 * @returns a sentence, or null when there is time or the date is not known
 */
export function warnOfRetirement({ setting, name, version }: ChosenModel, today: Date): string | null {
  const date = retirements[`${name} ${version}`]
  if (date === undefined) return null
  const days = Math.ceil((Date.parse(date) - today.getTime()) / dayMs)
  if (days > retirementNoticeDays) return null
  const advice = `choose a newer ${setting}Name and ${setting}Version`
  if (days <= 0) return `${name} ${version} was retired on ${date}: ${advice}`
  return `${name} ${version} is retired on ${date}, in ${days} day${days === 1 ? '' : 's'}: ${advice}`
}
