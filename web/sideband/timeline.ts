/** All events of a call on one time axis: which travelled by WebRTC, which by control, which by both. */
import type { RealtimeEvent } from '../page/realtime-event.ts'

/** The way an event travelled. */
export type Lane = 'webrtc' | 'control'
/** `in`: to this page. `out`: from it. */
export type Direction = 'in' | 'out'

/** What one lane carried of a row. */
export interface Passage {
  count: number
  /** When the first came (ms since the start). */
  at: number
}

/** One row: an event, or a run of deltas of one kind. */
export interface Row {
  readonly id: number
  readonly type: string
  readonly direction: Direction
  readonly first: RealtimeEvent
  readonly at: number
  readonly lanes: Partial<Record<Lane, Passage>>
}

/** Rows that are kept; older ones go. */
export const maxRows = 400
/** Event ids that are kept, to find the same event in the other lane. */
const maxIds = 4000

/** The axis. */
export class Timeline {
  readonly rows: Row[] = []
  readonly #rowOf = new Map<string, Row>()
  #made = 0

  /**
   * Adds one event.
   * @param at ms since the start
   * @returns its row, new or grown
   */
  add(lane: Lane, direction: Direction, event: RealtimeEvent, at: number): Row {
    const key = typeof event.event_id === 'string' ? `${direction} ${event.event_id}` : ''
    const row = this.#rowOf.get(key) ?? this.#runOf(event, direction) ?? this.#make(direction, event, at)
    if (key) this.#remember(key, row)
    const passage = row.lanes[lane]
    if (passage) passage.count++
    else row.lanes[lane] = { count: 1, at }
    return row
  }

  clear(): void {
    this.rows.length = 0
    this.#rowOf.clear()
  }

  /** A delta belongs to the run that is going on. */
  #runOf({ type }: RealtimeEvent, direction: Direction): Row | undefined {
    const last = this.rows.at(-1)
    return type.endsWith('.delta') && last?.type === type && last.direction === direction ? last : undefined
  }

  #make(direction: Direction, first: RealtimeEvent, at: number): Row {
    this.#made++
    const row: Row = { id: this.#made, type: first.type, direction, first, at, lanes: {} }
    this.rows.push(row)
    if (this.rows.length > maxRows) this.rows.shift()
    return row
  }

  #remember(key: string, row: Row): void {
    this.#rowOf.set(key, row)
    if (this.#rowOf.size <= maxIds) return
    const [oldest] = this.#rowOf.keys()
    if (oldest !== undefined) this.#rowOf.delete(oldest)
  }
}
