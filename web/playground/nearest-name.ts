/** Finds the name that was meant. */

/** More changes than this make another name of it. */
const maxChanges = 3

/** The known name that is the fewest changes away; undefined where none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const [nearest] = known
    .map(candidate => ({ candidate, changes: changesBetween(name, candidate) }))
    .filter(({ changes }) => changes <= maxChanges)
    .sort((a, b) => a.changes - b.changes)
  return nearest?.candidate
}

/** How many characters must be put in, left out or replaced to make one text of the other (Levenshtein). */
function changesBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [at, character] of Array.from(from).entries()) {
    const next = [at + 1]
    for (const [index, wanted] of Array.from(to).entries())
      next.push(
        Math.min(
          (row[index + 1] ?? 0) + 1,
          (next[index] ?? 0) + 1,
          (row[index] ?? 0) + (character === wanted ? 0 : 1),
        ),
      )
    row = next
  }
  return row.at(-1) ?? 0
}
