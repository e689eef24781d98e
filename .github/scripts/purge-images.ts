/**
 * Deletes images that no revision names. A registry's own purge knows ages and tags only, and images here are pulled by
 * digest: what a revision may still pull is locked first, and a purge passes locked ones over.
 */

export interface Hands {
  /** Digests of the images that revisions name, deactivated ones included: each can be started again. */
  readonly inUse: () => Promise<readonly string[]>
  /** Digests of the repository that are locked now. */
  readonly locked: () => Promise<readonly string[]>
  readonly setLock: (digest: string, locked: boolean) => Promise<void>
  /** Deletes what has no tag, is not locked, and is older. */
  readonly purge: (days: number) => Promise<void>
  readonly say: (line: string) => void
}

/** Untagged images are kept for this long (days): a roll-back to one is a matter of hours. */
export const keptDays = 30

/** Locks what is in use, lets go what is not, and purges. @throws when nothing is in use: then the wrong app was asked */
export async function purgeImages(hands: Hands): Promise<void> {
  const inUse = await hands.inUse()
  if (inUse.length === 0)
    throw new Error('No revision names an image: without knowing which ones are in use, none is deleted')
  const locked = await hands.locked()
  for (const digest of inUse) if (!locked.includes(digest)) await hands.setLock(digest, true)
  for (const digest of locked) if (!inUse.includes(digest)) await hands.setLock(digest, false)
  await hands.purge(keptDays)
  hands.say(`${inUse.length} images are in use and kept; others without a tag go after ${keptDays} days`)
}
