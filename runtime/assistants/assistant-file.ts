/** Reads `assistant.yaml`: YAML 1.2, held against the schema, with the line of every fault. */
import type { z } from 'zod'
import { closestOf } from '../core/closest.ts'
import { type AssistantFault, maxFileFaults } from './faults.ts'
import { type AssistantFile, allowedAt, assistantSchema, elsewhere, keysAt } from './schema.ts'
import { nameOf, readYaml, shapeOf } from './yaml-file.ts'

/** What a reader found: the values, or what is wrong with them, and where each key stands. */
export interface ReadFile {
  /** null where the file has faults. */
  readonly values: AssistantFile | null
  readonly faults: readonly AssistantFault[]
  /** Finds the line of a key, or of the nearest one above it. Counts from 1. */
  lineOf(path: readonly PropertyKey[]): number
}

/**
 * Reads one file.
 * @param file its path, as faults name it
 * @param text its content
 */
export function readAssistantFile(file: string, text: string): ReadFile {
  const read = readYaml(file, text)
  if ('faults' in read) return { values: null, faults: read.faults, lineOf: read.lineOf }
  const { value, lineOf } = read
  const checked = assistantSchema.safeParse(value)
  const faults = [
    ...(checked.error?.issues ?? []).flatMap(issue => describeIssue(issue, value)),
    ...misplaced(value),
  ]
    .slice(0, maxFileFaults)
    .map(({ path, message }) => ({ file, line: lineOf(path), message }))
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
