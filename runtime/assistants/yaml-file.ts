/** Reads a YAML 1.2 file of an assistant's folder, with the line of every key. */
import {
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from 'yaml'
import { type AssistantFault, maxFileFaults } from './faults.ts'

/** An alias that is used more often than this makes a document larger than its author meant. */
const maxAliasCount = 100

/** Levels of objects and lists that a file may have: what is made of it has to be read by everyone behind. */
export const maxLevels = 32

const levelsAllowed = `allowed are ${maxLevels} levels, none within itself`

/** A value is quoted up to this length (characters): a secret may stand in the wrong key. */
const maxQuotedChars = 40

/** Finds the line of a key, or of the nearest one above it. Counts from 1. */
export type LineOf = (path: readonly PropertyKey[]) => number

/**
 * Reads one file.
 * @param file its path, as faults name it
 * @param text its content
 * @returns what it says, or what is no YAML in it
 */
export function readYaml(
  file: string,
  text: string,
):
  | { readonly value: unknown; readonly lineOf: LineOf }
  | { readonly faults: readonly AssistantFault[]; readonly lineOf: LineOf } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const lineOf = (path: readonly PropertyKey[]) => lineAt(offsetOf(document.contents, path))
  const faults = [...document.errors, ...document.warnings]
    .slice(0, maxFileFaults)
    .map(fault => ({ file, line: lineAt(fault.pos[0]), message: describeInvalid(fault) }))
  if (faults.length > 0) return { faults, lineOf }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount })
  } catch (fault) {
    return { faults: [{ file, line: 1, message: describeInvalid(fault) }], lineOf }
  }
  const deep = findDeep(value)
  if (deep === null) return { value, lineOf }
  const { path, what } = deep
  const subject = path.length === 0 ? 'the file' : nameOf(path)
  return { faults: [{ file, line: lineOf(path), message: `${subject} ${what}; ${levelsAllowed}` }], lineOf }
}

/** Writes what the parser found. */
function describeInvalid(fault: unknown): string {
  // The parser calls itself once a level, and says so where its stack ended.
  const isTooDeep =
    fault instanceof RangeError || (fault as { code?: unknown }).code === 'RESOURCE_EXHAUSTION'
  if (isTooDeep) return `is nested too deeply; ${levelsAllowed}`
  return `is not valid YAML: ${firstLine(fault instanceof Error ? fault.message : String(fault))}`
}

/** Finds what has too many levels: a key of the file where there is one. */
function findDeep(value: unknown): { readonly path: readonly string[]; readonly what: string } | null {
  if (!isContainer(value) || levelsOf(value) <= maxLevels) return null
  const isMapping = !Array.isArray(value)
  for (const [key, inner] of isMapping ? Object.entries(value) : []) {
    const levels = isContainer(inner) ? levelsOf(inner) : 0
    if (levels >= maxLevels) return { path: [key], what: describeLevels(levels) }
  }
  return { path: [], what: describeLevels(levelsOf(value)) }
}

function describeLevels(levels: number): string {
  return Number.isFinite(levels) ? `is nested deeper than ${maxLevels} levels` : 'contains itself'
}

/** Counts the levels of a value, without recursion: aliases make it share parts. @returns Infinity for one within itself */
function levelsOf(value: object): number {
  const known = new Map<object, number>()
  const above = new Set<object>()
  const waiting = [value]
  for (let at = waiting.at(-1); at !== undefined; at = waiting.at(-1)) {
    const inner = Object.values(at).filter(isContainer)
    if (known.has(at) || above.delete(at)) {
      if (!known.has(at))
        known.set(at, 1 + inner.reduce((most, each) => Math.max(most, known.get(each) ?? 0), 0))
      waiting.pop()
      continue
    }
    above.add(at)
    for (const each of inner) {
      if (above.has(each)) return Number.POSITIVE_INFINITY
      if (!known.has(each)) waiting.push(each)
    }
  }
  return known.get(value) ?? 0
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** `limits.session_minutes`, `mcp[0].url`. */
export function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, key) =>
      typeof key === 'number' ? `${name}[${key}]` : name === '' ? String(key) : `${name}.${String(key)}`,
    '',
  )
}

/** A value as a fault quotes it. */
export function shapeOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (typeof value !== 'string') return String(value)
  return value.length > maxQuotedChars ? `a text of ${value.length} characters` : JSON.stringify(value)
}

/** Where a key begins, or the nearest one above it that is there. */
function offsetOf(contents: ParsedNode | null, path: readonly PropertyKey[]): number {
  let offset = contents?.range[0] ?? 0
  let node: Node | null = contents
  for (const key of path) {
    if (!isCollection(node)) return offset
    const found = isMap(node)
      ? node.items.find(pair => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(key))
      : undefined
    const next = (isMap(node) ? found?.value : node.items[Number(key)]) as Node | null | undefined
    const place = (found?.key as Node | undefined) ?? next
    if (place?.range === undefined || place.range === null) return offset
    offset = place.range[0]
    node = next ?? null
  }
  return offset
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
