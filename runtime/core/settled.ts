/** Waits for operations that were begun at once. */

/**
 * Waits until all are over, so that what they have taken can be given back.
 * @returns what each came to
 * @throws what the first of them in the list, not in time, has failed of
 */
export async function allOrFirstFault<T extends readonly unknown[]>(
  begun: T,
): Promise<{ -readonly [At in keyof T]: Awaited<T[At]> }> {
  // Of one, there is nothing else to wait for.
  if (begun.length === 1) return [await begun[0]] as { -readonly [At in keyof T]: Awaited<T[At]> }
  try {
    return await Promise.all(begun)
  } catch {
    await Promise.allSettled(begun)
    // Of settled promises the first in the list that was rejected is the first to reject.
    return Promise.all(begun)
  }
}
