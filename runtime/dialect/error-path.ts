/** The field that an error names, as the client wrote it: `session.turn_detection.type` is GA's `session.audio.input.turn_detection.type`. */
import type { Dialect } from '../core/ports.ts'
import { type Fields, isFields } from '../events/fields.ts'
import { movedResponseFields } from './response-shape.ts'
import type { SessionMemory } from './session-memory.ts'
import { movedSessionFields } from './session-shape.ts'

interface Moved {
  readonly preview: string
  readonly ga: string
}

const moved: readonly Moved[] = [
  ...pathsBelow('session', movedSessionFields),
  ...pathsBelow('response', movedResponseFields),
]

function pathsBelow(owner: string, fields: Readonly<Record<string, readonly string[]>>): Moved[] {
  return Object.entries(fields).map(([preview, ga]) => ({
    preview: `${owner}.${preview}`,
    ga: `${owner}.${ga.join('.')}`,
  }))
}

/** Notes which fields a message of the client's has that upstream knows by another path. */
export function notePaths(message: Fields, upstream: Dialect, memory: SessionMemory): void {
  const client = otherOf(upstream)
  for (const paths of moved) if (isThere(message, paths[client])) memory.noteMoved(paths[client])
}

/**
 * Names a field as the client does, at any depth.
 * @param path as upstream names it
 * @param isOwn whether the client uses a path of its dialect
 * @returns null where both name it alike
 */
export function clientPath(
  path: string,
  client: Dialect,
  isOwn: (path: string) => boolean = () => true,
): string | null {
  const upstream = otherOf(client)
  const found = moved.find(paths => isBelow(path, paths[upstream]) && isOwn(paths[client]))
  return found === undefined ? null : found[client] + path.slice(found[upstream].length)
}

const otherOf = (dialect: Dialect): Dialect => (dialect === 'ga' ? 'preview' : 'ga')

function isBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)
}

function isThere(fields: Fields, path: string): boolean {
  const at = path
    .split('.')
    .reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), fields)
  return at !== undefined
}
