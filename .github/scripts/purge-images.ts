/**
 * Deletes images that no revision names. A registry's own purge knows ages and tags only, and images here are pulled by
 * digest: what a revision may still pull is locked first, and a purge passes locked ones over.
 */

export interface Hands {
  /** What is purged, such as `name.azurecr.io/realtime-gateway`. */
  readonly repository: string
  /** Images that revisions name, deactivated ones included: each can be started again. */
  readonly images: () => Promise<readonly string[]>
  /** Digests of the repository that are locked now. */
  readonly locked: () => Promise<readonly string[]>
  readonly setLock: (digest: string, locked: boolean) => Promise<void>
  /** Deletes what has no tag, is not locked, and is older. */
  readonly purge: (days: number) => Promise<void>
  readonly say: (line: string) => void
}

/** Untagged images are kept for this long (days): a roll-back to one is a matter of hours. */
export const keptDays = 30

/**
 * Locks what is in use, lets go what is not, and purges. Where all revisions run images of other repositories
 * (`imageRef`), this one may not even exist, and is left as it is.
 * @throws when no revision names an image: then the wrong app was asked
 */
export async function purgeImages(hands: Hands): Promise<void> {
  const images = await hands.images()
  const named = images.filter(image => digestOf(image) !== undefined)
  if (named.length === 0)
    throw new Error('No revision names an image: without knowing which ones are in use, none is deleted')
  const own = named.filter(image => image.toLowerCase().startsWith(`${hands.repository.toLowerCase()}@`))
  const inUse = [...new Set(own.flatMap(image => digestOf(image) ?? []))]
  if (inUse.length === 0)
    return hands.say(`No revision runs an image of ${hands.repository}: none is deleted`)
  const locked = await hands.locked()
  for (const digest of inUse) if (!locked.includes(digest)) await hands.setLock(digest, true)
  for (const digest of locked) if (!inUse.includes(digest)) await hands.setLock(digest, false)
  await hands.purge(keptDays)
  hands.say(`${inUse.length} images are in use and kept; others without a tag go after ${keptDays} days`)
}

function digestOf(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1]
}
