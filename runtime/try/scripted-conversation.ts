/** Plays a scripted conversation: talks over `/chat` as a client does, and notes what each turn did. */
import { WebSocket } from 'ws'
import type { ScriptedTest, ScriptedTurn } from '../assistants/scripted-test.ts'
import type { PlayedCall, PlayedTurn } from '../assistants/turn-verdict.ts'
import { judgeTurn } from '../assistants/turn-verdict.ts'
import type { ChatMessage } from '../core/wire.ts'
import type { Gateway, GatewayParts } from '../gateway/gateway.ts'
import { readStored } from '../resume/conversation.ts'
import { conversationKey } from '../resume/stored-conversation.ts'
import { createMemoryStore } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import type { ToolRunner } from '../tools/runner.ts'

export interface ScriptedConversationOptions {
  /** The assistant's name. */
  readonly assistant: string
  /** Whether the assistant speaks first. */
  readonly greets: boolean
  /** Starts a gateway; a drain in the test needs a second one. */
  readonly start: (parts: Pick<GatewayParts, 'store' | 'wrapRunner'>) => Promise<Gateway>
  /** An answer, and whatever else is waited for, fails after this (ms). */
  readonly patienceMs: number
}

/**
 * Plays a test once, against gateways of its own.
 * @returns a sentence for everything that was not as expected; the conversation ends at the first turn that fails
 */
export async function playTest(test: ScriptedTest, options: ScriptedConversationOptions): Promise<string[]> {
  const conversation = new ScriptedConversation(options)
  try {
    await conversation.begin()
    for (const [at, turn] of test.turns.entries()) {
      const faults = judgeTurn(turn.expect ?? {}, await conversation.play(turn))
      if (faults.length > 0) return faults.map(fault => `${nameOf(at, turn)}: ${fault}`)
    }
    return []
  } catch (fault) {
    const at = conversation.turnsBegun - 1
    const turn = test.turns[at]
    const reason = fault instanceof Error ? fault.message : String(fault)
    return [turn === undefined ? reason : `${nameOf(at, turn)}: ${reason}`]
  } finally {
    await conversation.end()
  }
}

function nameOf(at: number, { say }: ScriptedTurn): string {
  return `turns[${at}] ${JSON.stringify(say)}`
}

/** What was said and done since the turn began. */
interface Progress {
  text: string
  transcript: string
}

/** A tool during whose run the gateway drains. */
interface Interruption {
  readonly tool: string
  state: 'waiting' | 'draining'
  /** The connection to the gateway that drains; null while none does. */
  client: ChatClient | null
}

class ScriptedConversation {
  turnsBegun = 0
  readonly #options: ScriptedConversationOptions
  readonly #gateways: Gateway[] = []
  readonly #store: Store
  /** Every call that was committed, by its id, in the order in which the model made them. */
  readonly #calls = new Map<string, PlayedCall>()
  #state: PlayedTurn['state'] = {}
  #client: ChatClient | null = null
  #ticket = ''
  #interruption: Interruption | null = null

  constructor(options: ScriptedConversationOptions) {
    this.#options = options
    this.#store = createObservedStore(text => this.#note(text))
  }

  /** Starts the gateway, connects, and hears the greeting out. */
  async begin(): Promise<void> {
    const { greets } = this.#options
    await this.#startGateway()
    const client = await this.#connect()
    // Without a ticket nothing is stored, and there is no way back from a drain.
    await client.until(({ type }) => type === 'session.ticket', 'no ticket comes')
    if (greets) await client.until(endsTurn, 'the greeting does not end')
  }

