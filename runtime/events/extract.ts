/** Takes JSON objects out of the text that a model wrote, and makes records of them. */
import { asBuffer } from '../core/bytes.ts'
import { parseJson } from '../core/json.ts'
import { type FieldsEntry, parseFieldsMap } from './fields-map.ts'
import { compileGlob } from './glob.ts'
import { type JsonSearch, type SearchFailure, searchJson } from './json-search.ts'

export { type FieldsEntry, parseFieldsMap }

/**
 * Why an event yielded nothing. Never the event's own words, but for the path at which an object does not fit the
 * schema (`schema:/items/0/size`, a JSON Pointer). `too_long`: deltas of more bytes than are put together.
 */
export type ExtractFailure =
  | 'not_json_event'
  | 'no_text_field'
  | 'too_long'
  | SearchFailure
  | `schema:${string}`

/** Builds one question of many globs: does any match the type? */
export type MatchAny = (globs: readonly string[]) => (type: string) => boolean

export interface ExtractorOptions extends JsonSearch {
  /** Globs of the event types that are extracted; none turns extraction off. */
  readonly types: readonly string[]
  /** The first entry whose glob matches the type gives the candidate fields. */
  readonly fieldsMap: readonly FieldsEntry[]
  /** The field that is searched last, and alone where no entry matches. */
  readonly textField: string
  /** `replace`: the object alone. `wrap`: inside an `extracted.json` event. */
  readonly outputMode: 'replace' | 'wrap'
  /** What becomes of an event that yields nothing. */
  readonly onFail: 'drop' | 'forward' | 'error'
  /** Default: plain globs over the type as it is. */
  readonly matches?: MatchAny
  /** Where an object does not fit: a JSON Pointer; null if it fits. Default: every object fits. */
  readonly misfit?: ((value: unknown) => string | null) | undefined
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
  /** Tells whether the text of events of this type is put together: deltas, where their `.done` is not extracted. */
  assembles(type: string): boolean
  /** Reads a delta, or the event that ends it. Never throws. @returns null for what names no text that grows */
  readDelta(frame: Uint8Array, type: string): Delta | null
  /** Extracts from text that was put together. @param type what the record names as its source */
  extractText(text: string, ids: EventIds, type: string): ExtractOutcome
  /** The outcome for text of more bytes than are put together. */
  tooLong(type: string): ExtractOutcome
}

/** What an event belongs to. */
export interface EventIds {
  readonly responseId: string | null
  readonly itemId: string | null
}

export interface Delta extends EventIds {
  readonly contentIndex: number
  /** Null in the event that ends the text. */
  readonly text: string | null
}

type JsonRecord = Readonly<Record<string, unknown>>

/** Types come from upstream: remember decisions for this many names of this length, decide the rest each time. */
const maxRememberedTypes = 256
const maxRememberedLength = 128

const deltaEnd = '.delta'
const deltaField = 'delta'

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
        const outcome = searchText(options, text)
        if (outcome.kind === 'found') return record(options, type, idsOf(event), outcome)
        reason = outcome.reason
      }
      return fail(options, type, reason)
    },
    assembles: type => type.endsWith(deltaEnd) && fieldsOf(type) !== null && fieldsOf(doneOf(type)) === null,
    readDelta(frame, type) {
      const event = parseEvent(frame)
      if (event === null) return null
      const fields = [...(fieldsOf(type) ?? []), deltaField]
      const text = fields.map(field => readText(event, field)).find(text => text !== null) ?? null
      const index = event.content_index
      return { ...idsOf(event), contentIndex: typeof index === 'number' ? index : 0, text }
    },
    extractText(text, ids, type) {
      const outcome = searchText(options, text)
      return outcome.kind === 'found'
        ? record(options, type, ids, outcome)
        : fail(options, type, outcome.reason)
    },
    tooLong: type => fail(options, type, 'too_long'),
  }
}

/** The event that ends the text of a delta. */
export function doneOf(deltaType: string): string {
  return `${deltaType.slice(0, -deltaEnd.length)}.done`
}

type Searched =
  | { readonly kind: 'found'; readonly json: string; readonly repaired: boolean }
  | { readonly kind: 'missing'; readonly reason: ExtractFailure }

function searchText(options: ExtractorOptions, text: string): Searched {
  const found = searchJson(text, options)
  if (found.kind === 'missing' || options.misfit === undefined) return found
  const path = options.misfit(JSON.parse(found.json))
  return path === null ? found : { kind: 'missing', reason: `schema:${path}` }
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
    if (decided.size < maxRememberedTypes && type.length <= maxRememberedLength) decided.set(type, fields)
    return fields
  }
}

function matchesAnyGlob(globs: readonly string[]): (type: string) => boolean {
  const compiled = globs.map(compileGlob)
  return type => compiled.some(glob => glob(type))
}

function parseEvent(frame: Uint8Array): JsonRecord | null {
  const event = parseJson(asBuffer(frame).toString('utf8'))
  return isRecord(event) && !Array.isArray(event) ? event : null
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

function record(
  options: ExtractorOptions,
  type: string,
  { responseId, itemId }: EventIds,
  { json, repaired }: { json: string; repaired: boolean },
): ExtractOutcome {
  const payload = escapeLoneSurrogates(json)
  if (options.outputMode === 'replace') return { kind: 'record', text: payload }
  const head = JSON.stringify({
    type: 'extracted.json',
    source_type: type,
    response_id: responseId,
    item_id: itemId,
    ...(repaired && { repaired }),
  })
  return { kind: 'record', text: `${head.slice(0, -1)},"payload":${payload}}` }
}

function idsOf(event: JsonRecord): EventIds {
  return { responseId: idOf(event, 'response'), itemId: idOf(event, 'item') }
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
