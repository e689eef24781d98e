/** The tools in a session's settings: the server's beside the client's own, in messages on their way to upstream. */
import { GatewayError } from '../core/errors.ts'
import { type Fields, isFields, parseExactly, parseFields, textOr } from '../events/fields.ts'
import { hasRepeatedMember } from '../events/repeated-member.ts'
import { maxRequestBytes } from '../resume/tool-journal.ts'
import type { ToolDescription, ToolRunner } from './runner.ts'

/** A message of a client's that does not go on. */
export interface RefusedMessage {
  readonly refused: GatewayError
  /** The field at fault; null where it is the message. */
  readonly param: string | null
}

/** What a `response.create` becomes. */
export interface MergedResponse {
  readonly message: Uint8Array | string
  /** Its settings, to be repeated in the turn; null where it has none, or they are too large to be kept. */
  readonly request: Fields | null
  readonly isOutOfBand: boolean
}

export class ToolSettings {
  readonly #names: ReadonlySet<string>
  readonly #own: readonly Fields[]
  /** Tools that the client has set. */
  #clients: readonly unknown[] = []
  /** Whether the session's `tool_choice` demands a call. */
  #isForced = false

  constructor(tools: readonly ToolDescription[]) {
    this.#names = new Set(tools.map(({ name }) => name))
    this.#own = definitionsOf({ tools })
  }

  /** Writes a `session.update` that sets the tools alone. @param isGa the GA form names the kind of session */
  toolsUpdate(eventId: string, isGa: boolean): string {
    const session = { ...(isGa && { type: 'realtime' }), tools: [...this.#own, ...this.#clients] }
    return JSON.stringify({ type: 'session.update', event_id: eventId, session })
  }

  /** Adds the server's tools to a `session.update` of the gateway's own, or to a client's that is told again. */
  addTools(update: string): string {
    const event = parseExactly(Buffer.from(update))
    if (event === null || !isFields(event.session)) return update
    const { tools } = event.session
    return JSON.stringify({ ...event, session: { ...event.session, tools: this.#withOwn(tools) } })
  }

  /**
   * A client's `session.update`: where it sets tools, the server's stay beside them.
   * @returns a refusal where it has a tool of the same name as one of the server's
   */
  merge(message: Uint8Array | string): Uint8Array | string | RefusedMessage {
    const event = parseExactly(Buffer.from(message as Uint8Array))
    if (event === null || !isFields(event.session)) return message
    const { tools } = event.session
    if (!Array.isArray(tools)) return message
    const taken = tools.findIndex(tool => isFields(tool) && this.#names.has(textOr(tool.name)))
    if (taken >= 0) {
      const param = `session.tools[${taken}].name`
      const refused = `"${param}" is the name of a tool that runs on the server; give yours another`
      return { refused: new GatewayError('bad_request', refused), param }
    }
    this.#clients = tools
    return JSON.stringify({ ...event, session: { ...event.session, tools: this.#withOwn(tools) } })
  }

  /**
   * A client's `conversation.item.create`: the model alone calls the server's tools. A call that a client wrote would run
   * when the conversation is taken up again, with arguments of the client's and outside the limits of a turn.
   * @returns a refusal; null where the item is no call of a server's tool
   */
  refuseCall(message: Uint8Array | string): RefusedMessage | null {
    const bytes = Buffer.from(message as Uint8Array)
    const event = parseFields(bytes)
    // Upstream might read what is not read here, or another one of two members of a name.
    if (event === null || hasRepeatedMember(bytes)) {
      const unreadable =
        'The conversation.item.create cannot be read: it is not JSON, nested deeper than 64 levels, or has two members of one name'
      return { refused: new GatewayError('bad_request', unreadable), param: null }
    }
    const { item } = event
    if (!isFields(item) || item.type !== 'function_call' || !this.#names.has(textOr(item.name))) return null
    const param = 'item.name'
    const refused = `"${param}" is the name of a tool that runs on the server, which the model alone calls; leave the item out`
    return { refused: new GatewayError('bad_request', refused), param }
  }

  /** A client's `response.create`: out-of-band responses have no tools of the server's, all others have. */
  mergeResponse(message: Uint8Array | string): MergedResponse {
    const event = parseExactly(Buffer.from(message as Uint8Array))
    const response = isFields(event?.response) ? event.response : null
    if (event === null || response === null) return { message, request: null, isOutOfBand: false }
    if (response.conversation === 'none') {
      const tools = Array.isArray(response.tools) ? response.tools : this.#clients
      return {
        message: JSON.stringify({ ...event, response: { ...response, tools } }),
        request: null,
        isOutOfBand: true,
      }
    }
    // What the first response was asked of is no question to the next.
    const { input: _, conversation: __, ...repeated } = response
    const text = JSON.stringify(repeated)
    const isKept = Buffer.byteLength(text) <= maxRequestBytes && text !== '{}'
    const request = isKept ? parseFields(Buffer.from(text)) : null
    if (!Array.isArray(response.tools)) return { message, request, isOutOfBand: false }
    const merged = { ...event, response: { ...response, tools: this.#withOwn(response.tools) } }
    return { message: JSON.stringify(merged), request, isOutOfBand: false }
  }

  /** Takes in the session as upstream has it. @param frame of a `session.created` or `session.updated` */
  note(frame: Buffer): void {
    const { session } = parseFields(frame) ?? {}
    if (isFields(session) && 'tool_choice' in session) this.#isForced = isForced(session.tool_choice)
  }

  /**
   * Writes the request for the response that follows the outputs of calls.
   * @param request settings of the request that began the turn
   * @param isExhausted no more calls are allowed in this turn
   */
  followUp(request: Fields | null, eventId: string, isExhausted: boolean): string {
    const response: Fields = { ...request }
    if (Array.isArray(response.tools)) response.tools = this.#withOwn(response.tools)
    if (isExhausted) response.tool_choice = 'none'
    // A call that was demanded has been made; demanded again, it would be made for ever.
    else if ('tool_choice' in response ? isForced(response.tool_choice) : this.#isForced)
      response.tool_choice = 'auto'
    const settings = Object.keys(response).length === 0 ? {} : { response }
    return JSON.stringify({ type: 'response.create', event_id: eventId, ...settings })
  }

  #withOwn(tools: unknown): unknown[] {
    const others = Array.isArray(tools)
      ? tools.filter(tool => !(isFields(tool) && this.#names.has(textOr(tool.name))))
      : []
    return [...this.#own, ...others]
  }
}

/** The tools as `session.tools` has them. */
export function definitionsOf({ tools }: Pick<ToolRunner, 'tools'>): (Fields & { readonly name: string })[] {
  return tools.map(({ name, description, parameters }) => {
    return { type: 'function', name, description, parameters }
  })
}

function isForced(choice: unknown): boolean {
  return choice === 'required' || isFields(choice)
}
