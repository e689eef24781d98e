/** One scripted conversation: numbered turns, so that what is lost or doubled is counted and not guessed. */
import { WebSocket } from 'ws'
import { chat, type Manner, type Message, realtime, silence, toolOutput, weatherTool } from './manners.ts'
import type { ClientRecord, Link, Phase, Turn } from './types.ts'

export interface ClientOptions {
  readonly id: number
  readonly phase: Phase
  readonly cohort: string
  /** `ws://host:port`, the proxy's or the deployed gateway's. */
  readonly url: string
  readonly headers?: Record<string, string>
  /** Milliseconds since the rehearsal's start. */
  readonly now: () => number
}

/** Words of a long answer: it is under way when the old revision goes. */
const longAnswer = 90
const reconnectMs = 100
const maxReconnects = 50
const silenceIntervalMs = 100

export class ScriptedClient {
  readonly record: ClientRecord
  readonly #options: ClientOptions
  readonly #manner: Manner
  #socket: WebSocket | null = null
  #ticket = ''
  #transcript = ''
  #state: 'running' | 'stopping' | 'over' = 'running'
  #closedAt: number | null = null
  #reconnects = 0
  #turnTimer: NodeJS.Timeout | undefined
  /** The function call whose output the model still waits for. */
  #pendingCall = ''
  readonly #waiting = new Set<() => void>()

  constructor(options: ClientOptions) {
    this.#options = options
    const { id, phase, cohort } = options
    this.#manner = phase === 'listening' || phase === 'tool' ? realtime : chat
    this.record = { id, phase, cohort, links: [], turns: [], gaps: [], memory: null, faults: [] }
  }

  /** Whether an answer is under way. */
  get busy(): boolean {
    return this.#openTurn !== undefined
  }

  get link(): Link | undefined {
    return this.record.links.at(-1)
  }

  /** Connects and says the first turn. @returns when it was answered */
  async start(): Promise<void> {
    await this.#dial()
    this.#ask(this.#words(1))
    await this.#until(() => !this.busy)
    const { phase } = this.#options
    if (phase === 'turns') this.#keepTalking()
    if (phase === 'listening') this.#keepListening()
    if (phase === 'tool') this.#socket?.send(weatherTool)
  }

  /** Does what this client is to be found at when the old revision goes. */
  beginPart(): void {
    const { phase } = this.#options
    if (this.busy) return
    if (phase === 'speaking') this.#ask(`count to ${longAnswer}`)
    if (phase === 'tool') this.#ask(`how is the weather in turn ${this.record.turns.length + 1}`)
  }

