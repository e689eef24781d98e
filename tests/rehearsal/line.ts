/** One client's way to the gateway: a socket, and the next one with its ticket when that is closed. */
import { WebSocket } from 'ws'
import type { Manner, Message } from './manners.ts'
import type { Link } from './types.ts'

export interface LineOptions {
  /** `ws://host:port`, the proxy's or the deployed gateway's. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly manner: Manner
  /** Milliseconds since the rehearsal's start. */
  readonly now: () => number
  readonly dialling: () => void
  /** A socket is of use. @param fresh the conversation begins anew, as at the first socket */
  readonly ready: (fresh: boolean) => void
  readonly hear: (message: Message) => void
  readonly closed: (link: Link) => void
  /** Something that a client should never see. */
  readonly fault: (what: string) => void
  /** It does not come back any more. */
  readonly gone: () => void
}

const reconnectMs = 100
const maxReconnects = 50
const maxFramesUnheard = 1024 * 1024

export class Line {
  readonly links: Link[] = []
  readonly gaps: number[] = []
  readonly #options: LineOptions
  #socket: WebSocket | null = null
  #ticket = ''
  #state: 'running' | 'over' = 'running'
  #isReady = false
  #closedAt: number | null = null
  #reconnects = 0

  constructor(options: LineOptions) {
    this.#options = options
  }

  /** The socket that is open, or was last. */
  get link(): Link | undefined {
    return this.links.at(-1)
  }

  /** Whether what is said now has somebody to hear it. */
  get isReady(): boolean {
    return this.#isReady
  }

  send(frames: readonly (string | Buffer)[]): void {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > maxFramesUnheard) return
    for (const frame of frames) this.#socket.send(frame)
  }

  dial(): void {
    const { url, headers, manner, dialling } = this.#options
    const query = manner.resumes ? `?resume=${encodeURIComponent(this.#ticket)}` : ''
    const socket = new WebSocket(`${url}${manner.path}${query}`, { headers })
    this.#socket = socket
    dialling()
    socket.on('upgrade', ({ headers }) => this.#opened(headers))
    socket.on('message', data => this.#hear(JSON.parse(data.toString()) as Message))
    socket.on('error', () => undefined)
    socket.on('close', (code, reason) => {
      this.#closed(code, reason.toString())
      this.#dialAgain()
    })
  }

  stop(): void {
    this.#state = 'over'
    this.#socket?.close(1000)
  }

  #opened(headers: NodeJS.Dict<string | string[]>): void {
    this.links.push({
      revision: String(headers['x-gateway-revision'] ?? 'unknown'),
      replica: String(headers['x-gateway-replica'] ?? 'unknown'),
      openedAt: this.#options.now(),
      noticedAt: null,
      closedAt: null,
      code: null,
      reason: '',
      cut: false,
    })
  }

  #closed(code: number, reason: string): void {
    this.#isReady = false
    const { link } = this
    // A dial that was refused had no link of its own.
    if (link === undefined || link.closedAt !== null || this.#state === 'over') return
    this.#closedAt = this.#options.now()
    Object.assign(link, { closedAt: this.#closedAt, code, reason })
    this.#options.closed(link)
  }

  #dialAgain(): void {
    if (this.#state === 'over') return
    this.#reconnects += 1
    if (this.#reconnects > maxReconnects) {
      this.#state = 'over'
      this.#options.fault('could not come back')
      this.#options.gone()
      return
    }
    if (this.#reconnects === 1) this.dial()
    else setTimeout(() => this.#state === 'running' && this.dial(), reconnectMs)
  }

  #hear(message: Message): void {
    switch (message.type) {
      case 'session.ticket':
        this.#ticket = String(message.resume)
        if (!this.#isReady) this.#begin(this.links.length === 1)
        break
      case 'session.created':
        if (!this.#options.manner.resumes) this.#begin(true)
        break
      case 'server.draining':
        if (typeof message.resume === 'string') this.#ticket = message.resume
        if (this.link !== undefined) this.link.noticedAt = this.#options.now()
        break
      case 'session.resumed':
        if (this.#closedAt !== null) this.gaps.push(this.#options.now() - this.#closedAt)
        break
      case 'session.resume_failed':
        this.#options.fault(`resume failed: ${message.reason}`)
    }
    this.#options.hear(message)
  }

  #begin(fresh: boolean): void {
    this.#isReady = true
    this.#reconnects = 0
    this.#options.ready(fresh)
  }
}
