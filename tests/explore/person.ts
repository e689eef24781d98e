/**
 * Somebody who talks through `examples/resuming-client.js`, which runs here as it is, over the world's sockets: asks one thing
 * after another, and counts the answers.
 */
import { resumingSocket } from '../../examples/resuming-client.js'
import { answeredBy, answerTo, type ModelApi } from './model-api.ts'
import { Connection, type End } from './network.ts'
import type { Replica } from './replica.ts'
import { Process, Violation, type World } from './world.ts'

/** Between an answer and the next question (ms). */
const thinkMs = [0, 2500] as const

/** Within this the gateway knows which of two successors of a ticket lives (ms). */
const foundMs = 10_000

const dialMs = [0.5, 30] as const

/** Somebody else who dialled by the same ticket stays so long (ms): some are still there when one of the two must be gone. */
const doubleMs = [500, 3 * foundMs] as const

interface ApiResponse {
  readonly id: string
  readonly status: string
  readonly output: readonly { readonly content: readonly { readonly text: string }[] }[]
}

interface Turn {
  readonly text: string
  answers: number
}

export interface PersonParts {
  readonly world: World
  readonly api: ModelApi
  /** Where a dial goes; null where nothing listens. */
  readonly route: () => Replica | null
  readonly onViolation: (violation: Violation) => void
  /** Whether anything happens after which it may be told that something is lost. */
  readonly mayLose: () => boolean
  /** Whether a dial is made a second time, by somebody else who has the ticket. */
  readonly isDoubled: () => boolean
}

export class Person {
  readonly process: Process
  readonly turns: Turn[] = []
  /** Its connections, as the world may cut them. */
  readonly connections = new Set<Connection>()
  /** What was answered, as far as it was not told that the model does not know it any more. */
  #known: string[] = []
  readonly #parts: PersonParts
  readonly #planned: number
  /** By ticket: whether the connection lives that came back by it last. */
  readonly #resumedBy = new Map<string, () => boolean>()
  #client: ReturnType<typeof resumingSocket> | null = null
  #state: 'talking' | 'left' = 'talking'
  /** Connections by its ticket that somebody else has dialled and not closed. */
  #doubles = 0

  /** @param planned how many things it asks */
  constructor(name: string, planned: number, parts: PersonParts) {
    this.process = new Process(parts.world, name)
    this.#planned = planned
    this.#parts = parts
  }

  /** Begins to talk. */
  begin(): void {
    const { world } = this.#parts
    world.after(world.between(0, 1000), this.process, () => {
      this.#client = resumingSocket(
        'ws://gateway/realtime',
        message => this.#hear(message as { type: string }),
        (state, lost = 0) => {
          world.note(this.process.name, `is ${state}${lost > 0 ? `, ${lost} answers are lost` : ''}`)
          const isLost = lost > 0 || (state === 'fresh' && this.#known.length > 0)
          if (isLost && !this.#parts.mayLose())
            this.#parts.onViolation(
              new Violation(`${this.process.name} lost something for no reason (${state})`),
            )
          if (state === 'fresh') this.#known = []
          if (lost > 0) this.#known = this.#known.slice(0, -lost)
        },
      )
      world.after(world.between(0, 1000), this.process, () => this.#ask())
    })
  }

  /** Whether everything that was asked, and is to be asked, has its answer. */
  get isContent(): boolean {
    return this.turns.length === this.#planned && this.turns.every(({ answers }) => answers > 0)
  }

  /** The first question that has no answer. */
  get unanswered(): string | null {
    return this.turns.find(({ answers }) => answers === 0)?.text ?? null
  }

  /** Goes away for good. */
  leave(): void {
    if (this.#state === 'left') return
    this.#state = 'left'
    this.#parts.world.after(0, this.process, () => this.#client?.close())
  }

  /** A socket as the platform gives it. */
  socket(url: string): PersonSocket {
    const { world, route } = this.#parts
    const query = new URL(url).search
    const ticket = new URLSearchParams(query).get('resume') ?? ''
    world.note(this.process.name, `dials ${query}`)
    let far: End | null = null
    const lives = () => far !== null && isLive(far)
    const socket = new PersonSocket(this, message => this.#watch(ticket, message, lives))
    if (ticket !== '' && this.#parts.isDoubled()) this.#double(ticket, query)
    world.after(world.between(...dialMs), this.process, () => {
      const replica = route()
      if (replica === null || socket.readyState !== PersonSocket.CONNECTING) return socket.fail()
      const connection = new Connection(world, this.process, replica.process, 'client')
      this.connections.add(connection)
      far = connection.far
      socket.connect(connection.near)
      world.after(world.between(...dialMs), replica.process, () =>
        replica.upgrade(connection.far, query, isOpen => connection.far.send(isOpen ? accepted : refused)),
      )
    })
    return socket
  }

  /** Whether it has left, and whoever had its ticket. */
  get isGone(): boolean {
    return this.#state === 'left' && this.#doubles === 0
  }

  get now(): number {
    return this.#parts.world.now
  }

  /** A drain has ended its connection too early. */
  breakOff(): void {
    this.#parts.onViolation(new Violation(`A drain broke off an answer to ${this.process.name}`))
  }

  forget(end: End): void {
    for (const connection of this.connections)
      if (connection.near === end) this.connections.delete(connection)
  }

  /** Dials by the same ticket from elsewhere, says nothing, and goes away again. */
  #double(ticket: string, query: string): void {
    const { world, route } = this.#parts
    this.#doubles += 1
    world.after(world.between(0, 200), this.process, () => {
      const replica = route()
      if (replica === null) {
        this.#doubles -= 1
        return
      }
      const { near, far } = new Connection(world, this.process, replica.process, 'double')
      near.listener = {
        message: data => this.#watch(ticket, data.toString(), () => isLive(far)),
        closed: () => undefined,
      }
      world.after(world.between(...dialMs), replica.process, () =>
        replica.upgrade(far, query, isOpen => far.send(isOpen ? accepted : refused)),
      )
      world.after(world.between(...doubleMs), this.process, () => {
        this.#doubles -= 1
        near.close(1000, '')
      })
    })
  }

  /**
   * Whatever the program makes of it: a ticket has one living successor. A second is honoured where the first may have
   * been lost on the way; once it is found to live, it is ended.
   * @param lives whether the connection is open at the gateway, and its client can be reached
   */
  #watch(ticket: string, message: string, lives: () => boolean): void {
    if (!message.startsWith('{"type":"session.resumed"')) return
    const first = this.#resumedBy.get(ticket)
    this.#resumedBy.set(ticket, lives)
    if (first === undefined) return
    const { world, onViolation } = this.#parts
    world.after(foundMs, this.process, () => {
      if (first() && lives()) onViolation(new Violation(`A ticket has two living successors: ${ticket}`))
    })
  }

  #ask(): void {
    if (this.#state === 'left' || this.turns.length === this.#planned) return
    const text = `${this.process.name} ${this.turns.length + 1}`
    this.turns.push({ text, answers: 0 })
    this.#parts.world.note(this.process.name, `asks "${text}"`)
    const content = [{ type: 'input_text', text }]
    this.#client?.say(
      { type: 'conversation.item.create', item: { type: 'message', role: 'user', content } },
      { type: 'response.create' },
    )
  }

  #hear({ type, response }: { type: string; response?: ApiResponse }): void {
    if (response === undefined) return
    if (type === 'response.created') return this.#checkMemory(response.id)
    if (type !== 'response.done' || response.status !== 'completed') return
    const { world, onViolation } = this.#parts
    const text = response.output[0]?.content[0]?.text ?? ''
    const turn = this.turns.find(({ text: asked }) => asked === answeredBy(text))
    if (turn === undefined)
      return onViolation(new Violation(`An answer to nothing that was asked: "${text}"`))
    turn.answers += 1
    this.#known.push(turn.text)
    if (turn.answers > 1)
      return onViolation(new Violation(`"${turn.text}" was answered ${turn.answers} times`))
    world.after(world.between(...thinkMs), this.process, () => this.#ask())
  }

  /** The model knows all that was answered, but for what was told to be lost. */
  #checkMemory(responseId: string): void {
    const { api, onViolation } = this.#parts
    const texts = api.knownAt.get(responseId) ?? []
    const forgotten = this.#known.find(known => !texts.includes(answerTo(known)))
    if (forgotten !== undefined)
      onViolation(new Violation(`The model has forgotten the answer to "${forgotten}" untold`))
  }
}

