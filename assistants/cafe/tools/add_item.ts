import { defineTool, ToolError, z } from 'realtime-gateway/tools'
import { item, quantityOf, type State, shown, spoken, summaryOf, totalOf, withQuantity } from '../order.ts'

/** More of one item is no order at a counter. */
const maxQuantity = 50

export default defineTool({
  description: 'Adds an item of the menu to the order',
  parameters: z.strictObject({
    ...item,
    ...spoken,
    quantity: z.int().min(1).max(20).default(1),
  }),
  timeoutMs: 5_000,
  // All that it changes is the conversation's state, which is stored once however often it runs.
  idempotent: true,
  async run({ sku, size, quantity, language }, { conversation, emit }) {
    const { order } = await conversation.update(({ order = [], ...state }: State) => {
      const all = quantityOf(order, sku, size) + quantity
      if (all > maxQuantity)
        throw new ToolError(`More than ${maxQuantity} of one item cannot be ordered here`)
      return { ...state, order: withQuantity(order, sku, size, all, language) }
    })
    emit('order', { order: shown(order, language) })
    const more = language === 'ja' ? 'ほかにご注文はございますか。' : ' Anything else?'
    return { order, total: totalOf(order), summary: `${summaryOf(order, language)}${more}` }
  },
})
