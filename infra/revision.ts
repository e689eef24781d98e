/** The name of a revision: a hash of all that a revision is made of. */
import { createHash } from 'node:crypto'

/** Hexadecimal digits of the hash in a suffix. */
const suffixDigits = 10

/** The app's name, two dashes and the suffix share this many characters (microsoft/azure-container-apps#1443). */
export const maxRevisionNameLength = 54

/**
 * Makes the suffix of a revision. Same template, same suffix: Azure then changes nothing, and refuses a
 * suffix that comes back with another template (microsoft/azure-container-apps#650).
 * @param template the whole template without the suffix, and what else should make a new revision
 */
export function suffixOf(template: unknown): string {
  return `r${createHash('sha256').update(canonicalJson(template)).digest('hex').slice(0, suffixDigits)}`
}

/** Names the revision that an app has under a suffix. */
export function revisionName(app: string, suffix: string): string {
  return `${app}--${suffix}`
}

/** Writes JSON that does not depend on the order in which members were added. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