/** A connection that is cut is open at the gateway until a heartbeat misses its client, and does nobody any harm. */
function isLive(far: End): boolean {
  return far.isOpen && !far.isCut
}

/** What a drain ends a connection with. */
const serviceRestart = 1012

/** The notice of a drain, and its end, take so long to arrive (ms). */
const noticeMs = 5000

const accepted = 'HTTP/1.1 101'
const refused = 'HTTP/1.1 503'

/** The WebSocket of browsers and of Node, as far as the client uses it. */
export class PersonSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  readyState: number = PersonSocket.CONNECTING
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: { code?: number }) => void) | null = null
  readonly #person: Person
  readonly #watch: (message: string) => void
  /** An answer has begun here and is not over. */
  #isAnswering = false
  /** By when a drain may end this connection in the middle of an answer (ms); null while there is no drain. */
  #drainEndsAt: number | null = null
  #end: End | null = null

  constructor(person: Person, watch: (message: string) => void) {
    this.#person = person
    this.#watch = watch
  }

  connect(end: End): void {
    this.#end = end
    end.listener = {
      message: data => this.#receive(data.toString()),
      closed: (code, reason) => this.#closed(code, reason),
    }
  }

  /** No connection came of it. */
  fail(): void {
    this.#closed(1006, '')
  }

  send(data: string): void {
    if (this.readyState === PersonSocket.OPEN) this.#end?.send(data)
  }

  close(code: number): void {
    if (this.readyState >= PersonSocket.CLOSING) return
    const wasOpen = this.readyState === PersonSocket.OPEN
    this.readyState = PersonSocket.CLOSING
    if (wasOpen) this.#end?.close(code, '')
    else this.#end?.destroy()
  }

  #receive(data: string): void {
    if (this.readyState === PersonSocket.CONNECTING) {
      if (data !== accepted) {
        this.#end?.destroy()
        return this.fail()
      }
      this.readyState = PersonSocket.OPEN
      this.onopen?.()
      return
    }
    if (this.readyState !== PersonSocket.OPEN) return
    this.#watch(data)
    const { type, deadline_ms } = JSON.parse(data) as { type: string; deadline_ms: number }
    if (type === 'response.created') this.#isAnswering = true
    if (['response.done', 'session.renewed', 'upstream.closed'].includes(type)) this.#isAnswering = false
    if (type === 'server.draining') this.#drainEndsAt = this.#person.now + deadline_ms - noticeMs
    this.onmessage?.({ data })
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === PersonSocket.CLOSED) return
    const wasConnecting = this.readyState === PersonSocket.CONNECTING
    this.readyState = PersonSocket.CLOSED
    const isDrained = code === serviceRestart && this.#drainEndsAt !== null
    if (isDrained && this.#isAnswering && this.#person.now < (this.#drainEndsAt ?? 0)) this.#person.breakOff()
    if (this.#end !== null) this.#person.forget(this.#end)
    if (wasConnecting) this.onerror?.({})
    this.onclose?.({ code, reason })
  }
}
