/** Draws at random, the same for the same seed. Pure. */

/** @param count 0 draws all @returns what was drawn, in its old order */
export function draw<Value>(values: readonly Value[], count: number, seed: number): Value[] {
  if (count === 0) return [...values]
  const random = createRandom(seed)
  return values
    .map((value, place) => ({ value, place, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value)
}

/** Mulberry32: numbers from 0 to below 1. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
