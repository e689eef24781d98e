/**
 * The words of the pages in English and Japanese. English words are the key: `say('Listening')` is checked by the
 * compiler against `japanese.ts`, and the build translates the text of each HTML file by the same dictionary
 * (`translate-page.ts`).
 */
import type { Japanese } from './japanese.ts'

export type Language = 'en' | 'ja'

/** A sentence that both languages have. `{name}` stands for a value. */
export type Words = keyof Japanese

/** Values by the names that stand in the words. */
export type Values = Readonly<Record<string, string | number>>

/** The page, where there is one: tests read this file without. */
const page = (globalThis as { document?: { documentElement: { lang: string } } }).document

/** The language of this page: that of the HTML which the gateway chose. English outside a browser. */
export const language: Language = page?.documentElement.lang === 'ja' ? 'ja' : 'en'

/** Loaded on Japanese pages only: an English page does not carry it. */
const dictionary: Readonly<Record<string, string>> | undefined =
  language === 'ja' ? (await import('./japanese.ts')).japanese : undefined

/**
 * Says something in the page's language.
 * @param words in English; a key of the dictionary
 */
export function say(words: Words, values: Values = {}): string {
  return fillIn(dictionary?.[words] ?? words, values)
}

/** Puts values in place of `{name}`; a name without a value stays as it is. */
function fillIn(words: string, values: Values): string {
  return words.replace(/\{(\w+)\}/g, (mark, name: string) => String(values[name] ?? mark))
}
