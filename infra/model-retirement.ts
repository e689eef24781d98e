/**
 * When Azure retires the realtime models.
 * Source: "Azure OpenAI model retirements", learn.microsoft.com, as read in November 2026. The schedule
 * moves; a model that is not listed is not warned of.
 */

const retirements: Readonly<Record<string, string>> = {
  'gpt-realtime 2025-08-28': '2027-02-28',
  'gpt-realtime-mini 2025-10-06': '2026-07-23',
  'gpt-realtime-mini 2025-12-15': '2026-12-15',
  'gpt-realtime-1.5 2026-02-23': '2027-02-23',
  'gpt-realtime-2 2026-05-06': '2027-05-06',
  'gpt-realtime-2.1 2026-07-07': '2027-06-25',
  'gpt-realtime-2.1-mini 2026-07-07': '2027-06-25',
}

/** A retirement closer than this warns (days). */
export const retirementNoticeDays = 120

const dayMs = 86_400_000

/**
 * Warns of a model that is about to go, or gone.
 * @returns a sentence, or null when there is time or the date is not known
 */
export function warnOfRetirement(model: string, version: string, today: Date): string | null {
  const date = retirements[`${model} ${version}`]
  if (date === undefined) return null
  const days = Math.ceil((Date.parse(date) - today.getTime()) / dayMs)
  if (days > retirementNoticeDays) return null
  const advice = 'choose a newer openAiModelName and openAiModelVersion'
  if (days <= 0) return `${model} ${version} was retired on ${date}: ${advice}`
  return `${model} ${version} is retired on ${date}, in ${days} day${days === 1 ? '' : 's'}: ${advice}`
}
