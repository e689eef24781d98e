/** The name of a revision: a hash of all that a revision is made of. */
import { createHash } from 'node:crypto'

/** Hexadecimal digits of the hash in a suffix. */
const suffixDigits = 10

/** The app's name, two dashes and the suffix share this many characters (microsoft/azure-container-apps#1443). */
export const maxRevisionNameLength = 54

/** Suffixes that are remembered: as many revisions as Azure keeps. */
const rememberedSuffixes = 100

/**
 * Makes the suffix of a revision. Same template, same suffix: Azure then changes nothing, and refuses a
 * suffix that comes back with another template (microsoft/azure-container-apps#650).
 * @param template the whole template without the suffix, and what else should make a new revision
 * @param salt 0 for the first revision of a template, more for each that follows
 */
export function suffixOf(template: unknown, salt = 0): string {
  const text = salt === 0 ? canonicalJson(template) : `${canonicalJson(template)}#${salt}`
  return `r${createHash('sha256').update(text).digest('hex').slice(0, suffixDigits)}`
}

export interface SuffixChoice {
  /** As for `suffixOf`. */
  readonly template: unknown
  /** Suffixes of the updates so far, newest last. */
  readonly made: readonly string[]
  /** Suffixes in the traffic that the last update left: these revisions run. */
  readonly listed: readonly string[]
  /** Whether the traffic of this update has an entry for its own revision. */
  readonly listsNewest: boolean
}

/**
 * Chooses the suffix of an update. A template that comes back after its revision may have been deactivated needs another
 * name: Azure starts no revision whose suffix it knows, and traffic sent to it meets nothing.
 */
export function chooseSuffix({ template, made, listed, listsNewest }: SuffixChoice): string {
  const candidates = Array.from({ length: rememberedSuffixes + 1 }, (_, salt) => suffixOf(template, salt))
  const last = made.at(-1)
  // The template is unchanged, and so is the revision, unless traffic is to go to one that had none.
  if (last !== undefined && candidates.includes(last) && (listed.includes(last) || !listsNewest)) return last
  return candidates.find(suffix => listed.includes(suffix) || !made.includes(suffix)) ?? suffixOf(template)
}

/** Adds the suffix of an update to those so far, newest last; forgets the oldest. */
export function rememberSuffix(made: readonly string[], suffix: string): string[] {
  return [...made.filter(other => other !== suffix), suffix].slice(-rememberedSuffixes)
}

/** Names the revision that an app has under a suffix. */
export function revisionName(app: string, suffix: string): string {
  return `${app}--${suffix}`
}

/** The suffix in the full name of a revision. */
export function suffixOfName(revision: string): string {
  return revision.slice(revision.lastIndexOf('--') + 2)
}

/** Writes JSON that does not depend on the order in which members were added. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
