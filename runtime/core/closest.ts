/** Finds what somebody meant who typed a name that is not there. */

/** Edits that a slip of the hand takes: a letter too many, missing, wrong, or two in the wrong order. */
const mostEdits = 2

/** @returns the one known name that is at most two edits away; null where there is none, or several as near */
export function closestOf(name: string, known: readonly string[]): string | null {
  const near = known
    .filter(other => Math.abs(other.length - name.length) <= mostEdits)
    .map(other => ({ other, edits: editsBetween(name, other) }))
    .filter(({ edits }) => edits <= mostEdits)
    .sort((a, b) => a.edits - b.edits)
  const [first, second] = near
  return first === undefined || first.edits === second?.edits ? null : first.other
}

/** Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours. */
function editsBetween(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swap =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? (before[j - 2] ?? 0) + 1
          : Number.POSITIVE_INFINITY
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change, swap))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
