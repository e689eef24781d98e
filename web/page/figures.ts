/** Figures in words for people. */
import { language, say } from '../language/language.ts'

/** A number of bytes, decimal units. */
export function bytesWords(bytes: number): string {
  if (bytes < 1000) return say('{count} bytes', { count: bytes })
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(2)} MB`
}

/** A time in seconds with one digit, without its unit. */
export function secondsWords(ms: number): string {
  return (ms / 1000).toFixed(1)
}

/** What is counted, in the singular and the plural. */
const nouns = {
  event: ['{count} event', '{count} events'],
  character: ['{count} character', '{count} characters'],
  session: ['{count} session', '{count} sessions'],
} as const

/** A number and its noun: `1 event`, `2 events`. */
export function countWords(count: number, noun: keyof typeof nouns): string {
  return say(nouns[noun][count === 1 ? 0 : 1], { count: countFigures(count) })
}

/** A number with the separators of the page's language. */
export function countFigures(count: number): string {
  return count.toLocaleString(language)
}
