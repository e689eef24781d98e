/** Recorded sessions: JSON lines, each an event with its time and its side. */
import { parseJson } from '../../core/json.ts'
import { isFields } from '../protocol/check.ts'
import { restore } from './restore.ts'

/** One line of a recording: `{"at_ms":120,"from":"upstream","event":{…}}`. */
export interface RecordedLine {
  /** Since the begin of the recording. */
  atMs: number
  from: 'client' | 'upstream'
  type: string
  /** The event as it goes on the wire. */
  text(): string
}

export interface Recording {
  lines: readonly RecordedLine[]
  /** Without its pauses. */
  fast: boolean
}

/**
 * Reads a recording. Empty lines are allowed, and lines of the recorder itself (`"from":"recorder"`) passed
 * over. What was redacted is filled up: see `restore.ts`.
 *
 * @throws Error with the number of the first line that is not one
 */
export function readRecording(text: string, fast: boolean): Recording {
  const lines: RecordedLine[] = []
  text.split('\n').forEach((line, index) => {
    const read = line.trim() === '' ? null : lineOf(line, index + 1)
    if (read !== null) lines.push(read)
  })
  return { lines, fast }
}

function lineOf(line: string, number: number): RecordedLine | null {
  const value = parseJson(line)
  const event = isFields(value) ? value.event : undefined
  if (!isFields(value) || !isFields(event) || typeof event.type !== 'string') {
    throw new Error(`line ${number} of the recording is not {"at_ms":…,"from":…,"event":{"type":…}}`)
  }
  const { at_ms: atMs, from } = value
  if (from === 'recorder') return null
  if (typeof atMs !== 'number' || (from !== 'client' && from !== 'upstream')) {
    throw new Error(
      `line ${number} of the recording needs "at_ms" (a number) and "from" ("client" or "upstream")`,
    )
  }
  const { type } = event
  // Filled up as late as it can be: a recording without its audio is a small part of what it stands for.
  return { atMs, from, type, text: () => JSON.stringify(restore(event)) }
}
