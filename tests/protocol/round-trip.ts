/**
 * Sends values of one dialect's types to the other dialect and back: nothing is lost but what `losses.ts` says, and what
 * arrives is of the other dialect's types.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Dialect } from '../../runtime/core/ports.ts'
import { SessionMemory } from '../../runtime/dialect/session-memory.ts'
import { createTranslator } from '../../runtime/dialect/translate.ts'
import { got, seen, toGa, toPreview } from '../dialect/dialects.ts'
import { type Difference, type Exception, exceptions, itemsOf, type Loss, losses } from './losses.ts'
import { type EventTypes, readEventTypes, type Side } from './sdk-values.ts'

type Fields = Record<string, unknown>

/** A message of a client of a dialect, or an event of an upstream of it. */
export interface Trip {
  readonly dialect: Dialect
  readonly side: Side
  readonly event: Fields
}

export interface RoundTrips {
  readonly types: Readonly<Record<Dialect, Readonly<Record<Side, EventTypes>>>>
  /** @throws Error that names what was lost, or what is none of the other dialect's */
  play(trip: Trip): void
  /** Rows of the table that explained something so far. */
  readonly used: ReadonlySet<Loss | Exception>
}

const otherOf = (dialect: Dialect): Dialect => (dialect === 'ga' ? 'preview' : 'ga')

/** Of a client of each dialect, before an upstream of the other. */
const across = { ga: toGa, preview: toPreview }

/** Of a client of each dialect, before an upstream of its own. */
const beside = { ga: createTranslator('ga', 'ga'), preview: createTranslator('preview', 'preview') }

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads both type sets, which takes seconds. */
export function readTypes(): RoundTrips['types'] {
  const sides = (dialect: Dialect) => ({
    client: readEventTypes(dialect, 'client'),
    server: readEventTypes(dialect, 'server'),
  })
  return { ga: sides('ga'), preview: sides('preview') }
}

/** @param table what may be lost; default what the page says */
export function createRoundTrips(
  types: RoundTrips['types'] = readTypes(),
  table: readonly Loss[] = losses,
): RoundTrips {
  const used = new Set<Loss | Exception>()
  const explain = (difference: Difference) => {
    const row = table.find(each => each.explains(difference))
    if (row !== undefined) used.add(row)
    return row !== undefined
  }

  const assertFits = ({ dialect, side, event }: Trip, translated: Fields) => {
    if (!itemsOf(event).every(isCoherent)) return
    const type = types[otherOf(dialect)][side].events.find(each => each.type === translated.type)
    const misfit = type === undefined ? 'type is unknown' : type.misfit(translated, side === 'server')
    if (misfit === null) return
    const row = exceptions.find(each => each.explains({ origin: dialect, side, event, translated, misfit }))
    if (row === undefined)
      throw new Error(`of ${otherOf(dialect)} this is none, as ${misfit}: ${show(translated)}`)
    used.add(row)
  }

  return {
    types,
    used,
    play: trip => {
      const { dialect, event } = trip
      if (trip.side === 'client') assertUntouched(dialect, event)
      const { there, back } = travel(trip)
      for (const translated of there) assertFits(trip, translated)
      const returned = back.find(({ type }) => type === event.type)
      const differences = [
        ...back
          .filter(each => each !== returned)
          .map(
            ({ type }): Difference => ({
              origin: dialect,
              event,
              path: 'type',
              before: undefined,
              after: type,
            }),
          ),
        ...differencesOf(dialect, event, returned, explain),
      ]
      for (const each of differences) {
        if (explain(each)) continue
        const shown = `${show(each.before)} came back as ${show(each.after)}`
        throw new Error(`${dialect} ${event.type} ${each.path}: ${shown}, after ${show(there)}`)
      }
    },
  }
}

