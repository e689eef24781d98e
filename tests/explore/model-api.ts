/**
 * A small model of the Realtime API in its GA dialect: sessions with items, one response at a time, errors as the API
 * writes them. An answer says what it answers, so that whoever hears it can tell. Its faults are the world's choice.
 */
import { GatewayError } from '../../runtime/core/errors.ts'
import { enter } from '../../runtime/core/fault-boundary.ts'
import type { Dial, Upstream, UpstreamListener } from '../../runtime/core/ports.ts'
import { Heartbeat } from '../../runtime/session/heartbeat.ts'
import { abnormalClosure, Connection, type End } from './network.ts'
import type { ToolLedger } from './tool-ledger.ts'
import { Process, type World } from './world.ts'

export interface ApiItem {
  readonly id: string
  readonly kind: 'message' | 'function_call' | 'function_call_output'
  /** Of a message. */
  readonly role: string
  /** Words, arguments or output. */
  text: string
  /** Of a call, and of its output. */
  readonly callId: string
  /** Of a call. */
  readonly name: string
}

export interface ApiFaults {
  /** Of a dial that fails. */
  readonly refusedDials: number
  /** Of an answer that stops in its middle without a word. */
  readonly silentAnswers: number
}

const dialMs = [1, 300] as const
const connectTimeoutMs = 10_000
const heartbeatMs = 10_000
/** Between two events of an answer (ms). */
const eventMs = [1, 120] as const

const answerStart = 'answer to: '

/** Writes the answer to something. */
export function answerTo(asked: string): string {
  return `${answerStart}${asked}`
}

/** What an answer answers; null for any other text. */
export function answeredBy(text: string): string | null {
  return text.startsWith(answerStart) ? text.slice(answerStart.length) : null
}

export class ModelApi {
  readonly process: Process
  readonly sessions = new Set<ApiSession>()
  readonly #world: World
  /** The world's present faults; null while there are none. */
  faults: ApiFaults | null = null
  /** By a response's id: all texts that the model knew when it began. */
  readonly knownAt = new Map<string, readonly string[]>()

  #sessionsBegun = 0
  readonly tools: ToolLedger
  /** Is told, by the process whose session it is, of each call of a tool, and of each answer in words. */
  watch: ((what: 'call' | 'answer', process: Process) => void) | null = null

  constructor(world: World, tools: ToolLedger) {
    this.#world = world
    this.tools = tools
    this.process = new Process(world, 'api')
  }

  nextNumber(): number {
    this.#sessionsBegun += 1
    return this.#sessionsBegun
  }

  /** Makes the dialling function of a process. */
  dialFrom(process: Process): Dial {
    return listener => {
      const dialling = new Dialling(this.#world, this, process, listener)
      return () => dialling.abort()
    }
  }

  /** @returns null where it does not answer */
  accept(end: End): ApiSession | null {
    if (this.faults !== null && this.#world.chance(this.faults.refusedDials)) return null
    const session = new ApiSession(this.#world, this, end)
    this.sessions.add(session)
    return session
  }
}

/** A session at the API. */
export class ApiSession {
  readonly items: ApiItem[] = []
  readonly end: End
  readonly #world: World
  readonly #api: ModelApi
  /** Unique at this API. */
  readonly #number: number
  #ids = 0
  #response: { readonly id: string; readonly items: readonly ApiItem[]; isOver: boolean } | null = null
  /** Names of the session's tools. */
  #tools: readonly string[] = []

  constructor(world: World, api: ModelApi, end: End) {
    this.#world = world
    this.#api = api
    this.#number = api.nextNumber()
    this.end = end
    end.listener = {
      message: data => this.#take(JSON.parse(data.toString())),
      closed: () => this.#over(),
    }
    this.#emit({ type: 'session.created', session: { id: this.#id('sess'), type: 'realtime' } })
  }

  /** Ends it as the API does at its longest duration. */
  expire(): void {
    const error = { type: 'invalid_request_error', code: 'session_expired', message: 'Too long', param: null }
    this.#emit({ type: 'error', error })
    this.close(1001, 'session expired')
  }

  close(code: number, reason: string): void {
    this.end.close(code, reason)
    this.#over()
  }

  #over(): void {
    if (this.#response !== null) this.#response.isOver = true
    this.#response = null
    this.#api.sessions.delete(this)
  }

  #take(message: {
    type: string
    event_id?: string
    item?: Record<string, unknown>
    session?: { tools?: readonly { name: string }[] }
  }): void {
    switch (message.type) {
      case 'session.update':
        this.#tools = message.session?.tools?.map(({ name }) => name) ?? this.#tools
        return this.#emit({ type: 'session.updated', session: message.session ?? {} })
      case 'conversation.item.create':
        return this.#create(message.item ?? {}, message.event_id)
      case 'response.create':
        return this.#respond(message.event_id)
      case 'response.cancel':
        return this.#cancel(message.event_id)
      default:
        this.#refuse(message.event_id, 'invalid_value', 'type')
    }
  }

  #create(given: Record<string, unknown>, eventId: string | undefined): void {
    const id = typeof given.id === 'string' ? given.id : this.#id('item')
    if (this.items.some(item => item.id === id)) return this.#refuse(eventId, 'item_exists', 'item.id')
    const content = given.content as { text?: string }[] | undefined
    const kind = given.type as ApiItem['kind']
    const text = content?.[0]?.text ?? given.output ?? given.arguments ?? ''
    const callId = String(given.call_id ?? '')
    const name = String(given.name ?? '')
    const item = { id, kind, role: String(given.role ?? ''), text: String(text), callId, name }
    if (kind === 'function_call_output') {
      const isCalled = this.items.some(item => item.kind === 'function_call' && item.callId === callId)
      if (!isCalled) return this.#refuse(eventId, 'invalid_tool_call_id', 'item.call_id')
      this.#api.tools.noteOutput(this.#number, callId, item.text)
    }
    this.items.push(item)
    const shown = shownItem(item, 'completed')
    this.#emit({ type: 'conversation.item.added', item: shown })
    this.#emit({ type: 'conversation.item.done', item: shown })
  }