  async play(turn: ScriptedTurn): Promise<PlayedTurn> {
    this.turnsBegun += 1
    const before = new Set(this.#calls.keys())
    const progress: Progress = { text: '', transcript: '' }
    if (turn.during !== undefined)
      this.#interruption = { tool: turn.during.tool, state: 'waiting', client: null }
    await this.#say(turn.say, progress)
    if (this.#interruption?.state === 'waiting')
      throw new Error(`during: ${this.#interruption.tool} did not run, so nothing was drained in its run`)
    // The turn ended before its gateway did.
    if (this.#interruption !== null && this.#client === this.#interruption.client && (await this.#moveOn()))
      throw new Error('The second gateway answers once more what was answered')
    this.#interruption = null
    const tools = [...this.#calls].filter(([id]) => !before.has(id)).map(([, call]) => call)
    return { tools, state: this.#state, said: `${progress.text}${progress.transcript}` }
  }

  /** Ends everything. */
  async end(): Promise<void> {
    this.#client?.close()
    const closed = Promise.allSettled(this.#gateways.map(gateway => gateway.close()))
    await within(closed, this.#options.patienceMs, 'the gateway does not close').catch(() => undefined)
  }

  /** Says something and hears the answer out, at another gateway where this one ends in the middle of it. */
  async #say(text: string, progress: Progress): Promise<void> {
    this.#required().send({ text })
    for (;;) {
      const client = this.#required()
      const last = await client.until(
        message => {
          note(progress, message)
          return endsTurn(message) || message.type === 'error'
        },
        'the answer does not end',
        true,
      )
      if (last?.type === 'error') throw new Error(`${last.code}: ${last.message}`)
      if (last !== null) return
      if (this.#interruption?.state !== 'draining') throw new Error(client.closedWith)
      const isDue = await this.#moveOn()
      if (!isDue) this.#required().send({ text })
    }
  }

  /** Waits for the end of the gateway that drains, and takes the conversation up at the next. @returns whether an answer is due */
  async #moveOn(): Promise<boolean> {
    await this.#required().closed('the gateway that drains does not end the connection')
    await this.#startGateway()
    const client = await this.#connect()
    const taken = await client.until(
      ({ type }) => type === 'session.resumed' || type === 'session.resume_failed',
      'the conversation is not taken up again',
    )
    if (taken?.type === 'session.resumed') return taken.answer_due
    throw new Error('The conversation was not taken up again at the second gateway: session.resume_failed')
  }

  async #startGateway(): Promise<void> {
    const started = this.#options.start({
      store: this.#store,
      wrapRunner: runner => this.#interruptible(runner),
    })
    const listed = started.then(gateway => void this.#gateways.push(gateway))
    await within(listed, this.#options.patienceMs, 'the gateway does not start')
  }

  async #connect(): Promise<ChatClient> {
    const gateway = this.#gateways.at(-1)
    if (gateway === undefined) throw new Error('There is no gateway')
    const query = new URLSearchParams({ assistant: this.#options.assistant, resume: this.#ticket })
    const client = new ChatClient(`${gateway.url.replace(/^http/, 'ws')}/chat?${query}`, {
      patienceMs: this.#options.patienceMs,
      onTicket: ticket => {
        this.#ticket = ticket
      },
    })
    this.#client = client
    await client.opened
    return client
  }

  #required(): ChatClient {
    if (this.#client === null) throw new Error('There is no connection')
    return this.#client
  }

  /** Holds the result of the one tool back until the gateway drains and its client knows of it. */
  #interruptible(runner: ToolRunner): ToolRunner {
    return {
      get tools() {
        return runner.tools
      },
      run: async call => {
        const result = runner.run(call)
        const interruption = this.#interruption
        if (interruption?.state !== 'waiting' || interruption.tool !== call.name) return result
        interruption.state = 'draining'
        interruption.client = this.#client
        const gateway = this.#gateways.at(-1)
        // Resolves when all connections are over, which this run is a part of.
        gateway?.drain().catch(() => undefined)
        await this.#client?.announced().catch(() => undefined)
        return result
      },
      close: () => runner.close(),
    }
  }

  /** Takes in what was committed of the conversation. */
  #note(text: string): void {
    const tools = readStored(text).conversation?.tools
    if (tools === undefined) return
    this.#state = tools.state
    for (const { id, name, arguments: given, runs } of tools.calls)
      this.#calls.set(id, { name, arguments: parsed(given), runs })
  }
}

/** A store in memory that shows each conversation that was written. */
function createObservedStore(note: (text: string) => void): Store {
  const store = createMemoryStore()
  const write = store.compareAndSet.bind(store)
  return Object.assign(store, {
    compareAndSet: async (key: string, was: number, text: string, ttlMs: number) => {
      const isWritten = await write(key, was, text, ttlMs)
      if (isWritten && key.startsWith(conversationKey(''))) note(text)
      return isWritten
    },
  })
}

function endsTurn(message: ChatMessage): boolean {
  return message.type === 'status' && message.message === 'Model ready'
}

function note(progress: Progress, message: ChatMessage): void {
  if (message.type === 'text-delta') progress.text += message.value
  else if (message.type === 'transcript-delta') progress.transcript += message.value
  else if (message.type === 'text-reset') progress.text = ''
  else if (message.type === 'transcript-reset') progress.transcript = ''
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface ChatClientOptions {
  readonly patienceMs: number
  readonly onTicket: (ticket: string) => void
}

/** One connection to `/chat`. */
class ChatClient {
  readonly opened: Promise<void>
  /** Why the connection is over; '' while it is not. */
  closedWith = ''
  readonly #socket: WebSocket
  readonly #patienceMs: number
  readonly #onTicket: (ticket: string) => void
  readonly #waiting: ChatMessage[] = []
  readonly #over = Promise.withResolvers<void>()
  readonly #announced = Promise.withResolvers<void>()
  /** Somebody waits for the next message. */
  #wake: (() => void) | null = null

  constructor(url: string, { patienceMs, onTicket }: ChatClientOptions) {
    this.#patienceMs = patienceMs
    this.#onTicket = onTicket
    const socket = new WebSocket(url, { handshakeTimeout: patienceMs })
    this.#socket = socket
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
      socket.once('unexpected-response', async (request, response) => {
        const text = (await response.toArray()).join('')
        reject(new Error(`The gateway refused the connection (HTTP ${response.statusCode}): ${text}`))
        request.destroy()
      })
    })
    socket.on('error', () => undefined)
    socket.on('message', data => this.#take(JSON.parse(data.toString()) as ChatMessage))
    socket.on('close', (code, reason) => {
      this.closedWith = `the gateway closed the connection (${code} ${reason})`
      this.#over.resolve()
      this.#wake?.()
    })
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message))
  }

  /**
   * Reads up to the first message that fits.
   * @param otherwise what did not happen, for the error
   * @param mayClose whether the connection may end before
   * @returns null where it did
   */
  async until(
    fits: (message: ChatMessage) => boolean,
    otherwise: string,
    mayClose = false,
  ): Promise<ChatMessage | null> {
    const deadline = performance.now() + this.#patienceMs
    for (;;) {
      const message = this.#waiting.shift()
      if (message !== undefined) {
        if (fits(message)) return message
        continue
      }
      if (this.closedWith !== '') {
        if (mayClose) return null
        throw new Error(`${otherwise}: ${this.closedWith}`)
      }
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      await within(woken, Math.max(0, deadline - performance.now()), otherwise, this.#patienceMs)
    }
  }

  /** Waits until the client was told that its gateway drains. */
  announced(): Promise<void> {
    return within(this.#announced.promise, this.#patienceMs, 'the drain is not announced')
  }

  closed(otherwise: string): Promise<void> {
    return within(this.#over.promise, this.#patienceMs, otherwise)
  }

  close(): void {
    this.#socket.terminate()
  }

  #take(message: ChatMessage): void {
    if (message.type === 'session.ticket') this.#onTicket(message.resume)
    if (message.type === 'server.draining') {
      if (message.resume !== undefined) this.#onTicket(message.resume)
      this.#announced.resolve()
    }
    // Sound is not judged, and would only be kept.
    if (message.type !== 'audio-chunk') this.#waiting.push(message)
    this.#wake?.()
  }
}

/** Waits with a deadline. @param named the time that the error names (ms) */
async function within<T>(promise: Promise<T>, ms: number, otherwise: string, named = ms): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${named} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
