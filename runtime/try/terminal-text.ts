/** What others wrote, made fit for a terminal. */

/** Control characters besides tab and line feed: C0, DEL and C1 (ECMA-48). With them a text moves the cursor, hides what stands there, or writes to the clipboard. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is sought
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

/** Leaves out of a text what a terminal obeys in place of showing it. */
export function terminalText(text: string): string {
  return text.replace(controls, '')
}