  #respond(eventId: string | undefined): void {
    if (this.#response !== null)
      return this.#refuse(eventId, 'conversation_already_has_active_response', null)
    const at = this.items.findLastIndex(({ role }) => role === 'user')
    const asked = this.items[at]?.text ?? 'nothing'
    const isAnswered = ({ callId }: ApiItem) =>
      this.items.some(item => item.kind === 'function_call_output' && item.callId === callId)
    const calls = this.items.slice(at + 1).filter(({ kind }) => kind === 'function_call')
    if (!calls.every(isAnswered)) this.#api.tools.noteEarly(asked)
    const isCalling = this.#tools.length > 0 && this.#world.chance(calls.length === 0 ? 0.6 : 0.2)
    const items = isCalling
      ? Array.from({ length: 1 + Math.floor(this.#world.between(0, 3)) }, () => this.#newCall())
      : [this.#newItem({ role: 'assistant' })]
    const response = { id: this.#id('resp'), items, isOver: false }
    this.#response = response
    this.#api.knownAt.set(
      response.id,
      this.items.map(({ text }) => text),
    )
    this.#emit({ type: 'response.created', response: { id: response.id, status: 'in_progress', output: [] } })
    const outputs = items.flatMap((item, at) => this.#output(response.id, at, item, asked))
    const steps = [...outputs, () => this.#end('completed')]
    const { faults } = this.#api
    const isSilent = faults !== null && this.#world.chance(faults.silentAnswers)
    this.#play(isSilent ? steps.slice(0, this.#world.between(0, steps.length)) : steps, response)
  }

  #newItem(fields: Partial<ApiItem>): ApiItem {
    return { id: this.#id('item'), kind: 'message', role: '', text: '', callId: '', name: '', ...fields }
  }

  #newCall(): ApiItem {
    return this.#newItem({
      ...{ kind: 'function_call', callId: this.#id('call'), name: this.#world.pick(this.#tools) },
    })
  }

  /** What is said of one output item, in steps. */
  #output(responseId: string, at: number, item: ApiItem, asked: string): (() => void)[] {
    const ofResponse = { response_id: responseId, output_index: at }
    const ofPart = { ...ofResponse, item_id: item.id, content_index: 0 }
    const isCall = item.kind === 'function_call'
    const names = isCall
      ? ['response.function_call_arguments.delta', 'response.function_call_arguments.done']
      : ['response.output_text.delta', 'response.output_text.done']
    const words = (isCall ? '{"a":"some arguments"}' : answerTo(asked)).match(/.{1,12}/g) ?? []
    const show = (status: string) => shownItem(item, status)
    return [
      () => this.#emit({ type: 'response.output_item.added', ...ofResponse, item: show('in_progress') }),
      () => {
        this.items.push(item)
        this.#emit({ type: 'conversation.item.added', item: show('in_progress') })
      },
      ...words.map(delta => () => {
        item.text += delta
        this.#emit({ type: names[0], ...ofPart, delta })
      }),
      () => this.#emit({ type: names[1], ...ofPart, text: item.text }),
      () => {
        this.#emit({ type: 'conversation.item.done', item: show('completed') })
        this.#emit({ type: 'response.output_item.done', ...ofResponse, item: show('completed') })
        if (isCall) this.#api.watch?.('call', this.end.peer.process)
      },
    ]
  }

  #play(steps: readonly (() => void)[], response: { isOver: boolean }): void {
    const [step, ...rest] = steps
    if (step === undefined) return
    this.#world.after(this.#world.between(...eventMs), this.#api.process, () => {
      if (response.isOver) return
      step()
      this.#play(rest, response)
    })
  }

  #cancel(eventId: string | undefined): void {
    if (this.#response === null) return this.#refuse(eventId, 'response_cancel_not_active', null)
    this.#response.isOver = true
    this.#end('cancelled')
  }

