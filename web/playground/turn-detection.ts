/** Reads from a session who decides that a turn is over. */
import type { RealtimeEvent } from '../page/realtime-event.ts'

/** `none`, or the type of detection; undefined where the event does not say. */
export function detectionOf({ session }: RealtimeEvent): string | undefined {
  const input = member(member(session, 'audio'), 'input') ?? session
  const detection = member(input, 'turn_detection')
  if (detection === null) return 'none'
  const type = member(detection, 'type')
  return typeof type === 'string' ? type : undefined
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
