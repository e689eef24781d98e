/** Which tool the words of a user mean: by the tool's name, the values that its parameters list, its description. */
import { isFields, isText } from '../protocol/check.ts'
import type { Tool } from '../protocol/types.ts'

/** A value that a parameter lists says more than a word of the name, which says more than one of the description. */
const valuePoints = 3
const namePoints = 2
const descriptionPoints = 1
/** So many words of a description mean its tool, where neither its name nor a value is said. */
const leastDescriptionWords = 2
/** Nested schemas deeper than this are not read. */
const maxDepth = 8

const commonWords = new Set(
  'the a an and or for with from get set do make list find fetch call run tool function item data info this that you your what when where how is are in on at to of please can it its has have had'.split(
    ' ',
  ),
)

/**
 * Finds the tool that a sentence means: the one with the most points, the first of several.
 * @returns undefined where no name, no word of a name, no listed value and no two words of a description are said
 */
export function meantTool(tools: readonly Tool[], words: string): Tool | undefined {
  const said = new Said(words)
  const rated = tools.map(tool => ({ tool, points: pointsOf(tool, said) }))
  const most = Math.max(0, ...rated.map(({ points }) => points))
  return most === 0 ? undefined : rated.find(({ points }) => points === most)?.tool
}

/** Values that required parameters list: by naming one of them a user calls a tool. */
export function sayableValues(tools: readonly Tool[]): string[] {
  const values = tools.flatMap(({ parameters }) => {
    const { properties, required } = isFields(parameters) ? parameters : {}
    if (!isFields(properties) || !Array.isArray(required)) return []
    return required.filter(isText).flatMap(name => listedValues(properties[name]))
  })
  return [...new Set(values)]
}

/** A listed value as it is said: `flat-white` is "flat white". */
export function spokenValue(value: string): string {
  return wordsOf(value).join(' ')
}

/** The words of a sentence, each in its singular; names with underscores whole, too. */
export class Said {
  readonly #words: ReadonlySet<string>

  constructor(sentence: string) {
    const names = sentence.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []
    this.#words = new Set([...wordsOf(sentence), ...names].map(singular))
  }

  has(word: string): boolean {
    return this.#words.has(singular(word))
  }

  /** Whether all words of a listed value are said: `flat-white` in "two flat whites". */
  hasValue(value: unknown): boolean {
    const words = typeof value === 'string' ? wordsOf(value) : []
    return words.length > 0 && words.every(word => this.has(word))
  }

  /** Whether one of the words of a listed value is said that tell it from others: `cafe-latte` in "a large latte". */
  hasPart(value: unknown): boolean {
    return typeof value === 'string' && wordsOf(value).some(word => isTelling(word) && this.has(word))
  }
}

function pointsOf(tool: Tool, said: Said): number {
  const name = tool.type === 'mcp' ? (tool.server_label ?? '') : (tool.name ?? '')
  const named = new Set(wordsOf(name.replace(/([a-z])([A-Z])/g, '$1 $2')).filter(isTelling))
  const names = count(named, said) + (said.has(name.toLowerCase()) ? 1 : 0)
  const described = wordsOf(tool.description ?? '').filter(word => isTelling(word) && !named.has(word))
  const descriptions = count(new Set(described), said)
  const values = listedValues(tool.parameters).filter(value => said.hasValue(value)).length
  if (names === 0 && values === 0 && descriptions < leastDescriptionWords) return 0
  return values * valuePoints + names * namePoints + descriptions * descriptionPoints
}

/** Values that a schema's parameters list and that tell one thing from another: `on` and `off` do not. */
function listedValues(schema: unknown, depth = 0): string[] {
  if (!isFields(schema) || depth > maxDepth) return []
  const own = Array.isArray(schema.enum) ? schema.enum.filter(isText) : []
  const inner = isFields(schema.properties) ? Object.values(schema.properties) : []
  return [...own.filter(value => wordsOf(value).some(isTelling)), ...inner, schema.items].flatMap(part =>
    typeof part === 'string' ? [part] : listedValues(part, depth + 1),
  )
}

function count(words: ReadonlySet<string>, said: Said): number {
  return [...words].filter(word => said.has(word)).length
}

function isTelling(word: string): boolean {
  return word.length > 2 && !commonWords.has(word)
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}

function singular(word: string): string {
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}
