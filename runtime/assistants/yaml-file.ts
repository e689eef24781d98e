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
import type { AssistantFault } from './faults.ts'

/** An alias that is used more often than this makes a document larger than its author meant. */
const maxAliasCount = 100

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
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    file,
    line: lineAt(pos[0]),
    message: `is not valid YAML: ${firstLine(message)}`,
  }))
  if (faults.length > 0) return { faults, lineOf }
  try {
    return { value: document.toJS({ maxAliasCount }), lineOf }
  } catch (fault) {
    const message = `is not valid YAML: ${firstLine(fault instanceof Error ? fault.message : String(fault))}`
    return { faults: [{ file, line: 1, message }], lineOf }
  }
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
