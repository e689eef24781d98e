/**
 * Which revision takes new connections. Always explicit and by full name: without it, or with
 * `latestRevision`, Azure sends everything to each new revision (microsoft/azure-container-apps#688).
 */
import type { WantedTraffic } from './setting-table.ts'

export interface TrafficWeight {
  readonly revisionName: string
  readonly weight: number
  readonly label?: string
}

/** The form in which weights stand in the stack's outputs. */
export interface Revision {
  readonly revision: string
  readonly weight: number
  readonly label?: string
}

/** What a stack may write in place of the name of the revision that this update makes. */
export const newestRevision = 'newest'

/** A revision at weight 0 is reached by this label, to be tried before it gets traffic. */
export const darkLabel = 'next'

const fullWeight = 100

/** Whether the traffic that a configuration wants has an entry for the revision that the update makes, by no name. */
export function listsNewest(wanted: readonly WantedTraffic[]): boolean {
  return wanted.length === 0 || wanted.some(({ revision }) => revision === newestRevision)
}

export interface TrafficChoice {
  readonly newest: string
  /** From the stack's configuration. */
  readonly wanted: readonly WantedTraffic[]
  /** From the last update; empty before the first. */
  readonly previous: readonly Revision[]
}

/**
 * Decides the weights. What the configuration wants; else, for a first deployment, all on its revision;
 * else what was, with a new revision beside it that gets no traffic until someone says so.
 */
export function chooseTraffic({ newest, wanted, previous }: TrafficChoice): TrafficWeight[] {
  if (wanted.length > 0) {
    return merge(
      wanted.map(entry => (entry.revision === newestRevision ? { ...entry, revision: newest } : entry)),
    )
  }
  const carrying = previous.filter(({ weight }) => weight > 0)
  if (carrying.length === 0) return [{ revisionName: newest, weight: fullWeight }]
  if (previous.some(({ revision }) => revision === newest)) return previous.map(toWeight)
  const unlabelled = carrying.map(({ label, ...entry }) =>
    label === darkLabel ? entry : { ...entry, ...(label && { label }) },
  )
  return [...unlabelled.map(toWeight), { revisionName: newest, weight: 0, label: darkLabel }]
}

/** `newest` may be a revision that is also listed by name: its weights add up. */
function merge(
  entries: readonly { revision: string; weight: number; label?: string | undefined }[],
): TrafficWeight[] {
  const merged = new Map<string, TrafficWeight>()
  for (const { revision, weight, label } of entries) {
    const before = merged.get(revision)
    const kept = before?.label ?? label
    merged.set(revision, {
      revisionName: revision,
      weight: weight + (before?.weight ?? 0),
      ...(kept !== undefined && { label: kept }),
    })
  }
  return [...merged.values()]
}

function toWeight({ revision, weight, label }: Revision): TrafficWeight {
  return { revisionName: revision, weight, ...(label !== undefined && { label }) }
}
