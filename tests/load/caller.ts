/** One person on `/chat`: dials, asks, waits for answers, comes back when the gateway says that it goes away. */
import { WebSocket } from 'ws'
import { Durations } from './durations.ts'
import type { Place } from './settings.ts'

export interface Timings {
  readonly connect: Durations
  readonly firstWords: Durations
  readonly answer: Durations
  readonly heartbeat: Durations
}

export const startTimings = (): Timings => ({
  connect: new Durations(),
  firstWords: new Durations(),
  answer: new Durations(),
  heartbeat: new Durations(),
})

interface Message {
  readonly type: string
  readonly message?: string
  readonly code?: string
  readonly resume?: string
}

const connectMs = 20_000
const answerMs = 120_000

export class Caller {
  readonly #place: Place
  readonly #timings: Timings
  #socket: WebSocket | null = null
  /** How to come back; set when the gateway announced that this socket will end. */
  #notice: { resume: string } | null = null
  /** While it is on its way back. */
  #coming: Promise<void> = Promise.resolve()
  #leaving = false
  #waiting: { fits(message: Message): boolean; resolve(): void; reject(fault: Error): void }[] = []
  /** Why a socket ended that nobody had announced; null while all is well. */
  lost: string | null = null
  /** How often it came back after an announcement. */
  moved = 0

  constructor(place: Place, timings: Timings) {
    this.#place = place
    this.#timings = timings
  }

  /** The native side of the socket, for a caller that stops reading. */
  get socket(): WebSocket | null {
    return this.#socket
  }

  async dial(resume = ''): Promise<void> {
    const socket = new WebSocket(`${this.#place.socketUrl}/chat?resume=${encodeURIComponent(resume)}`, {
      headers: this.#place.headers,
      handshakeTimeout: connectMs,
      perMessageDeflate: false,
    })
    await this.#timings.connect.of(
      () =>
        new Promise<void>((resolve, reject) => {
          socket.once('open', resolve)
          socket.once('error', reject)
        }),
    )
    this.#socket = socket
    this.#notice = null
    socket.on('error', () => undefined)
    socket.on('message', data => this.#hear(JSON.parse(data.toString()) as Message))
    socket.on('close', (code, reason) => this.#ended(code, reason.toString()))
  }

  /** Asks, and waits for the end of the answer. @throws Error when it does not come */
  async ask(text: string): Promise<void> {
    const { firstWords, answer } = this.#timings
    await this.#coming
    const begun = this.#until(({ type }) => type === 'transcript-delta' || type === 'text-delta')
    const ended = this.#until(({ message }) => message === 'Model ready')
    this.#socket?.send(JSON.stringify({ text }))
    await Promise.all([firstWords.of(() => begun), answer.of(() => ended)])
  }

  /** @throws Error when the gateway does not answer */
  async beat(): Promise<void> {
    await this.#coming
    const acknowledged = this.#until(({ type }) => type === 'heartbeat-ack')
    this.#socket?.send('{"type":"heartbeat"}')
    await this.#timings.heartbeat.of(() => acknowledged)
  }

  /** Leaves, and waits until the socket is closed. */
  async leave(): Promise<void> {
    this.#leaving = true
    const socket = this.#socket
    if (socket === null || socket.readyState === WebSocket.CLOSED) return
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.close(1000)
    await closed
  }

  #until(fits: (message: Message) => boolean): Promise<void> {
    if (this.lost !== null) return Promise.reject(new Error(this.lost))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${answerMs} ms`)), answerMs).unref()
      const settle = (run: () => void) => () => {
        clearTimeout(timer)
        run()
      }
      const late = (fault: Error) => settle(() => reject(fault))()
      this.#waiting.push({ fits, resolve: settle(resolve), reject: late })
    })
  }

  #hear(message: Message): void {
    if (message.type === 'server.draining') this.#notice = { resume: message.resume ?? '' }
    if (message.type === 'session.expiring') this.#notice = { resume: '' }
    if (message.type === 'error') return this.#giveUp(`error ${message.code}`)
    const met = this.#waiting.filter(({ fits }) => fits(message))
    this.#waiting = this.#waiting.filter(wait => !met.includes(wait))
    for (const { resolve } of met) resolve()
  }

  #ended(code: number, reason: string): void {
    if (this.#leaving) return
    const notice = this.#notice
    if (notice === null) {
      this.lost = `closed with ${code} ${reason}`
      return this.#giveUp(this.lost)
    }
    this.moved += 1
    this.#coming = this.dial(notice.resume).catch((fault: Error) => {
      this.lost = `could not come back: ${fault.message}`
      this.#giveUp(this.lost)
    })
  }

  #giveUp(why: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(why))
  }
}

/** Dials many callers, so many at a time. @throws Error when one cannot connect */
export async function gather(place: Place, timings: Timings, count: number, atOnce = 25): Promise<Caller[]> {
  const callers = Array.from({ length: count }, () => new Caller(place, timings))
  for (let first = 0; first < count; first += atOnce)
    await Promise.all(callers.slice(first, first + atOnce).map(caller => caller.dial()))
  return callers
}
