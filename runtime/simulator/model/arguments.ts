/** Makes plausible arguments for a function from its JSON schema. */
import { type Fields, isFields, isText } from '../protocol/check.ts'
import { numberOf } from './numbers.ts'
import { Said } from './tool-match.ts'

const maxDepth = 8
const maxTextLength = 200
const placeNames = /city|location|place|town|address|destination/i

const examplesByName: [RegExp, string][] = [
  [/country/i, 'United Kingdom'],
  [/e-?mail/i, 'ada@example.com'],
  [/phone/i, '+44 20 7946 0000'],
  [/date|day/i, '2026-01-15'],
  [/time/i, '12:00'],
  [/name|user|person/i, 'Ada'],
  [/url|link/i, 'https://example.com'],
  [/currency/i, 'EUR'],
  [/language|locale/i, 'en'],
  [/unit/i, 'celsius'],
]

const examplesByFormat: Record<string, string> = {
  date: '2026-01-15',
  'date-time': '2026-01-15T12:00:00Z',
  time: '12:00:00Z',
  email: 'ada@example.com',
  uri: 'https://example.com',
  uuid: '123e4567-e89b-42d3-a456-426614174000',
}

/**
 * Fills in a function's parameters.
 *
 * @param schema JSON schema of the parameters (an object schema; anything else gives `{}`)
 * @param words the user's words: listed values, places after "in", numbers and quoted texts are taken from them, else
 *   the whole
 * @param earlier what the user said before, the newest first: a listed value that is required and not said now
 * @param meaning the words with what they mean in English, in which listed values and numbers are looked for (default: the
 *   words)
 * @returns an object with every required property and every other one whose value was said, or with all of them when
 *   none is required
 */
export function argumentsFor(
  schema: unknown,
  words: string,
  earlier: readonly string[] = [],
  meaning: string = words,
): Fields {
  if (!isFields(schema)) return {}
  const said = [meaning, ...earlier].map(sentence => new Said(sentence))
  const value = valueFor('', schema, { words, meaning, said }, schema, 0)
  return isFields(value) ? value : {}
}

/** What the values are taken from. */
interface Source {
  readonly words: string
  readonly meaning: string
  /** The words of the meaning, then of what was said before. */
  readonly said: readonly Said[]
}

function valueFor(name: string, schema: Fields, source: Source, root: Fields, depth: number): unknown {
  if (depth > maxDepth) return null
  const { words, meaning } = source
  const listed = listedValue(schema, source.said, 'partly too')
  if (listed !== undefined) return listed
  const said = saidNumber(schema, meaning)
  if (said !== undefined) return said
  const known = givenValue(schema)
  if (known !== undefined) return known
  const resolved = resolve(schema, root)
  if (resolved !== schema) return valueFor(name, resolved, source, root, depth + 1)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object' || isFields(schema.properties)) return objectFor(schema, source, root, depth)
  if (type === 'array')
    return [valueFor(name, isFields(schema.items) ? schema.items : {}, source, root, depth + 1)]
  if (type === 'integer' || type === 'number') return withinBounds(schema, 1)
  if (type === 'boolean') return true
  return type === 'null' ? null : textFor(name, schema, words)
}

function objectFor(schema: Fields, source: Source, root: Fields, depth: number): Fields {
  const properties = isFields(schema.properties) ? schema.properties : {}
  const required = Array.isArray(schema.required) ? schema.required.filter(isText) : []
  const isRequired = new Set(required)
  const said = Object.keys(properties).filter(
    name => !isRequired.has(name) && isSaid(properties[name], source),
  )
  const names = required.length > 0 ? [...required, ...said] : Object.keys(properties)
  return Object.fromEntries(
    names.map(name => {
      const property = properties[name]
      return [name, valueFor(name, isFields(property) ? property : {}, source, root, depth + 1)]
    }),
  )
}

/** Whether the words have a value for an optional property. */
function isSaid(schema: unknown, { meaning, said }: Source): boolean {
  if (!isFields(schema)) return false
  return listedValue(schema, said.slice(0, 1)) !== undefined || saidNumber(schema, meaning) !== undefined
}

/**
 * The first of the listed values that a sentence has; the first sentence that has one counts.
 * @param how `partly too`: where a sentence has none whole, the first of which it has a part: of "a latte" the first latte
 */
function listedValue(
  schema: Fields,
  sentences: readonly Said[],
  how: 'whole' | 'partly too' = 'whole',
): unknown {
  const values = Array.isArray(schema.enum) ? schema.enum : []
  for (const said of values.length === 0 ? [] : sentences) {
    const whole = values.find(value => said.hasValue(value))
    const value = whole ?? (how === 'whole' ? undefined : values.find(value => said.hasPart(value)))
    if (value !== undefined) return value
  }
  return undefined
}

/** The number that the words have, in digits or spelt out, for a property that takes any. */
function saidNumber(schema: Fields, words: string): number | undefined {
  if (schema.const !== undefined || schema.enum !== undefined) return undefined
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type !== 'integer' && type !== 'number') return undefined
  const digits = words.match(/-?\d+(\.\d+)?/)?.[0]
  if (digits !== undefined) return withinBounds(schema, Number(digits))
  const spelt = words.split(/[^\p{L}-]+/u).map(word => (word === '' ? null : numberOf(word)))
  const value = spelt.find(value => value !== null)
  return typeof value === 'number' ? withinBounds(schema, value) : undefined
}

function givenValue(schema: Fields): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.default !== undefined) return schema.default
  if (Array.isArray(schema.enum)) return schema.enum[0]
  return Array.isArray(schema.examples) ? schema.examples[0] : undefined
}

function resolve(schema: Fields, root: Fields): Fields {
  if (typeof schema.$ref === 'string' && schema.$ref.startsWith('#/')) {
    let place: unknown = root
    for (const key of schema.$ref.slice(2).split('/')) place = isFields(place) ? place[key] : undefined
    return isFields(place) ? place : {}
  }
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const options = schema[key]
    const first = Array.isArray(options)
      ? options.find(option => isFields(option) && option.type !== 'null')
      : undefined
    if (isFields(first)) return first
  }
  return schema
}

function withinBounds(schema: Fields, number: number): number {
  const least = typeof schema.minimum === 'number' ? schema.minimum : 1
  const most = typeof schema.maximum === 'number' ? schema.maximum : Number.POSITIVE_INFINITY
  const value = Math.min(most, Math.max(least, number))
  return schema.type === 'integer' ? Math.trunc(value) : value
}

function textFor(name: string, schema: Fields, words: string): string {
  const quoted = words.match(/["“]([^"“”]+)["”]/)?.[1]
  if (quoted !== undefined) return quoted
  if (typeof schema.format === 'string') return examplesByFormat[schema.format] ?? 'example'
  const place = words.match(/\b(?:in|at|for|of|to)\s+((?:\p{Lu}[\p{L}'-]*\s?)+)/u)?.[1]?.trim()
  if (placeNames.test(name)) return place ?? 'London'
  const usual = examplesByName.find(([pattern]) => pattern.test(name))?.[1]
  return usual ?? (words.trim().slice(0, maxTextLength) || 'example')
}
