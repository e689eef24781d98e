import { createHash } from 'node:crypto'
import { defineTool, ToolError, z } from 'realtime-gateway/tools'
import { type Line, quantityOf, type State, shown, spoken, totalOf, withQuantity } from '../order.ts'

export default defineTool({
  description: 'Places the order, when the guest has heard all of it and said that it is right',
  parameters: z.strictObject({ ...spoken }),
  timeoutMs: 10_000,
  // A café of yours prints a ticket here: it hands the key to its till, which takes each key once.
  idempotent: false,
  async run({ language }, { conversation, emit, idempotencyKey, log }) {
    const { order = [] }: State = conversation.state
    if (order.length === 0)
      throw new ToolError(language === 'ja' ? 'まだご注文がありません。' : 'Nothing has been ordered yet')
    const placed = numberOf(idempotencyKey)
    const total = totalOf(order)
    // What was added meanwhile stays.
    await conversation.update(({ order: newest = [], ...state }: State) => {
      return { ...state, order: order.reduce(takeOut, newest), placed }
    })
    log.info('order placed', { placed, lines: order.length, total })
    emit('order-placed', { placed, order: shown(order, language), total })
    const summary =
      language === 'ja'
        ? `ご注文番号は${placed}、合計${total}円です。ありがとうございます。`
        : `Order ${placed} is on its way: ${total} yen. Thank you!`
    return { placed, order, total, summary }
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
