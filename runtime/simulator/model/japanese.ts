/** What a Japanese sentence means in the English words that the rules of the scripted model know. */
import { type Fields, isFields } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'

const japanese = /[\p{Script=Hiragana}\p{Script=Katakana}]|\p{Script=Han}/u

/** What people say to a tool, and sizes; the first pattern of a kind need not be the only one that fits. */
const meanings: readonly (readonly [pattern: RegExp, english: string])[] = [
  [/注文を?(確定|完了|終わ)|(これ|以上)で(お願い|おねがい)|以上です/, 'place order'],
  [/取り?消|削除|キャンセル|外し|はずし|やめ|いりません|要りません|なしで/, 'remove'],
  [/追加|足して/, 'add'],
  [/スモール|小さい|(?<!\p{Script=Han})小(?!\p{Script=Han})|Sサイズ/u, 'small'],
  [/ミディアム|(?<!\p{Script=Han})中(?!\p{Script=Han})|Mサイズ/u, 'medium'],
  [/ラージ|大きい|(?<!\p{Script=Han})大(?!\p{Script=Han})|Lサイズ/u, 'large'],
]

const counter = '(?:つ|個|杯|本|枚|人)'
const numbers: readonly (readonly [pattern: RegExp, english: string])[] = [
  ['一|ひと', 'one'],
  ['二|ふた', 'two'],
  ['三|みっ', 'three'],
  ['四|よっ', 'four'],
  ['五|いつ', 'five'],
  ['六|むっ', 'six'],
  ['七|なな', 'seven'],
  ['八|やっ', 'eight'],
  ['九|ここの', 'nine'],
].map(([words, english = '']) => [new RegExp(`(?:${words})${counter}`), english])

const fence = /```(?:json)?[ \t]*\r?\n([\s\S]*?)```/g

/** Whether a text is Japanese. */
export function isJapanese(text: string): boolean {
  return japanese.test(text)
}

/** Names that the instructions give things in Japanese, by each of their other names. */
export type JapaneseNames = ReadonlyMap<string, string>

/**
 * Reads the objects in the JSON of instructions: one with a Japanese text names the same thing by its other texts, as
 * `{"sku":"flat-white","ja":"フラットホワイト"}`.
 */
export function namesIn(instructions: string): JapaneseNames {
  const names = new Map<string, string>()
  for (const [, json = ''] of instructions.matchAll(fence))
    for (const fields of objectsIn(json)) read(fields, names)
  return names
}

function read(fields: Fields, names: Map<string, string>): void {
  const texts = Object.values(fields).filter(value => typeof value === 'string')
  const name = texts.find(isJapanese)
  if (name !== undefined) for (const text of texts) if (text !== name) names.set(text, name)
}

function objectsIn(json: string): Fields[] {
  return [readJson(json)].flat().filter(isFields)
}

/**
 * Adds to a Japanese sentence what it means in English words.
 * @returns a sentence that is not Japanese as it is
 */
export function withEnglish(sentence: string, names: JapaneseNames): string {
  if (!isJapanese(sentence)) return sentence
  const words = sentence.normalize('NFKC')
  const named = [...names].filter(([, name]) => words.includes(name)).map(([other]) => other)
  const meant = [...meanings, ...numbers]
    .filter(([pattern]) => pattern.test(words))
    .map(([, english]) => english)
  // `ja` is how a tool asks for the language.
  return [words, ...named, ...meant, 'ja'].join(' ')
}
