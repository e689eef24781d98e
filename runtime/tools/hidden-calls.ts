/**
 * What a client sees of a session whose tools run on the server: neither their definitions nor their calls, arguments and
 * outputs. What is left is a conversation that any client of the API understands:
 *
 * | upstream's event                          | the client sees                                                   |
 * |-------------------------------------------|-------------------------------------------------------------------|
 * | `session.created`, `session.updated`      | it without the server's tools                                     |
 * | `response.created`                        | it, before the first thing in the response that it may see        |
 * | a call, its arguments, its output         | nothing                                                           |
 * | an item behind a hidden one               | `previous_item_id` names the nearest item that it knows           |
 * | an output behind a hidden one             | `output_index` is its index in the `output` that the client sees  |
 * | `response.done` of calls alone            | nothing while the turn goes on; else `response.created`, and this |
 * | `response.done` of calls and other things | it without the calls                                              |
 *
 * Out-of-band responses have no tools of the server's and pass as they are. Frames that are withheld are bounded: one
 * `response.created` and one `response.done`.
 */
import { gaName } from '../events/event-names.ts'
import { type Fields, isFields, parseExactly, parseFields, textOr } from '../events/fields.ts'
import { textField } from '../events/type.ts'

/** An event as the client is to see it. */
export interface VisibleEvent {
  /** As upstream named it. */
  readonly type: string
  readonly frame: Buffer
}

/** So many hidden items are known by their ids; of an older one `previous_item_id` names nothing. */
const maxHiddenItems = 4096

/** So many calls are known by their ids, whose outputs are hidden. */
const maxHiddenCalls = 4096

/** So many responses that run have the indexes of their hidden outputs kept. */
const maxResponses = 16

const nothing: readonly VisibleEvent[] = []

/** Events that are read, by their GA name; all others pass by one look-up. */
type Reader = (calls: HiddenCalls, frame: Buffer, type: string) => readonly VisibleEvent[] | null

export class HiddenCalls {
  readonly #names: ReadonlySet<string>
  readonly #calls: 'of these' | 'all'
  /** Hidden item → the item before it; null where that is none, or is not known. */
  readonly #items = new Map<string, string | null>()
  readonly #callIds = new Set<string>()
  /** The present response as it began, while nothing of it may be seen. */
  #withheld: { readonly id: string; readonly created: VisibleEvent } | null = null
  /** The last response of the turn of which nothing was seen, as it began and ended. */
  #unseen: { readonly created: VisibleEvent; readonly done: Buffer; readonly type: string } | null = null
  /** Indexes of hidden outputs by their response; a response with none has no entry. */
  readonly #hiddenOutputs = new Map<string, Set<number>>()

  /**
   * @param names of the tools that run on the server
   * @param calls `all`: calls of other names are the server's to answer too, as the client has no tools
   */
  constructor(names: ReadonlySet<string>, calls: 'of these' | 'all' = 'of these') {
    this.#names = names
    this.#calls = calls
  }

  /**
   * Takes in one event from upstream.
   * @param type as it was read from the frame, of either dialect
   * @param goesOn whether the turn goes on after this `response.done`; asked only there
   * @returns what the client sees in its place, in this order; null: the event as it is
   */
  see(frame: Buffer, type: string | null, goesOn: () => boolean): readonly VisibleEvent[] | null {
    if (type === null) return null
    const seen = this.#see(frame, type, goesOn)
    return this.#hiddenOutputs.size > 0 && type.startsWith('response.')
      ? this.#countVisible(frame, type, seen)
      : seen
  }

  #see(frame: Buffer, type: string, goesOn: () => boolean): readonly VisibleEvent[] | null {
    const reader = readers.get(type)
    if (reader !== undefined) return reader(this, frame, type)
    if (type === 'response.done' || type === 'response.completed') return this.#end(frame, type, goesOn)
    if (this.#withheld !== null && type.startsWith('response.')) return this.#release(frame, type)
    return null
  }

  /** Whether a function call is the server's to answer. @param item as upstream shows it */
  isHiddenCall(item: unknown): item is Fields {
    if (!isFields(item) || item.type !== 'function_call') return false
    return this.#calls === 'all' || this.#names.has(textOr(item.name))
  }

