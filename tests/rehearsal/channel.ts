/** One client's way to the gateway: a socket, and the next one with its ticket when that is closed. */
import { WebSocket } from 'ws'
import type { Manner, Message } from './endpoints.ts'
import type { BadNetwork } from './network.ts'
import type { Dial, Link } from './types.ts'

export interface LineOptions {
  /** `ws://host:port`, the proxy's or the deployed gateway's. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly manner: Manner
  /** Name of the assistant that the conversation begins with; absent: none. */
  readonly assistant?: string | undefined
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
  /** A socket on which nothing comes for so long, no ping either, is given up (ms); absent: none is. */
  readonly silenceMs?: number | undefined
  /** Time between pings of its own, for a server that may send none (ms); absent: it sends none. */
  readonly pingMs?: number | undefined
  /** How it comes back (default: at once, then every 100 ms, 50 times). */
  readonly retry?: Retry | undefined
  /** Where the network is bad, tells what it did to a socket. */
  readonly network?: Pick<BadNetwork, 'faultOf'> | undefined
}

export interface Retry {
  /** Before each dial in a row that comes to nothing, counted from 1 (ms). */
  readonly waitMs: (attempt: number) => number
  /** After so many in a row it does not come back. */
  readonly attempts: number
}

const reconnectMs = 100
const promptRetry: Retry = { waitMs: attempt => (attempt === 1 ? 0 : reconnectMs), attempts: 50 }

const maxFramesUnheard = 1024 * 1024

export class Line {
  readonly links: Link[] = []
  readonly dials: Dial[] = []
  readonly gaps: number[] = []
  readonly #options: LineOptions
  #socket: WebSocket | null = null
  #ticket = ''
  #state: 'running' | 'over' = 'running'
  #isReady = false
  #closedAt: number | null = null
  /** Of the socket that is open, or was last. */
  #localPort = 0
  #silenceTimer: NodeJS.Timeout | undefined
  #pingTimer: NodeJS.Timeout | undefined
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

  /** What a bad network did to the socket that is open; null where it did nothing. */
  get brokenBy(): Link['broken'] {
    return this.#options.network?.faultOf(this.#localPort) ?? null
  }

  send(frames: readonly (string | Buffer)[]): void {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > maxFramesUnheard) return
    for (const frame of frames) this.#socket.send(frame)
  }

  dial(): void {
    const { url, headers, manner, assistant, dialling, silenceMs, now } = this.#options
    const chosen = assistant === undefined ? '' : `&assistant=${assistant}`
    const query = manner.resumes ? `?resume=${encodeURIComponent(this.#ticket)}${chosen}` : ''
    const handshakeTimeout = silenceMs === undefined ? {} : { handshakeTimeout: silenceMs }
    const socket = new WebSocket(`${url}${manner.path}${query}`, { headers, ...handshakeTimeout })
    const dial: Dial = { at: now(), outcome: 'unanswered' }
    this.dials.push(dial)
    this.#socket = socket
    dialling()
    socket.on('upgrade', ({ headers, socket: { localPort = 0 } }) => {
      this.#localPort = localPort
      dial.outcome = 'open'
      this.#opened(headers)
      this.#expectSign(socket)
      this.#ping(socket)
    })
    socket.on('ping', () => this.#expectSign(socket))
    socket.on('pong', () => this.#expectSign(socket))
    socket.on('message', data => {
      this.#expectSign(socket)
      this.#hear(JSON.parse(data.toString()) as Message)
    })
    socket.on('error', (fault: NodeJS.ErrnoException) => {
      if (dial.outcome === 'unanswered') dial.outcome = outcomeOf(fault)
    })
    socket.on('close', (code, reason) => {
      this.#closed(code, reason.toString())
      this.#dialAgain()
    })
  }

  stop(): void {
    this.#state = 'over'
    clearTimeout(this.#silenceTimer)
    clearInterval(this.#pingTimer)
    this.#socket?.close(1000)
  }

  /** A direction that has gone silent never closes the socket: what does not even ping is given up. */
  #expectSign(socket: WebSocket): void {
    const { silenceMs } = this.#options
    clearTimeout(this.#silenceTimer)
    if (silenceMs !== undefined && this.#state === 'running')
      this.#silenceTimer = setTimeout(() => socket.terminate(), silenceMs)
  }

  #ping(socket: WebSocket): void {
    const { pingMs } = this.#options
    clearInterval(this.#pingTimer)
    if (pingMs === undefined) return
    this.#pingTimer = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.ping()
    }, pingMs)
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
      broken: null,
    })
  }

  #closed(code: number, reason: string): void {
    this.#isReady = false
    clearTimeout(this.#silenceTimer)
    clearInterval(this.#pingTimer)
    const { link } = this
    // A dial that was refused had no link of its own.
    if (link === undefined || link.closedAt !== null || this.#state === 'over') return
    this.#closedAt = this.#options.now()
    Object.assign(link, { closedAt: this.#closedAt, code, reason, broken: this.brokenBy })
    this.#options.closed(link)
  }

  #dialAgain(): void {
    if (this.#state === 'over') return
    const { waitMs, attempts } = this.#options.retry ?? promptRetry
    this.#reconnects += 1
    if (this.#reconnects > attempts) {
      this.#state = 'over'
      this.#options.fault('could not come back')
      this.#options.gone()
      return
    }
    const ms = waitMs(this.#reconnects)
    if (ms === 0) this.dial()
    else setTimeout(() => this.#state === 'running' && this.dial(), ms)
  }

  #hear(message: Message): void {
    if (message.type === this.#options.manner.gapEnd && this.#closedAt !== null) {
      this.gaps.push(this.#options.now() - this.#closedAt)
      this.#closedAt = null
    }
    switch (message.type) {
      case 'session.ticket': {
        // Who breaks off before the first ticket comes begins anew.
        const isFirst = this.#ticket === ''
        this.#ticket = String(message.resume)
        if (!this.#isReady) this.#begin(isFirst)
        break
      }
      case 'session.created':
        if (!this.#options.manner.resumes) this.#begin(true)
        break
      case 'server.draining':
        if (typeof message.resume === 'string') this.#ticket = message.resume
        if (this.link !== undefined) this.link.noticedAt = this.#options.now()
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

/** Why a dial came to nothing. */
function outcomeOf({ message, code }: NodeJS.ErrnoException): string {
  return /Unexpected server response: (\d+)/.exec(message)?.[1] ?? code ?? message
}
