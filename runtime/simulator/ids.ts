/** Ids, obfuscation and chance of one session: the same seed gives the same sequence. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const idLength = 21
const callIdLength = 16
const maxObfuscationLength = 16

export type IdKind = 'event' | 'sess' | 'item' | 'resp' | 'conv' | 'call'

export interface Ids {
  /** A fresh id in the form seen on the wire: `item_` and 21 characters; `call_` has 16. */
  next(kind: IdKind): string
  /** Hexadecimal digits, as in Azure's call ids. */
  hex(length: number): string
  /** Letters and digits of random length (1..16): the padding that text deltas carry. */
  obfuscation(): string
  /** A number in [0, 1). */
  chance(): number
}

/**
 * Makes the id source of one session.
 *
 * @param seed any integer; only its low 32 bits count
 */
export function createIds(seed: number): Ids {
  const chance = createRandom(seed)
  const letters = (length: number) => {
    let text = ''
    for (let index = 0; index < length; index++) text += alphabet[Math.floor(chance() * alphabet.length)]
    return text
  }
  return {
    chance,
    next: kind => `${kind}_${letters(kind === 'call' ? callIdLength : idLength)}`,
    hex: length => {
      let text = ''
      for (let index = 0; index < length; index++) text += Math.floor(chance() * 16).toString(16)
      return text
    },
    obfuscation: () => letters(1 + Math.floor(chance() * maxObfuscationLength)),
  }
}

/** A small seeded generator (mulberry32) of numbers in [0, 1). */
export function createRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
