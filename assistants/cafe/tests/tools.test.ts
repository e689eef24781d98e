/** The café's tools without a gateway: `node --test assistants/cafe/tests/tools.test.ts`. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeContext } from 'realtime-gateway/tools'
import addItem from '../tools/add_item.ts'
import placeOrder from '../tools/place_order.ts'
import removeItem from '../tools/remove_item.ts'

const twoFlatWhites = { sku: 'flat-white', name: 'Flat white', size: 'small', quantity: 2, price: 1040 }
const bun = { sku: 'cinnamon-bun', name: 'Cinnamon bun', size: '', quantity: 1, price: 460 }

test('an item is added, stored, and shown to the guest', async () => {
  const context = fakeContext()
  const result = await addItem.run({ sku: 'flat-white', size: 'small', quantity: 2 }, context)
  assert.deepEqual(result, {
    order: [twoFlatWhites],
    total: 1040,
    summary: 'Your order: 2 small flat white. That is 1040 yen. Anything else?',
  })
  assert.deepEqual(context.conversation.state, { order: [twoFlatWhites] })
  const { sku: _, ...line } = twoFlatWhites
  assert.deepEqual(context.emitted, [{ name: 'order', data: { order: [line] } }])
})

test('the same item in the same size is one line, in another size another', async () => {
  const context = fakeContext({ state: { order: [twoFlatWhites] } })
  await addItem.run({ sku: 'flat-white', size: 'small' }, context)
  await addItem.run({ sku: 'flat-white', size: 'medium' }, context)
  const { order } = context.conversation.state
  assert.deepEqual(
    order.map((line: typeof bun) => [line.size, line.quantity, line.price]),
    [
      ['small', 3, 1560],
      ['medium', 1, 580],
    ],
  )
})

const refusals: [given: Parameters<typeof addItem.run>[0], code: string, message: RegExp][] = [
  [{ sku: 'flat-white' }, 'tool_failed', /^Flat white comes in small and medium; ask for the size$/],
  [{ sku: 'flat-white', size: 'large' }, 'tool_failed', /^Flat white comes in small and medium/],
  [{ sku: 'cinnamon-bun', size: 'small' }, 'tool_failed', /^Cinnamon bun has one size only/],
  [{ sku: 'beer' } as never, 'invalid_arguments', /^"sku": .*"house-blend"\|"flat-white"/],
  [{ sku: 'flat-white', size: 'huge' } as never, 'invalid_arguments', /^"size": .*"small"/],
  [{ sku: 'cinnamon-bun', quantity: 21 }, 'invalid_arguments', /^"quantity": Too big/],
]
for (const [given, code, message] of refusals)
  test(`${JSON.stringify(given)} is refused, and nothing is ordered`, async () => {
    const context = fakeContext({ state: { order: [bun] } })
    await assert.rejects(addItem.run(given, context), { code, message })
    assert.deepEqual(context.conversation.state, { order: [bun] })
    assert.deepEqual(context.emitted, [])
  })

test('more of one item than a counter serves cannot be ordered in several calls either', async () => {
  const context = fakeContext({ state: { order: [{ ...bun, quantity: 45, price: 20_700 }] } })
  await assert.rejects(addItem.run({ sku: 'cinnamon-bun', quantity: 6 }, context), {
    message: /More than 50/,
  })
})

test('some of an item, or all of it, is taken out', async () => {
  const context = fakeContext({ state: { order: [twoFlatWhites, bun] } })
  const some = await removeItem.run({ sku: 'flat-white', size: 'small', quantity: 1 }, context)
  assert.equal(some.total, 980)
  const all = await removeItem.run({ sku: 'flat-white' }, context)
  assert.deepEqual(all, {
    order: [bun],
    total: 460,
    summary: 'Your order: 1 cinnamon bun. That is 460 yen.',
  })
  await assert.rejects(removeItem.run({ sku: 'egg-sandwich' }, context), { message: /is not in the order/ })
  const sizes = [twoFlatWhites, { ...twoFlatWhites, size: 'medium', price: 1160 }]
  await assert.rejects(removeItem.run({ sku: 'flat-white' }, fakeContext({ state: { order: sizes } })), {
    message: /is not in the order/,
  })
})

test('an order is placed, under the same number however often the call runs', async () => {
  const context = fakeContext({ state: { order: [twoFlatWhites, bun] }, idempotencyKey: 'call_1' })
  const placed = await placeOrder.run({}, context)
  assert.match(placed.placed, /^A\d{1,3}$/)
  assert.deepEqual(placed, {
    placed: placed.placed,
    order: [twoFlatWhites, bun],
    total: 1500,
    summary: `Order ${placed.placed} is on its way: 1500 yen. Thank you!`,
  })
  assert.deepEqual(context.conversation.state, { order: [], placed: placed.placed })
  const again = await placeOrder.run({}, fakeContext({ state: { order: [bun] }, idempotencyKey: 'call_1' }))
  assert.equal(again.placed, placed.placed)
  await assert.rejects(placeOrder.run({}, context), { message: 'Nothing has been ordered yet' })
})
