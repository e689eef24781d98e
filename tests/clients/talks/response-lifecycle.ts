/** Judges what a client was told of responses: each begins and ends once, and no event is about what was not begun. */

/** What is read of a server's event. */
export interface ServerEvent {
  readonly type: string
  readonly item_id?: string
  readonly previous_item_id?: string | null
  readonly response_id?: string
  readonly output_index?: number
  readonly item?: { readonly id: string; readonly type: string; readonly call_id?: string }
  readonly response?: { readonly id: string; readonly output?: readonly { readonly id: string }[] }
}

const beginsItem = new Set([
  'conversation.item.added',
  'conversation.item.created',
  'response.output_item.added',
])

/**
 * Reads all events of a session.
 * @param events from `session.created` on
 * @returns what is wrong, an event of each; and how many responses ended
 */
export function judgeLifecycle(events: readonly ServerEvent[]): { faults: string[]; ended: number } {
  const faults: string[] = []
  const items = new Set<string>()
  const over = new Set<string>()
  /** Items of the open response, by their index. */
  let outputs: string[] = []
  let open: string | null = null
  for (const event of events) {
    const { type, item, item_id, previous_item_id, response, response_id, output_index } = event
    const expect = (holds: boolean, what: string) => {
      if (!holds) faults.push(`${what}: ${JSON.stringify(event)}`)
    }
    if (type === 'response.created') {
      expect(open === null, 'another response is open')
      open = response?.id ?? ''
      expect(!over.has(open), 'the response is over')
      outputs = []
    }
    if (response_id !== undefined) expect(response_id === open, 'the response is not open')
    if (typeof previous_item_id === 'string')
      expect(items.has(previous_item_id), 'previous_item_id names no item')
    if (item !== undefined && beginsItem.has(type)) items.add(item.id)
    for (const id of [item?.id, item_id, ...(response?.output ?? []).map(({ id }) => id)])
      if (id !== undefined) expect(items.has(id), 'the item was not begun')
    if (type === 'response.output_item.added')
      expect(outputs.push(item?.id ?? '') - 1 === output_index, 'output_index has a gap')
    else if (output_index !== undefined)
      expect(outputs[output_index] === (item?.id ?? item_id), 'output_index is of another item')
    if (type === 'response.done') {
      expect(response?.id === open, 'the response is not open')
      expect(response?.output?.map(({ id }) => id).join() === outputs.join(), 'output has other items')
      over.add(open ?? '')
      open = null
    }
  }
  if (open !== null) faults.push(`a response has no end: ${open}`)
  if (events[0]?.type !== 'session.created') faults.push('the first event is no session.created')
  return { faults, ended: over.size }
}
