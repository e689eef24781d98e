/** Reads `assistant.yaml`: YAML 1.2, held against the schema, with the line of every fault. */
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
import type { z } from 'zod'
import { closestOf } from '../core/closest.ts'
import type { AssistantFault } from './faults.ts'
import { type AssistantFile, allowedAt, assistantSchema, elsewhere, keysAt } from './schema.ts'

/** What a reader found: the values, or what is wrong with them, and where each key stands. */
export interface ReadFile {
  /** null where the file has faults. */
  readonly values: AssistantFile | null
  readonly faults: readonly AssistantFault[]
  /** Finds the line of a key, or of the nearest one above it. Counts from 1. */
  lineOf(path: readonly PropertyKey[]): number
}

/** An alias that is used more often than this makes a document larger than its author meant. */
const maxAliasCount = 100

/** A value is quoted up to this length (characters): a secret may stand in the wrong key. */
const maxQuotedChars = 40

/**
 * Reads one file.
 * @param file its path, as faults name it
 * @param text its content
 */
export function readAssistantFile(file: string, text: string): ReadFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const lineOf = (path: readonly PropertyKey[]) => lineAt(offsetOf(document.contents, path))
  const broken = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    file,
    line: lineAt(pos[0]),
    message: `is not valid YAML: ${firstLine(message)}`,
  }))
  if (broken.length > 0) return { values: null, faults: broken, lineOf }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount })
  } catch (fault) {
    const message = `is not valid YAML: ${firstLine(fault instanceof Error ? fault.message : String(fault))}`
    return { values: null, faults: [{ file, line: 1, message }], lineOf }
  }
  const checked = assistantSchema.safeParse(value)
  const faults = [
    ...(checked.error?.issues ?? []).flatMap(issue => describeIssue(issue, value)),
    ...misplaced(value),
  ].map(({ path, message }) => ({ file, line: lineOf(path), message }))
  const known = faults.filter(
    ({ line, message }, at) =>
      faults.findIndex(other => other.line === line && other.message === message) === at,
  )
  known.sort((a, b) => a.line - b.line)
  return { values: known.length === 0 ? (checked.data ?? null) : null, faults: known, lineOf }
}

interface Finding {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown): Finding[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({ path: [...issue.path, key], message: unknownKey(issue.path, key) }))
  const { path, allowed } = allowedAt(issue.path)
  const found = path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  )
  const subject = path.length === 0 ? 'the file' : nameOf(path)
  const given = found === undefined ? 'is missing' : `is ${shapeOf(found)}`
  return [{ path, message: `${subject} ${given}; allowed is ${allowed}` }]
}

/** Fields of a session that stand elsewhere, and slips of the hand: its other fields are the API's, which grows. */
function misplaced(value: unknown): Finding[] {
  const session = (value as { session?: unknown } | null)?.session
  if (typeof session !== 'object' || session === null || Array.isArray(session)) return []
  const known = keysAt(['session'])
  return Object.keys(session).flatMap(key => {
    const path = ['session', key]
    const place = Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined
    if (place !== undefined) return [{ path, message: `session.${key} does not belong here: ${place}` }]
    const meant = known.includes(key) ? null : closestOf(key, known)
    return meant === null ? [] : [{ path, message: `session.${key} is no field; did you mean ${meant}?` }]
  })
}

function unknownKey(path: readonly PropertyKey[], key: string): string {
  const known = keysAt(path)
  const meant = closestOf(key, known)
  const hint = meant === null ? '' : `did you mean ${meant}? `
  return `${nameOf([...path, key])} is no key; ${hint}allowed are ${known.join(', ')}`
}

/** `limits.session_minutes`, `mcp[0].url`. */
function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, key) =>
      typeof key === 'number' ? `${name}[${key}]` : name === '' ? String(key) : `${name}.${String(key)}`,
    '',
  )
}

function shapeOf(value: unknown): string {
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