  #end(status: 'completed' | 'cancelled'): void {
    if (this.#response === null) return
    const { id, items } = this.#response
    this.#response.isOver = true
    this.#response = null
    const output = items.map(item => shownItem(item, status))
    this.#emit({ type: 'response.done', response: { id, status, output } })
    if (items.every(({ kind }) => kind === 'message')) this.#api.watch?.('answer', this.end.peer.process)
  }

  #refuse(eventId: string | undefined, code: string, param: string | null): void {
    const error = { type: 'invalid_request_error', code, message: code, param, event_id: eventId ?? null }
    this.#emit({ type: 'error', error })
  }

  #emit(event: object): void {
    this.end.send(JSON.stringify({ event_id: this.#id('event'), ...event }))
  }

  #id(kind: string): string {
    this.#ids += 1
    return `${kind}_${this.#number}_${this.#ids}`
  }
}

function shownItem({ id, kind, role, text, callId, name }: ApiItem, status: string): object {
  const shown = { id, type: kind, object: 'realtime.item', status }
  if (kind === 'function_call') return { ...shown, call_id: callId, name, arguments: text }
  if (kind === 'function_call_output') return { ...shown, call_id: callId, output: text }
  const type = role === 'assistant' ? 'output_text' : 'input_text'
  return { ...shown, role, content: text === '' ? [] : [{ type, text }] }
}

/** A dial, and the upstream that comes of it: what `runtime/upstream` promises of both, without its sockets. */
class Dialling implements Upstream {
  readonly deployment = 'model'
  readonly #world: World
  readonly #process: Process
  readonly #listener: UpstreamListener
  #end: End | null = null
  #state: 'opening' | 'open' | 'over' = 'opening'
  #lost: GatewayError | undefined
  #heartbeat: Heartbeat | null = null
  /** While the gateway does not read. */
  #unread: (() => void)[] | null = null
  wasHeard = false

  constructor(world: World, api: ModelApi, process: Process, listener: UpstreamListener) {
    this.#world = world
    this.#process = process
    this.#listener = listener
    if (!process.effect(() => 'dials upstream')) return
    world.after(world.between(...dialMs), process, () => this.#connect(api))
    world.after(connectTimeoutMs, process, () => this.#fail('upstream_timeout'))
  }

  abort(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#heartbeat?.stop()
    this.#end?.destroy()
  }

  send(data: string | Uint8Array): void {
    if (this.#state === 'open') this.#end?.send(data)
  }

  buffered(): number {
    return 0
  }

  pause(): void {
    this.#unread ??= []
  }

  resume(): void {
    const unread = this.#unread ?? []
    this.#unread = null
    for (const read of unread) read()
  }

  close(code: number, reason: string): void {
    this.#end?.close(code, reason)
  }

  giveUp(error: GatewayError): void {
    this.#lost ??= error
    this.#end?.destroy()
    this.#world.after(0, this.#process, () => this.#closed(abnormalClosure, ''))
  }

  intervalOver(): void {
    this.#end?.ping()
  }

  peerSilent(): void {
    this.giveUp(new GatewayError('upstream_silent', 'The API stopped answering'))
  }

  onFault(fault: unknown): void {
    this.abort()
    this.#listener.fault(fault)
  }

  #connect(api: ModelApi): void {
    if (this.#state !== 'opening') return
    const { near, far } = new Connection(this.#world, this.#process, api.process, 'up')
    this.#end = near
    near.listener = {
      message: frame => this.#read(() => this.#receive(frame)),
      control: () => {
        this.wasHeard = true
      },
      closed: (code, reason) => this.#read(() => this.#closed(code, reason)),
    }
    this.#world.after(this.#world.between(...dialMs), api.process, () => {
      // The dial may have been given up meanwhile.
      if (far.isOpen && api.accept(far) === null) far.close(4000, 'refused')
    })
  }

  #read(read: () => void): void {
    if (this.#unread === null) read()
    else this.#unread.push(read)
  }

  #receive(frame: Buffer): void {
    this.wasHeard = true
    if (this.#state === 'over') return
    enter(this, () => {
      if (this.#state === 'opening') {
        this.#state = 'open'
        this.#heartbeat = new Heartbeat(heartbeatMs, this)
        this.#listener.opened(this)
      }
      this.#listener.event(frame, false)
      // Its memory is used again when the call returns.
      frame.fill(0)
    })
  }

  #closed(code: number, reason: string): void {
    if (this.#state === 'opening') return this.#fail('upstream_unavailable')
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#heartbeat?.stop()
    enter(this, () => this.#listener.closed(code, reason, this.#lost))
  }

  #fail(code: 'upstream_timeout' | 'upstream_unavailable'): void {
    if (this.#state !== 'opening') return
    this.abort()
    enter(this, () => this.#listener.failed(new GatewayError(code, 'The API could not be reached')))
  }
}
