/** Figures in words for people. */

/** A number of bytes, decimal units. */
export function bytesWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(2)} MB`
}

/** A time in seconds with one digit, without its unit. */
export function secondsWords(ms: number): string {
  return (ms / 1000).toFixed(1)
}

/** A number and its noun: `1 event`, `2 events`. */
export function countWords(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
