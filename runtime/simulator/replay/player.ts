/** Plays a recording to one client. */

import type { WebSocket } from 'ws'
import type { Cancel, Pacer } from '../clock.ts'
import { isFields } from '../protocol/check.ts'
import { readJson } from '../protocol/json.ts'
import type { Recording } from './recording.ts'

const congestedBytes = 8 * 1024 * 1024
const congestionPauseMs = 20
const maxHeardAhead = 1000

/**
 * Plays what upstream said, with the pauses it made. Where the recording has an event of the client,
 * it waits until the client has sent as many events of that type. The socket stays open at the end.
 */
export class Player {
  readonly #recording: Recording
  readonly #socket: WebSocket
  readonly #clock: Pacer
  /** Events of the client that the recording has not come to yet, by type. */
  readonly #heard = new Map<string, number>()
  #at = 0
  #cancel: Cancel = () => {}
  #waiting = false

  constructor(recording: Recording, socket: WebSocket, clock: Pacer) {
    this.#recording = recording
    this.#socket = socket
    this.#clock = clock
    socket.on('message', data => this.#hear(typeOf(String(data))))
    socket.on('error', () => socket.terminate())
    socket.once('close', () => this.#cancel())
    this.#playIn(this.#pause())
  }

  #play(): void {
    const line = this.#recording.lines[this.#at]
    if (line === undefined || this.#socket.readyState !== this.#socket.OPEN) return
    if (line.from === 'client') return this.#awaitClient(line.type)
    if (this.#socket.bufferedAmount > congestedBytes) return this.#playIn(congestionPauseMs)
    this.#socket.send(line.text())
    this.#goOn()
  }

  #awaitClient(type: string): void {
    const count = this.#heard.get(type) ?? 0
    this.#waiting = count === 0
    if (this.#waiting) return
    this.#heard.set(type, count - 1)
    this.#goOn()
  }

  #hear(type: string): void {
    this.#heard.set(type, Math.min(maxHeardAhead, (this.#heard.get(type) ?? 0) + 1))
    if (this.#waiting) this.#play()
  }

  #goOn(): void {
    this.#at++
    this.#playIn(this.#pause())
  }

  #playIn(ms: number): void {
    this.#cancel = this.#clock.at(this.#clock.now() + ms, () => this.#play())
  }

  /** The pause before the line at hand (ms). */
  #pause(): number {
    const { lines, fast } = this.#recording
    const line = lines[this.#at]
    if (fast || line === undefined) return 0
    return Math.max(0, line.atMs - (lines[this.#at - 1]?.atMs ?? 0))
  }
}

function typeOf(text: string): string {
  const frame = readJson(text)
  return isFields(frame) && typeof frame.type === 'string' ? frame.type : ''
}
