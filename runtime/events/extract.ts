/** Takes JSON objects out of the text that a model wrote, and makes records of them. */
import { fencedObject } from './fence.ts'
import { type FieldsEntry, parseFieldsMap } from './fields-map.ts'
import { compileGlob } from './glob.ts'
import type { Scan } from './json-cursor.ts'
import { firstObject } from './json-object.ts'

export { type FieldsEntry, parseFieldsMap }

/**
 * How the JSON is found: in a fenced block only, the first valid object anywhere, or the one and else
 * the other.
 */
export type JsonStrategy = 'fenced_or_bare' | 'strict_fence' | 'first_object'

/** Why an event yielded nothing. Never the event's own words. */
export type ExtractFailure = 'not_json_event' | 'no_text_field' | 'no_object_found'

/** Builds one question of many globs: does any match the type? */
export type MatchAny = (globs: readonly string[]) => (type: string) => boolean

export interface ExtractorOptions {
  /** Globs of the event types that are extracted; none turns extraction off. */
  readonly types: readonly string[]
  /** The first entry whose glob matches the type gives the candidate fields. */
  readonly fieldsMap: readonly FieldsEntry[]
  /** The field that is searched last, and alone where no entry matches. */
  readonly textField: string
  readonly strategy: JsonStrategy
  /** `replace`: the object alone. `wrap`: inside an `extracted.json` event. */
  readonly outputMode: 'replace' | 'wrap'
  /** What becomes of an event that yields nothing. */
  readonly onFail: 'drop' | 'forward' | 'error'
  /** Default: plain globs over the type as it is. */
  readonly matches?: MatchAny
}

/** `text` is JSON and can be sent as UTF-8 without loss. */
export type ExtractOutcome =
  | { readonly kind: 'record'; readonly text: string }
  | { readonly kind: 'drop' }
  | { readonly kind: 'forward' }
  | { readonly kind: 'error'; readonly text: string }

export interface Extractor {
  /** Tells whether events of this type are to be extracted. Decided once for each of 256 types. */
  concerns(type: string): boolean
  /**
   * Extracts from one event. Never throws.
   * @param frame the event's UTF-8 bytes; parsed here, so only to be called if the type concerns.
   */
  extract(frame: Uint8Array, type: string): ExtractOutcome
}

type JsonRecord = Readonly<Record<string, unknown>>

/** Types come from upstream: remember decisions for this many names, decide the rest each time. */
const maxRememberedTypes = 256

/**
 * Finds one JSON object in a text, in time linear in its length whatever it holds.
 * @param scan counts the work: at most ten steps a character.
 * @returns the object exactly as the text has it (big numbers, order and space are kept), or null.
 */
export function findJson(text: string, strategy: JsonStrategy, scan?: Scan): string | null {
  if (strategy === 'first_object') return firstObject(text, scan)
  const fenced = fencedObject(text, scan)
  return fenced === null && strategy === 'fenced_or_bare' ? firstObject(text, scan) : fenced
}

/** Builds an extractor. Its state is the decisions it remembers; one can serve all sessions. */
export function createExtractor(options: ExtractorOptions): Extractor {
  const fieldsOf = rememberFields(options)
  return {
    concerns: type => fieldsOf(type) !== null,
    extract(frame, type) {
      const event = parseEvent(frame)
      if (event === null) return fail(options, type, 'not_json_event')
      let reason: ExtractFailure = 'no_text_field'
      for (const field of fieldsOf(type) ?? [options.textField]) {
        const text = readText(event, field)
        if (text === null) continue
        const json = findJson(text, options.strategy)
        if (json !== null) return record(options, type, event, json)
        reason = 'no_object_found'
      }
      return fail(options, type, reason)
    },
  }
}

/** Answers with the fields to search in events of a type, or null where the type does not concern. */
function rememberFields(options: ExtractorOptions): (type: string) => readonly string[] | null {
  const matches = options.matches ?? matchesAnyGlob
  const concerned = matches(options.types)
  const entries = options.fieldsMap.map(({ glob, fields }) => ({
    matches: matches([glob]),
    fields: [...new Set([...fields, options.textField])],
  }))
  const decided = new Map<string, readonly string[] | null>()
  return type => {
    const known = decided.get(type)
    if (known !== undefined) return known
    const entry = entries.find(candidate => candidate.matches(type))
    const fields = concerned(type) ? (entry?.fields ?? [options.textField]) : null
    if (decided.size < maxRememberedTypes) decided.set(type, fields)
    return fields
  }
}

function matchesAnyGlob(globs: readonly string[]): (type: string) => boolean {
  const compiled = globs.map(compileGlob)
  return type => compiled.some(glob => glob(type))
}

function parseEvent(frame: Uint8Array): JsonRecord | null {
  try {
    const bytes = Buffer.isBuffer(frame)
      ? frame
      : Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    const event: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(event) && !Array.isArray(event) ? event : null
  } catch {
    return null
  }
}

/** Reads a field by its name as it is, else by a dotted path, in which a number picks from an array. */
function readText(event: JsonRecord, field: string): string | null {
  const named = ownValue(event, field)
  if (typeof named === 'string') return named
  const value = field.split('.').reduce(ownValue, event as unknown)
  return typeof value === 'string' ? value : null
}

function ownValue(container: unknown, key: string): unknown {
  return isRecord(container) && Object.hasOwn(container, key) ? container[key] : undefined
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null
}

function record(options: ExtractorOptions, type: string, event: JsonRecord, json: string): ExtractOutcome {
  const payload = escapeLoneSurrogates(json)
  if (options.outputMode === 'replace') return { kind: 'record', text: payload }
  const head = JSON.stringify({
    type: 'extracted.json',
    source_type: type,
    response_id: idOf(event, 'response'),
    item_id: idOf(event, 'item'),
  })
  return { kind: 'record', text: `${head.slice(0, -1)},"payload":${payload}}` }
}

/** An event names its response by `response_id`, or carries it whole, as `response.done` does. */
function idOf(event: JsonRecord, owner: 'response' | 'item'): string | null {
  return readText(event, `${owner}_id`) ?? readText(event, `${owner}.id`)
}

function fail({ onFail }: ExtractorOptions, type: string, reason: ExtractFailure): ExtractOutcome {
  if (onFail !== 'error') return { kind: onFail }
  return { kind: 'error', text: JSON.stringify({ type: 'extracted.json.error', source_type: type, reason }) }
}

/** Half a surrogate pair cannot be written in UTF-8; in JSON it can only stand in a string, and be escaped. */
function escapeLoneSurrogates(json: string): string {
  return json.isWellFormed()
    ? json
    : json.replace(/\p{Surrogate}/gu, half => `\\u${half.charCodeAt(0).toString(16)}`)
}
