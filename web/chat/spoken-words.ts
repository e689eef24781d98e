/** Which words of a transcript have been heard: the sound carries no times for them, so they are estimated. */

/** How long one character takes while the answer's length is not known yet (ms): a brisk English voice. */
const usualCharMs = 60

/** What is known of an answer's sound. */
export interface SpokenSoFar {
  /** Characters of the transcript that have come. */
  chars: number
  /** How much sound has come, and how much of it was played (ms). */
  lengthMs: number
  playedMs: number
  /** All of it has come. */
  isComplete: boolean
}

/**
 * Estimates how much of a transcript was heard. The voice is taken as even; while more is to come, no character is
 * taken as shorter than usual, as transcripts run ahead of their sound.
 * @returns characters, 0 to `chars`
 */
export function heardChars({ chars, lengthMs, playedMs, isComplete }: SpokenSoFar): number {
  if (isComplete && playedMs >= lengthMs) return chars
  const wholeMs = isComplete ? lengthMs : Math.max(lengthMs, chars * usualCharMs)
  if (wholeMs <= 0) return 0
  return Math.min(chars, Math.max(0, Math.round((chars * playedMs) / wholeMs)))
}

/**
 * Moves a cut back to the begin of the word that it falls into, so that words are heard whole. Japanese has no spaces:
 * a cut between its characters stays.
 * @param at characters
 */
export function wordCut(text: string, at: number): number {
  if (at >= text.length) return text.length
  if (!isLetterOfWord(text, at) || !isLetterOfWord(text, at - 1)) return at
  let cut = at
  while (cut > 0 && isLetterOfWord(text, cut - 1)) cut--
  return cut
}

function isLetterOfWord(text: string, at: number): boolean {
  return /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Arabic}\p{Script=Hebrew}\p{N}'’-]/u.test(
    text[at] ?? '',
  )
}
