/** JSON of senders nobody vouches for. */

/** Reads a JSON text. @returns undefined for what is none, which no JSON text is read as. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
