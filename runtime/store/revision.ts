/**
 * Texts that say their own revision: JSON objects whose first member is `revision`. Stores compare it without reading the
 * rest, and whoever knows nothing of revisions reads the object as any other.
 */

/** `{"revision":`, the digits of the largest safe integer, and what follows them. */
export const maxRevisionChars = 32

const revisionPattern = /^\{"revision":(\d+)[,}]/

/** Writes a text that says its revision. @param fields without a `revision` of their own */
export function revisedText(revision: number, fields: object): string {
  return JSON.stringify({ revision, ...fields })
}

/** Reads the revision of a text; 0 where it says none. */
export function revisionOf(text: string): number {
  return Number(revisionPattern.exec(text.slice(0, maxRevisionChars))?.[1] ?? 0)
}