  /** Finishes what is open, asks what the model remembers, and leaves. */
  async finish(): Promise<void> {
    clearTimeout(this.#turnTimer)
    await this.#until(() => this.#socket?.readyState === WebSocket.OPEN && this.#ticket !== '')
    if (this.#pendingCall !== '') {
      const output = `it rains in turn ${this.record.turns.length}`
      for (const event of toolOutput(this.#pendingCall, output)) this.#socket?.send(event)
      this.#pendingCall = ''
    }
    await this.#until(() => !this.busy && this.#socket?.readyState === WebSocket.OPEN)
    const expected = this.record.turns.map(({ number }) => number)
    this.#state = 'stopping'
    this.#transcript = ''
    const recalled = this.#next('what did I say')
    await recalled
    const remembered = [...this.#transcript.matchAll(/turn (\d+)|count to \d+/g)].map(([, number]) =>
      number === undefined ? 0 : Number(number),
    )
    this.record.memory = { expected: expected.map(number => (this.#isLong(number) ? 0 : number)), remembered }
    this.stop()
  }

  stop(): void {
    this.#state = 'over'
    clearTimeout(this.#turnTimer)
    this.#socket?.close(1000)
  }

  get #openTurn(): Turn | undefined {
    return this.record.turns.find(({ answeredAt }) => answeredAt === null)
  }

  #words(number: number): string {
    return `repeat after me: client ${this.#options.id} turn ${number}`
  }

  /** Turns are numbered in order; a long answer is one of them. */
  #isLong(number: number): boolean {
    return this.#longTurns.has(number)
  }
  readonly #longTurns = new Set<number>()

  #ask(text: string): void {
    const number = this.record.turns.length + 1
    if (text.startsWith('count')) this.#longTurns.add(number)
    this.record.turns.push({ number, askedAt: this.#options.now(), answeredAt: null, answers: 0 })
    this.#send(text)
  }

  #send(text: string): void {
    this.#lastText = text
    this.#socket?.send(this.#manner.say(text))
  }
  #lastText = ''

  #keepListening(): void {
    if (this.#state !== 'running') return
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(silence)
    this.#turnTimer = setTimeout(() => this.#keepListening(), silenceIntervalMs)
  }

  #keepTalking(): void {
    const talk = () => {
      if (this.#state !== 'running') return
      if (!this.busy && this.#socket?.readyState === WebSocket.OPEN)
        this.#ask(this.#words(this.record.turns.length + 1))
      this.#turnTimer = setTimeout(talk, 300 + 20 * (this.#options.id % 20))
    }
    talk()
  }

  /** Says something that is not one of the numbered turns. */
  async #next(text: string): Promise<void> {
    this.#recalling = true
    this.#socket?.send(this.#manner.say(text))
    await this.#until(() => !this.#recalling)
  }
  #recalling = false

  #dial(): Promise<void> {
    const { url, headers = {}, now } = this.#options
    const socket = new WebSocket(`${url}${this.#manner.path}?resume=${encodeURIComponent(this.#ticket)}`, {
      headers,
      rejectUnauthorized: false,
    })
    this.#socket = socket
    return new Promise(resolve => {
      socket.on('upgrade', response => {
        const revision = String(response.headers['x-gateway-revision'] ?? 'unknown')
        const replica = String(response.headers['x-gateway-replica'] ?? 'unknown')
        this.record.links.push({
          revision,
          replica,
          openedAt: now(),
          closedAt: null,
          code: null,
          reason: '',
          cut: false,
        })
      })
      socket.on('message', data => this.#hear(JSON.parse(data.toString()) as Message, resolve))
      socket.on('error', () => undefined)
      socket.on('close', (code, reason) => {
        this.#closed(code, reason.toString(), socket)
        this.#dialAgain().then(resolve)
      })
    })
  }

  #closed(code: number, reason: string, socket: WebSocket): void {
    const { link } = this
    if (link === undefined || link.closedAt !== null || socket !== this.#socket) return
    Object.assign(link, {
      closedAt: this.#options.now(),
      code,
      reason,
      cut: this.busy && this.#pendingCall === '',
    })
    this.#closedAt = link.closedAt
  }

  async #dialAgain(): Promise<void> {
    if (this.#state === 'over') return
    this.#reconnects += 1
    if (this.#reconnects > maxReconnects) {
      this.record.faults.push('could not come back')
      this.#state = 'over'
      this.#tell()
      return
    }
    if (this.#reconnects > 1) await new Promise(resolve => setTimeout(resolve, reconnectMs))
    await this.#dial()
  }

  #hear(message: Message, ready: () => void): void {
    switch (message.type) {
      case 'session.ticket':
        this.#ticket = String(message.resume)
        this.#reconnects = 0
        ready()
        break
      case 'server.draining':
        if (typeof message.resume === 'string') this.#ticket = message.resume
        break
      case 'session.resumed':
        if (this.#closedAt !== null) this.record.gaps.push(this.#options.now() - this.#closedAt)
        this.#closedAt = null
        // Said into a closing socket: it did not arrive, so it is said again.
        if (message.answer_due === false && this.busy && this.#pendingCall === '') this.#send(this.#lastText)
        break
      case 'session.resume_failed':
        this.record.faults.push(`resume failed: ${message.reason}`)
        break
      case 'error':
        // Asked in the very moment of the drain: it is asked again on the next socket.
        if (codeOf(message) !== 'draining') this.record.faults.push(`error ${codeOf(message)}`)
    }
    this.#follow(message)
    this.#tell()
  }

  #follow(message: Message): void {
    switch (this.#manner.read(message)) {
      case 'begins':
        this.#transcript = ''
        break
      case 'words':
        this.#transcript += this.#manner.words(message)
        break
      case 'called':
        this.#pendingCall = String(message.call_id)
        break
      case 'answered':
        this.#answered()
    }
  }

  #answered(): void {
    if (this.#recalling) {
      this.#recalling = false
      return
    }
    const turn = this.#openTurn ?? this.record.turns.at(-1)
    if (turn === undefined || !this.#isAnswerOf(turn.number)) return
    turn.answers += 1
    turn.answeredAt ??= this.#options.now()
  }

  #isAnswerOf(number: number): boolean {
    const end = this.#isLong(number) ? /(ninety|90)\W*$/ : new RegExp(`turn ${number}\\b`)
    return end.test(this.#transcript.trim())
  }

  #tell(): void {
    for (const check of [...this.#waiting]) check()
  }

  /** Waits for something; a client that cannot go on does not wait. */
  #until(done: () => boolean): Promise<void> {
    return new Promise(resolve => {
      const check = () => {
        if (!done() && this.#state !== 'over') return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }
}

/** `/chat` has the code beside the type, the API's own shape one level down. */
function codeOf({ code, error }: Message): string {
  return String(code ?? (error as { code?: string } | undefined)?.code)
}
