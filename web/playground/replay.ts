/** Sends again what an exported session sent: the same frames, in their order and at their pace. */

/** One frame of an export, and when it went out (ms since the log began). */
export interface SavedFrame {
  atMs: number
  text: string
}

/** A wait between two frames is no longer than this (ms): nobody sits through the pauses of a session again. */
const maxWaitMs = 2000
/** Frames of one file. */
const maxFrames = 2000

/**
 * Reads what was sent from an export: JSON lines of `{at_ms, direction, type, event}`.
 * @returns undefined where a line is none of these, or nothing was sent
 */
export function readExport(lines: string): SavedFrame[] | undefined {
  const frames: SavedFrame[] = []
  for (const line of lines.split('\n')) {
    if (line.trim() === '') continue
    const entry = readLine(line)
    if (!entry) return undefined
    if (entry.direction === 'out') frames.push({ atMs: entry.atMs, text: entry.text })
  }
  return frames.length === 0 || frames.length > maxFrames ? undefined : frames
}

function readLine(line: string): { direction: string; atMs: number; text: string } | undefined {
  try {
    const { at_ms, direction, event } = JSON.parse(line) as Record<string, unknown>
    if (typeof direction !== 'string' || typeof at_ms !== 'number' || event === undefined) return undefined
    return { direction, atMs: at_ms, text: typeof event === 'string' ? event : JSON.stringify(event) }
  } catch {
    return undefined
  }
}

/**
 * Sends the frames.
 * @param send one frame
 * @param isOver whether to stop before the next one
 */
export async function replay(
  frames: readonly SavedFrame[],
  send: (frame: string) => void,
  isOver: () => boolean,
): Promise<void> {
  let before = frames[0]?.atMs ?? 0
  for (const { atMs, text } of frames) {
    await new Promise(resolve => setTimeout(resolve, Math.min(maxWaitMs, Math.max(0, atMs - before))))
    if (isOver()) return
    before = atMs
    send(text)
  }
}
