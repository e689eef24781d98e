import { defineTool, ToolError, z } from 'realtime-gateway/tools'
import {
  item,
  quantityOf,
  type State,
  shown,
  sizeOf,
  spoken,
  summaryOf,
  totalOf,
  withQuantity,
} from '../order.ts'

export default defineTool({
  description: 'Takes an item out of the order, or some of it',
  parameters: z.strictObject({
    ...item,
    ...spoken,
    quantity: z.int().min(1).max(20).optional().describe('How many; left out: all of them'),
  }),
  timeoutMs: 5_000,
  // All that it changes is the conversation's state, which is stored once however often it runs.
  idempotent: true,
  async run({ sku, size: named, quantity, language }, { conversation, emit }) {
    const { order } = await conversation.update(({ order = [], ...state }: State) => {
      const size = named || sizeOf(order, sku)
      const ordered = quantityOf(order, sku, size)
      if (ordered === 0)
        throw new ToolError(
          language === 'ja' ? `"${sku}"はご注文に入っていません。` : `"${sku}" is not in the order`,
        )
      const left = quantity === undefined ? 0 : Math.max(0, ordered - quantity)
      return { ...state, order: withQuantity(order, sku, size, left, language) }
    })
    emit('order', { order: shown(order, language) })
    return { order, total: totalOf(order), summary: summaryOf(order, language) }
  },
})
