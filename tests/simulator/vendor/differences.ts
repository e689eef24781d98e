/** Compares what a server sends with what the vendor sent: order, fields, kinds of values, forms of ids, fixed values. */
import type { VendorEvent } from './recording.ts'

/** One difference, as a line of a report and of the list of those that have a reason. */
export type Difference = string

/** Whether an event is a part of a stream, whose number and cut are the model's own. */
export function isDelta(type: string): boolean {
  return type.endsWith('.delta')
}

/** They run beside the answer, at a speed of their own. */
export function runsBeside(type: string): boolean {
  return (
    type.includes('input_audio_transcription.') ||
    type === 'rate_limits.updated' ||
    type.startsWith('output_audio_buffer.')
  )
}

/** Lists the differences, each once. */
export function differencesOf(theirs: readonly VendorEvent[], ours: readonly VendorEvent[]): Difference[] {
  return [
    ...new Set([
      ...orderDifferences(theirs, ours),
      ...fieldDifferences(theirs, ours),
      ...valueDifferences(theirs, ours),
    ]),
  ]
}

function orderDifferences(theirs: readonly VendorEvent[], ours: readonly VendorEvent[]): Difference[] {
  const differences: Difference[] = []
  const steps = (events: readonly VendorEvent[]) =>
    events.map(({ type }) => type).filter(type => !isDelta(type) && !runsBeside(type))
  const [vendor, own] = [steps(theirs), steps(ours)]
  const at = vendor.findIndex((type, index) => type !== own[index])
  if (at >= 0)
    differences.push(
      `order: after ${vendor[at - 1] ?? 'the start'} comes ${vendor[at]}, not ${own[at] ?? 'nothing'}`,
    )
  else if (own.length > vendor.length)
    differences.push(`order: at the end comes ${own[vendor.length]}, not nothing`)
  const [kinds, ownKinds] = [theirs, ours].map(events => new Set(events.map(({ type }) => type))) as [
    Set<string>,
    Set<string>,
  ]
  for (const type of kinds) if (!ownKinds.has(type)) differences.push(`type: ${type} is missing`)
  for (const type of ownKinds) if (!kinds.has(type)) differences.push(`type: ${type} is sent`)
  return differences
}

/** Paths of an event, with what stands there: `item.content[].type` → `string`. */
function pathsOf(
  value: unknown,
  path = '',
  found = new Map<string, Set<string>>(),
): Map<string, Set<string>> {
  const kinds = found.get(path) ?? new Set()
  found.set(path, kinds.add(kindOf(value)))
  if (Array.isArray(value)) for (const each of value) pathsOf(each, `${path}[]`, found)
  else if (typeof value === 'object' && value !== null)
    for (const [name, each] of Object.entries(value))
      pathsOf(each, path === '' ? name : `${path}.${name}`, found)
  return found
}

/** An id's prefix and length, else the kind of value. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  const id =
    typeof value === 'string' ? value.match(/^(event|sess|item|resp|conv|call)_([A-Za-z0-9]+)$/) : null
  return id === null ? typeof value : `${id[1]}_ and ${id[2]?.length} characters`
}

function fieldDifferences(theirs: readonly VendorEvent[], ours: readonly VendorEvent[]): Difference[] {
  const differences: Difference[] = []
  for (const type of new Set(theirs.map(event => event.type))) {
    const own = ours.filter(event => event.type === type)
    if (own.length === 0) continue
    const vendorPaths = merge(theirs.filter(event => event.type === type))
    const ownPaths = merge(own)
    for (const [path, kinds] of vendorPaths) {
      const ownKinds = ownPaths.get(path)
      if (ownKinds === undefined) differences.push(`field: ${type} has ${path}, which is missing`)
      else {
        for (const kind of kinds)
          if (!ownKinds.has(kind))
            differences.push(`kind: ${type} has ${path} as ${kind}, not as ${[...ownKinds].join(' or ')}`)
        for (const kind of ownKinds)
          if (!kinds.has(kind) && kinds.size > 0)
            differences.push(`kind: ${type} has ${path} as ${[...kinds].join(' or ')}, not as ${kind}`)
      }
    }
    for (const path of ownPaths.keys())
      if (!vendorPaths.has(path)) differences.push(`field: ${type} has no ${path}, which is sent`)
  }
  return differences
}

function merge(events: readonly VendorEvent[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const event of events) pathsOf(event, '', found)
  return found
}

/** What a model or a clock decides. */
const free =
  /(^|\.)(id|\w+_id|delta|text|transcript|arguments|obfuscation|instructions|\w*tokens|expires_at|audio_(start|end)_ms|seconds|limit|remaining|reset_seconds|message|audio|output|description|value)$/

function valueDifferences(theirs: readonly VendorEvent[], ours: readonly VendorEvent[]): Difference[] {
  const differences: Difference[] = []
  for (const type of new Set(theirs.map(event => event.type))) {
    if (isDelta(type)) continue
    const own = ours.filter(event => event.type === type)
    theirs
      .filter(event => event.type === type)
      .forEach((event, index) => {
        const counterpart = own[index]
        if (counterpart !== undefined) compareValues(type, event, counterpart, '', differences)
      })
  }
  return differences
}

function compareValues(
  type: string,
  theirs: unknown,
  ours: unknown,
  path: string,
  found: Difference[],
): void {
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    if (theirs.length !== ours.length)
      found.push(`value: ${type} has ${theirs.length} in ${path}, not ${ours.length}`)
    for (const [index, each] of theirs.entries()) compareValues(type, each, ours[index], `${path}[]`, found)
  } else if (isObject(theirs) && isObject(ours)) {
    for (const [name, value] of Object.entries(theirs))
      if (name in ours) compareValues(type, value, ours[name], path === '' ? name : `${path}.${name}`, found)
  } else if (ours !== undefined && (theirs === null) !== (ours === null))
    found.push(`value: ${type} has ${path} ${theirs === null ? 'null, not a value' : 'as a value, not null'}`)
  else if (!free.test(path) && ours !== undefined && theirs !== ours && typeof theirs === typeof ours)
    found.push(`value: ${type} has ${path} ${JSON.stringify(theirs)}, not ${JSON.stringify(ours)}`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
