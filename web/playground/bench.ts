/** The playground's connection: made when it is needed, made again when it ends, where the person wants that. */
import { say } from '../language/language.ts'
import { Connection, type ConnectionState } from '../page/connection.ts'
import { isEvent, parse, type RealtimeEvent } from '../page/realtime-event.ts'

/** One frame that came. `event`: what it says, where it is an event. `value`: where it is any other JSON. */
export interface Frame {
  /** The event's type; `<binary>`, `<text>` or `<object>` where it has none. */
  type: string
  text: string
  event?: RealtimeEvent
  value?: unknown
}

/** What the bench needs and tells. */
export interface BenchListeners {
  address(): Promise<string>
  onFrame(frame: Frame): void
  onState(state: ConnectionState): void
  onDialFailed(): void
  /** What waited for a connection will not go out. */
  onUnsent(frames: number): void
  /** Whether to connect again when a connection ends. */
  again(): boolean
}

/** Frames that wait for a connection; what is more is refused. */
const maxWaiting = 2000

/** One connection at a time. */
export class Bench {
  readonly #listeners: BenchListeners
  readonly #waiting: string[] = []
  #connection: Connection<Frame> | undefined

  constructor(listeners: BenchListeners) {
    this.#listeners = listeners
  }

  connect(): void {
    if (this.#connection) return
    const connection = new Connection<Frame>({
      ...this.#listeners,
      heartbeat: undefined,
      read: readFrame,
      onMessage: frame => this.#listeners.onFrame(frame),
      onState: state => this.#connection === connection && this.#connectionOnState(state),
    })
    this.#connection = connection
    connection.open()
  }

  disconnect(): void {
    const unsent = this.#waiting.splice(0).length
    this.#connection?.close()
    this.#connection = undefined
    if (unsent > 0) this.#listeners.onUnsent(unsent)
  }

  retryNow(): void {
    this.#connection?.retryNow()
  }

  /** Sends a frame, or keeps it for the connection that it makes. @returns false where too much waits */
  send(frame: string): boolean {
    if (this.#connection?.sendText(frame)) return true
    if (this.#waiting.length >= maxWaiting) return false
    this.#waiting.push(frame)
    this.connect()
    return true
  }

  #connectionOnState(state: ConnectionState): void {
    this.#listeners.onState(state)
    if (state.phase === 'open') for (const frame of this.#waiting.splice(0)) this.#connection?.sendText(frame)
    if (state.phase === 'waiting' && !this.#listeners.again()) this.disconnect()
    if (state.phase === 'closed') this.#connection = undefined
  }
}

function readFrame(data: unknown): Frame {
  if (typeof data !== 'string')
    return { type: '<binary>', text: say('{count} bytes', { count: data instanceof Blob ? data.size : 0 }) }
  const value = parse(data)
  if (isEvent(value)) return { type: value.type, text: data, event: value }
  return value === undefined ? { type: '<text>', text: data } : { type: '<object>', text: data, value }
}