function travel({ dialect, side, event }: Trip): { there: Fields[]; back: Fields[] } {
  if (side === 'client') {
    const there = got(across[dialect], event)
    return { there: [there], back: [got(across[otherOf(dialect)], there)] }
  }
  const there = seen(across[otherOf(dialect)], event)
  const memory = new SessionMemory()
  return { there, back: there.flatMap(each => seen(across[dialect], each, memory)) }
}

/** Before an upstream of the client's own dialect not a byte is changed. */
function assertUntouched(dialect: Dialect, message: Fields): void {
  // The one field that a type set has and the upstream that is left of its dialect refuses.
  if (dialect === 'preview' && isFields(message.session) && 'tracing' in message.session) return
  const bytes = Buffer.from(JSON.stringify(message))
  const translate = beside[dialect].messages.get(String(message.type))
  if (translate !== undefined && translate(bytes, new SessionMemory()) !== bytes)
    throw new Error(`${dialect} ${message.type} is rewritten before an upstream of its own dialect`)
}

/** Lists where two events differ; what a row explains is not looked into. */
function differencesOf(
  origin: Dialect,
  event: Fields,
  returned: Fields | undefined,
  explain: (difference: Difference) => boolean,
): Difference[] {
  if (returned === undefined) return [{ origin, event, path: 'type', before: event.type, after: undefined }]
  const found: Difference[] = []
  const compare = (before: unknown, after: unknown, path: string): void => {
    if (isDeepStrictEqual(before, after)) return
    const difference = { origin, event, path, before, after }
    if (explain(difference)) return
    if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, `${path}[]`)
    // An object that holds nothing is as good as none.
    else if (isFields(before) && (isFields(after) || after === undefined))
      compareFields(before, after ?? {}, path)
    else found.push(difference)
  }
  const compareFields = (before: Fields, after: Fields, path: string) => {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(before[name], after[name], path === '' ? name : `${path}.${name}`)
  }
  const compareLists = (before: readonly unknown[], after: readonly unknown[], path: string) => {
    const kept = before.filter(each => !explain({ origin, event, path, before: each, after: undefined }))
    for (let at = 0; at < Math.max(kept.length, after.length); at += 1) compare(kept[at], after[at], path)
  }
  compareFields(event, returned, '')
  return found
}

const contentTypes: Readonly<Record<string, readonly string[]>> = {
  system: ['input_text'],
  user: ['input_text', 'input_audio', 'input_image'],
  assistant: ['text', 'audio', 'output_text', 'output_audio'],
}

const itemFields: Readonly<Record<string, readonly string[]>> = {
  message: ['role', 'content'],
  function_call: ['name', 'call_id', 'arguments'],
  function_call_output: ['call_id', 'output'],
  item_reference: [],
}

/**
 * Whether an item is what its own type says: the preview's type files give each item the fields of all, and what an
 * upstream would refuse in its own dialect it refuses in the other.
 */
function isCoherent(item: unknown): boolean {
  if (!isFields(item)) return false
  if (String(item.type).startsWith('mcp_')) return true
  const own = itemFields[String(item.type)]
  if (own === undefined) return false
  const others = Object.values(itemFields)
    .flat()
    .filter(name => !own.includes(name))
  if (!own.every(name => name in item) || others.some(name => name in item)) return false
  const { role, content } = item
  if (item.type === 'item_reference')
    return Object.keys(item).every(name => ['id', 'type'].includes(name)) && 'id' in item
  return (
    content === undefined ||
    (Array.isArray(content) &&
      content.every(part => isFields(part) && isPart(part, contentTypes[String(role)] ?? [])))
  )
}

/** Whether a part has the type of its message's role, and the fields that go with it. */
function isPart(part: Fields, types: readonly string[]): boolean {
  const { type, ...rest } = part
  if (!types.includes(String(type))) return false
  const own = String(type).endsWith('text') ? ['text'] : ['audio', 'transcript', 'image_url', 'detail']
  return Object.keys(rest).every(name => own.includes(name))
}

const shownChars = 600
const show = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, shownChars)
