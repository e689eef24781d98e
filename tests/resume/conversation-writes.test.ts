/** How often a conversation is written to the store, and that its last change always is. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { Conversation } from '../../runtime/resume/conversation.ts'
import {
  PersistedConversation,
  retryIntervalMs,
  writeBurst,
  writeIntervalMs,
} from '../../runtime/resume/stored-conversation.ts'
import { claimTicket, spendTicket, ticketLifeMs } from '../../runtime/resume/tickets.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Stage } from '../gateway/start.ts'

/** A store that counts what is written to it, and answers when it is told to. */
function countingStore(t: Stage) {
  const memory = createMemoryStore()
  t.teardown(() => memory.close())
  const texts: string[] = []
  const seen = { underWay: 0, most: 0 }
  let answer: () => Promise<void> = async () => undefined
  let reason: string | null = null
  const compareAndSet = async (key: string, was: number, value: string, ttlMs: number) => {
    texts.push(value)
    seen.underWay += 1
    seen.most = Math.max(seen.most, seen.underWay)
    try {
      await answer()
      return await memory.compareAndSet(key, was, value, ttlMs)
    } finally {
      seen.underWay -= 1
    }
  }
  const store = new Proxy(memory, {
    get: (_, name) => {
      if (name === 'compareAndSet') return compareAndSet
      if (name === 'unavailable') return () => reason
      const value = Reflect.get(memory, name)
      return typeof value === 'function' ? value.bind(memory) : value
    },
  })
  return {
    store,
    texts,
    seen,
    /** From now on it says itself that it cannot be reached. */
    leave: () => {
      reason = 'away'
    },
    /** From now on it takes what is written. */
    recover: () => {
      reason = null
      answer = async () => undefined
    },
    answerBy: (given: () => Promise<void>) => {
      answer = given
    },
  }
}

function kept(t: Stage) {
  const counting = countingStore(t)
  const conversation = new Conversation()
  const faults: unknown[] = []
  const tickets: string[] = []
  const keeper = new PersistedConversation(
    { store: counting.store },
    {
      conversation,
      owner: 'anonymous',
      onTicket: ticket => tickets.push(ticket),
      onFault: fault => faults.push(fault),
      onTakenOver: () => faults.push('taken over'),
    },
  )
  t.teardown(() => {
    // What a stopped session could not write is tried again for 30 s: the test would not end before that.
    counting.recover()
    keeper.stop()
  })
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
  return { ...counting, keeper, faults, tickets, say, conversation, exhaust }
}

const away = async () => {
  throw new GatewayError('store_unavailable', 'away')
}

/** What an event changes is written behind it. */
const eventEnded = () => Promise.resolve()

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Long enough on a busy machine (ms). */
const writtenMs = 10_000

async function untilWritten(fits: () => boolean): Promise<void> {
  const deadline = performance.now() + writtenMs
  while (!fits()) {
    if (performance.now() > deadline) throw new Error(`it is not written within ${writtenMs} ms`)
    await pause(5)
  }
}

test('600 quick changes cost few writes, one at a time, and the last is written', async t => {
  const { say, texts, seen } = kept(t)
  const startedAt = performance.now()
  for (let number = 1; number <= 600; number += 1) {
    say(`turn ${number}`)
    if (number % 20 === 0) await pause(1)
  }
  await untilWritten(() => texts.at(-1)?.includes('turn 600') === true)
  const intervals = Math.ceil((performance.now() - startedAt) / writeIntervalMs)
  t.true(texts.length <= intervals + writeBurst, `${texts.length} writes in ${intervals} intervals`)
  t.is(seen.most, 1)
})

