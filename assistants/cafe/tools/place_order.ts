import { createHash } from 'node:crypto'
import { defineTool, ToolError, z } from 'realtime-gateway/tools'
import { type Line, quantityOf, type State, totalOf, withQuantity } from '../order.ts'

export default defineTool({
  description: 'Places the order, when the guest has heard all of it and said that it is right',
  parameters: z.strictObject({}),
  timeoutMs: 10_000,
  // A café of yours prints a ticket here: it hands the key to its till, which takes each key once.
  idempotent: false,
  async run(_, { conversation, emit, idempotencyKey, log }) {
    const { order = [] }: State = conversation.state
    if (order.length === 0) throw new ToolError('Nothing has been ordered yet')
    const placed = numberOf(idempotencyKey)
    const total = totalOf(order)
    // What was added meanwhile stays.
    await conversation.update(({ order: newest = [], ...state }: State) => {
      return { ...state, order: order.reduce(takeOut, newest), placed }
    })
    log.info('order placed', { placed, lines: order.length, total })
    emit('order-placed', { placed, order, total })
    return { placed, order, total, summary: `Order ${placed} is on its way: ${total} yen. Thank you!` }
  },
})

function takeOut(order: readonly Line[], { sku, size, quantity }: Line): readonly Line[] {
  return withQuantity(order, sku, size, Math.max(0, quantityOf(order, sku, size) - quantity))
}

/** The same for every run of the same call. */
function numberOf(idempotencyKey: string): string {
  const [number = 0] = createHash('sha256').update(idempotencyKey).digest()
  return `A${number}`
}
