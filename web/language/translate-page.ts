/** Translates the text of a built HTML page; runs in the build. */

/** Attributes that people read or hear. `content` is read of the description alone. */
const readAttribute = /\b(placeholder|aria-label|title|label)="([^"]+)"/g
const description = /(<meta name="description" content=")([^"]+)"/

/** What has no words: figures, signs, marks that the page fills in. */
const hasWords = /\p{L}{2}/u

/**
 * Translates a page from English: its language mark, texts, and attributes that people read.
 * The text behind a tag with `translate="no"` stays.
 * @param dictionary Japanese by English, whitespace in the English collapsed
 * @throws Error with every text that the dictionary has not
 */
export function translatePage(html: string, dictionary: Readonly<Record<string, string>>): string {
  const missing = new Set<string>()
  const translate = (text: string): string => {
    const words = text.trim().replace(/\s+/g, ' ')
    if (!hasWords.test(words)) return text
    const translated = dictionary[words]
    if (translated === undefined) missing.add(words)
    return text.replace(text.trim(), () => translated ?? words)
  }
  let isKept = false
  const translated = html
    .replace(/<html lang="en"/, '<html lang="ja"')
    .replace(description, (_, start: string, words: string) => `${start}${translate(words)}"`)
    .replace(/(<[^>]*>)|([^<]+)/g, (whole, tag: string | undefined) => {
      if (tag === undefined) return isKept ? whole : translate(whole)
      isKept = tag.includes('translate="no"')
      return tag.replace(
        readAttribute,
        (_, name: string, words: string) => `${name}="${isKept ? words : translate(words)}"`,
      )
    })
  if (missing.size > 0)
    throw new Error(`web/language/japanese.ts has no words for: ${[...missing].join(' | ')}`)
  return translated
}