test('what changes while a write is under way is written after it', async t => {
  const { say, texts, seen, answerBy, keeper } = kept(t)
  const { promise, resolve } = Promise.withResolvers<void>()
  answerBy(() => promise)
  say('first')
  await eventEnded()
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

test('a turn is written once its event is dealt with', async t => {
  const { say, texts } = kept(t)
  say('first')
  t.is(texts.length, 0)
  await eventEnded()
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

test('what could not be written is written once the store is back, without another change', async t => {
  const { say, texts, answerBy, keeper } = kept(t)
  answerBy(away)
  say('first')
  await keeper.flush()
  answerBy(async () => undefined)
  t.is(texts.length, 1)
  // What a drain waits for.
  await keeper.flush()
  t.is(texts.length, 2)
  t.regex(texts[1] ?? '', /first/)
  t.is(keeper.flush(), null)
})

test('a store that is known to be away is not written to, and a drain waits for it for some seconds alone', async t => {
  const { say, texts, answerBy, keeper, leave } = kept(t)
  answerBy(away)
  say('first')
  await keeper.flush()
  leave()
  const startedAt = performance.now()
  let waits = 0
  for (let waiting = keeper.flush(); waiting !== null; waiting = keeper.flush()) {
    waits += 1
    await waiting
  }
  t.true(waits > 1)
  t.true(performance.now() - startedAt >= waits * (retryIntervalMs - 5))
  t.is(texts.length, 1)
})

test('the end of a connection that the store did not hear of is written once the store is back', async t => {
  const { say, texts, answerBy, keeper } = kept(t)
  answerBy(away)
  say('first')
  keeper.stop()
  await keeper.flush()
  const { length } = texts
  answerBy(async () => undefined)
  await untilWritten(() => texts.length > length)
  t.regex(texts.at(-1) ?? '', /first/)
})

test('a ticket that could not be given is given once the store is back', async t => {
  const { answerBy, keeper, tickets } = kept(t)
  answerBy(away)
  await t.throwsAsync(keeper.issue(), { code: 'store_unavailable' })
  answerBy(async () => undefined)
  await untilWritten(() => tickets.length > 0)
  t.is(tickets.length, 1)
  t.deepEqual([await keeper.issue()], tickets)
})

test('a ticket that could not be made is given once the store is back, though the conversation was written', async t => {
  const { store, keeper, tickets, texts } = kept(t)
  const { create } = store
  let fails = 1
  store.create = async (...given) => (fails-- > 0 ? away() : create(...given))
  await t.throwsAsync(keeper.issue(), { code: 'store_unavailable' })
  t.is(texts.length, 1)
  await untilWritten(() => tickets.length > 0)
  t.deepEqual([await keeper.issue()], tickets)
})

test("a fault of the gateway's own ends the keeping, is told, and rejects nothing", async t => {
  const { say, texts, keeper, faults, conversation } = kept(t)
  conversation.stored = () => {
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

test('what waits for its interval is written by itself', async t => {
  const { say, texts, exhaust } = kept(t)
  await exhaust()
  say('second')
  t.is(texts.length, 0)
  await untilWritten(() => texts.length > 0)
  t.regex(texts[0] ?? '', /second/)
})

test('what changes while a write is under way is written by itself', async t => {
  const { say, texts, answerBy } = kept(t)
  const { promise, resolve } = Promise.withResolvers<void>()
  answerBy(() => promise)
  say('first')
  await eventEnded()
  say('second')
  resolve()
  await untilWritten(() => texts.length > 1)
  t.regex(texts[1] ?? '', /second/)
})

test('what is stored is charged to the account, or else to the credential, by its length', async t => {
  for (const [account, charged] of [
    ['credential:key', 'credential:key'],
    [undefined, 'credential:alice'],
  ] as const) {
    const charges: unknown[][] = []
    const quota = { charge: async (...given: unknown[]) => void charges.push(given) }
    const { store, texts } = countingStore(t)
    const keeper = new PersistedConversation(
      { store, quota: quota as never },
      {
        ...{ conversation: new Conversation(), owner: 'alice', account },
        ...{ onTicket: () => undefined, onFault: () => t.fail(), onTakenOver: () => t.fail() },
      },
    )
    await keeper.issue()
    keeper.stop()
    t.deepEqual(
      charges.map(([to, key, bytes, ttlMs]) => [to, String(key).split(':')[0], bytes, ttlMs]),
      [[charged, 'conversation', texts[0]?.length, ticketLifeMs]],
    )
  }
})

test('a ticket that was given out is issued again as long as it is good; a spent one is replaced', async t => {
  const { keeper, store } = kept(t)
  const ticket = await keeper.issue()
  t.is(await keeper.issue(), ticket)
  const claim = (await claimTicket(store, ticket, { owner: 'anonymous' }))?.claim
  if (!claim) return t.fail()
  await spendTicket(store, claim)
  t.not(await keeper.issue(), ticket)
})

test('what was written with a ticket is not written again without a change', async t => {
  const { keeper, say, texts } = kept(t)
  say('first')
  await keeper.issue()
  const written = texts.length
  t.is(keeper.flush(), null)
  t.is(texts.length, written)
})