  /** The gateway itself tells upstream of an item that the client does not see. */
  hideItem(id: string, previous: string | null = null): void {
    this.#items.set(id, this.#items.get(id) ?? previous)
    forgetOldest(this.#items, maxHiddenItems)
  }

  /** The output of a call is not shown. */
  hideCall(callId: string): void {
    this.#callIds.add(callId)
    forgetOldest(this.#callIds, maxHiddenCalls)
  }

  /** The upstream session is gone: what it began is not shown any more. */
  lose(): void {
    this.#withheld = null
    this.#hiddenOutputs.clear()
  }

  /**
   * The turn ends without another response: a client that has seen nothing of it sees that it was cancelled.
   * @returns what the client is to see
   */
  cancelUnseen(): readonly VisibleEvent[] {
    const unseen = this.#unseen
    this.#unseen = null
    if (unseen === null) return nothing
    const event = parseExactly(unseen.done) ?? {}
    const response = isFields(event.response) ? event.response : {}
    const status_details = { type: 'cancelled', reason: 'client_cancelled' }
    const cancelled = { ...event, response: { ...response, status: 'cancelled', status_details, output: [] } }
    return [unseen.created, { type: unseen.type, frame: Buffer.from(JSON.stringify(cancelled)) }]
  }

  /** The turn is over: nothing of it is shown later. */
  forgetUnseen(): void {
    this.#unseen = null
  }

  /** Hides the server's tools in a session's object; absent fields stay absent. */
  hideTools(session: Fields): Fields {
    const { tools, tool_choice: choice } = session
    const isOwnChoice = isFields(choice) && this.#names.has(textOr(choice.name))
    return {
      ...session,
      ...(Array.isArray(tools) && { tools: tools.filter(tool => !this.#isOwnTool(tool)) }),
      ...(isOwnChoice && { tool_choice: 'auto' }),
    }
  }

  #isOwnTool(tool: unknown): boolean {
    return isFields(tool) && this.#names.has(textOr(tool.name))
  }

  seeSession(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    const event = parseExactly(frame)
    if (event === null || !isFields(event.session)) return null
    return [shown(type, { ...event, session: this.hideTools(event.session) })]
  }

  seeResponseCreated(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    const { response } = parseFields(frame) ?? {}
    if (!isFields(response) || response.conversation_id === null) return null
    // Its memory is used again when the call returns.
    this.#withheld = { id: textOr(response.id), created: { type, frame: Buffer.from(frame) } }
    return nothing
  }

  seeOutputItem(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    const { item, output_index: index, response_id } = parseFields(frame) ?? {}
    if (!this.isHiddenCall(item)) return this.#release(frame, type)
    this.#hide(item)
    if (typeof index === 'number') this.#hideOutput(textOr(response_id), index)
    return nothing
  }

  seeArguments(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    const id = textField(frame, 'item_id')
    return id !== null && this.#items.has(id) ? nothing : this.#release(frame, type)
  }

  seeConversationItem(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    const { item, previous_item_id: previous } = parseFields(frame) ?? {}
    if (this.isHiddenCall(item) || this.#isHiddenOutput(item)) {
      this.#hide(item, typeof previous === 'string' ? previous : null)
      return nothing
    }
    return this.#namePrevious(frame, type, previous)
  }

  seeCommitted(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    return this.#namePrevious(frame, type, textField(frame, 'previous_item_id'))
  }

  seeDeleted(frame: Buffer): readonly VisibleEvent[] | null {
    const id = textField(frame, 'item_id')
    return id !== null && this.#items.has(id) ? nothing : null
  }

  #isHiddenOutput(item: unknown): item is Fields {
    return (
      isFields(item) &&
      item.type === 'function_call_output' &&
      (this.#callIds.has(textOr(item.call_id)) || this.#items.has(textOr(item.id)))
    )
  }

  #hide(item: Fields, previous: string | null = null): void {
    const id = textOr(item.id)
    if (id !== '') this.hideItem(id, previous)
    this.hideCall(textOr(item.call_id))
  }

  #hideOutput(responseId: string, index: number): void {
    const known = this.#hiddenOutputs.get(responseId)
    const indexes = known ?? new Set<number>()
    indexes.add(index)
    forgetOldest(indexes, maxHiddenItems)
    if (known === undefined) this.#hiddenOutputs.set(responseId, indexes)
    forgetOldest(this.#hiddenOutputs, maxResponses)
  }

  /** Writes the index that an event's output has among those that the client sees. @param seen as `see` returns it */
  #countVisible(
    frame: Buffer,
    type: string,
    seen: readonly VisibleEvent[] | null,
  ): readonly VisibleEvent[] | null {
    if (seen?.length === 0) return seen
    const hidden = this.#hiddenOutputs.get(textField(frame, 'response_id') ?? '')
    if (hidden === undefined) return seen
    const event = parseExactly(frame)
    const index = event?.output_index
    if (typeof index !== 'number') return seen
    const before = [...hidden].filter(each => each < index).length
    if (before === 0) return seen
    const counted = shown(type, { ...event, output_index: index - before })
    return seen === null ? [counted] : seen.map(each => (each.frame === frame ? counted : each))
  }

  #namePrevious(frame: Buffer, type: string, previous: unknown): readonly VisibleEvent[] | null {
    if (typeof previous !== 'string' || !this.#items.has(previous)) return null
    const event = parseExactly(frame)
    if (event === null) return nothing
    return [shown(type, { ...event, previous_item_id: this.#nearestKnown(previous) })]
  }

  #nearestKnown(id: string): string | null {
    let known: string | null = id
    // Ids come from outside: a circle of them is possible.
    for (let steps = 0; known !== null && this.#items.has(known); steps += 1) {
      if (steps > this.#items.size) return null
      known = this.#items.get(known) ?? null
    }
    return known
  }

  #release(frame: Buffer, type: string): readonly VisibleEvent[] | null {
    const withheld = this.#withheld
    if (withheld === null) return null
    const of = textField(frame, 'response_id')
    if (of !== null && of !== withheld.id) return null
    this.#withheld = null
    this.#unseen = null
    return [withheld.created, { type, frame }]
  }

  #end(frame: Buffer, type: string, goesOn: () => boolean): readonly VisibleEvent[] | null {
    const event = parseExactly(frame)
    const response = isFields(event?.response) ? event.response : null
    this.#hiddenOutputs.delete(textOr(response?.id))
    const withheld = response !== null && this.#withheld?.id === textOr(response.id) ? this.#withheld : null
    if (withheld !== null) this.#withheld = null
    const output: unknown[] = Array.isArray(response?.output) ? response.output : []
    const seen = output.filter(item => !this.isHiddenCall(item))
    const isRewritten = seen.length < output.length
    const done = isRewritten
      ? Buffer.from(JSON.stringify({ ...event, response: { ...response, output: seen } }))
      : frame
    if (withheld === null) return isRewritten ? [{ type, frame: done }] : null
    if (seen.length === 0 && goesOn()) {
      this.#unseen = { created: withheld.created, done: Buffer.from(done), type }
      return nothing
    }
    this.#unseen = null
    return [withheld.created, { type, frame: done }]
  }
}

const readersByGaName: Readonly<Record<string, Reader>> = {
  'session.created': (calls, frame, type) => calls.seeSession(frame, type),
  'session.updated': (calls, frame, type) => calls.seeSession(frame, type),
  'response.created': (calls, frame, type) => calls.seeResponseCreated(frame, type),
  'response.output_item.added': (calls, frame, type) => calls.seeOutputItem(frame, type),
  'response.output_item.done': (calls, frame, type) => calls.seeOutputItem(frame, type),
  'response.function_call_arguments.delta': (calls, frame, type) => calls.seeArguments(frame, type),
  'response.function_call_arguments.done': (calls, frame, type) => calls.seeArguments(frame, type),
  'conversation.item.added': (calls, frame, type) => calls.seeConversationItem(frame, type),
  'conversation.item.done': (calls, frame, type) => calls.seeConversationItem(frame, type),
  'conversation.item.retrieved': (calls, frame, type) => calls.seeConversationItem(frame, type),
  'conversation.item.deleted': (calls, frame) => calls.seeDeleted(frame),
  'input_audio_buffer.committed': (calls, frame, type) => calls.seeCommitted(frame, type),
}

/** By every name that an event goes by: it is looked up for each event. */
const readers: ReadonlyMap<string, Reader> = new Map(
  [...Object.keys(readersByGaName), 'conversation.item.created'].flatMap(type => {
    const reader = readersByGaName[gaName(type)]
    return reader === undefined ? [] : [[type, reader] as const]
  }),
)

function shown(type: string, event: Fields): VisibleEvent {
  return { type, frame: Buffer.from(JSON.stringify(event)) }
}

function forgetOldest<Key>(kept: Map<Key, unknown> | Set<Key>, most: number): void {
  if (kept.size <= most) return
  const [oldest] = kept.keys()
  if (oldest !== undefined) kept.delete(oldest)
}
