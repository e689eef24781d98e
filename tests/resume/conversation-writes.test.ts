/** How often a conversation is written to the store, and that its last change always is. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { KeptConversation, writeBurst, writeIntervalMs } from '../../runtime/resume/kept-conversation.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Stage } from '../gateway/start.ts'

/** A store that counts what is written to it, and answers when it is told to. */
function countingStore(t: Stage) {
  const memory = createMemoryStore()
  t.teardown(() => memory.close())
  const texts: string[] = []
  const seen = { underWay: 0, most: 0 }
  let answer: () => Promise<void> = async () => undefined
  const set = async (key: string, value: string, ttlMs: number) => {
    texts.push(value)
    seen.underWay += 1
    seen.most = Math.max(seen.most, seen.underWay)
    try {
      await answer()
      await memory.set(key, value, ttlMs)
    } finally {
      seen.underWay -= 1
    }
  }
  const store = new Proxy(memory, {
    get: (_, name) => {
      if (name === 'set') return set
      const value = Reflect.get(memory, name)
      return typeof value === 'function' ? value.bind(memory) : value
    },
  })
  return {
    store,
    texts,
    seen,
    answerBy: (given: () => Promise<void>) => {
      answer = given
    },
  }
}

function kept(t: Stage) {
  const counting = countingStore(t)
  const conversation = new Conversation()
  const faults: unknown[] = []
  const keeper = new KeptConversation(
    { store: counting.store },
    {
      conversation,
      owner: 'anonymous',
      onTicket: () => undefined,
      onFault: fault => faults.push(fault),
    },
  )
  t.teardown(() => keeper.stop())
  const say = (text: string) => {
    conversation.expect({ type: 'message', role: 'user', content: [{ text }] })
    keeper.changed()
  }
  /** Writes as often as may be at once; what changes after it has to wait. */
  const exhaust = async () => {
    for (let number = 1; number <= 2 * writeBurst; number += 1) {
      say(`early ${number}`)
      await keeper.flush()
    }
    counting.texts.length = 0
  }
  return { ...counting, keeper, faults, say, conversation, exhaust }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function until(fits: () => boolean): Promise<void> {
  while (!fits()) await pause(5)
}

test('600 quick changes cost few writes, one at a time, and the last is written', async t => {
  const { say, texts, seen } = kept(t)
  const startedAt = performance.now()
  for (let number = 1; number <= 600; number += 1) {
    say(`turn ${number}`)
    if (number % 20 === 0) await pause(1)
  }
  await until(() => texts.at(-1)?.includes('turn 600') === true)
  const intervals = Math.ceil((performance.now() - startedAt) / writeIntervalMs)
  t.true(texts.length <= intervals + writeBurst, `${texts.length} writes in ${intervals} intervals`)
  t.is(seen.most, 1)
})

test('what changes while a write is under way is written after it', async t => {
  const { say, texts, seen, answerBy, keeper } = kept(t)
  const { promise, resolve } = Promise.withResolvers<void>()
  answerBy(() => promise)
  say('first')
  say('second')
  const flushed = keeper.flush()
  t.is(texts.length, 1)
  resolve()
  await flushed
  t.is(seen.most, 1)
  t.is(texts.length, 2)
  t.regex(texts[1] ?? '', /second/)
  t.is(keeper.flush(), null)
})

test('a turn is written at once', t => {
  const { say, texts } = kept(t)
  say('first')
  t.is(texts.length, 1)
})

test('a drain writes at once what would have waited', async t => {
  const { say, texts, keeper, exhaust } = kept(t)
  await exhaust()
  say('second')
  t.is(texts.length, 0)
  void keeper.flush()
  t.is(texts.length, 1)
  t.regex(texts[0] ?? '', /second/)
})

test('the end of a connection writes the last change, and nothing is written after it', async t => {
  const { say, texts, keeper, exhaust } = kept(t)
  await exhaust()
  say('second')
  t.is(texts.length, 0)
  keeper.stop()
  t.regex(texts[0] ?? '', /second/)
  say('third')
  await pause(2 * writeIntervalMs)
  t.is(texts.length, 1)
})

test('while the store is away nothing is kept, and the next change is written again', async t => {
  const { say, texts, answerBy, keeper, faults } = kept(t)
  answerBy(async () => {
    throw new GatewayError('store_unavailable', 'away')
  })
  say('first')
  await t.notThrowsAsync(async () => keeper.flush())
  answerBy(async () => undefined)
  say('second')
  await keeper.flush()
  t.regex(texts.at(-1) ?? '', /first.*second/)
  t.deepEqual(faults, [])
})

test("a fault of the gateway's own ends the keeping, is told, and rejects nothing", async t => {
  const { say, texts, keeper, faults, conversation } = kept(t)
  conversation.toJSON = () => {
    throw new RangeError('Maximum call stack size exceeded')
  }
  say('first')
  await keeper.flush()
  t.is(faults.length, 1)
  say('second')
  t.is(keeper.flush(), null)
  t.is(texts.length, 0)
})

test('a ticket is asked for twice at once, and is one', async t => {
  const { keeper } = kept(t)
  const [first, second] = await Promise.all([keeper.issue(), keeper.issue()])
  t.is(first, second)
})
