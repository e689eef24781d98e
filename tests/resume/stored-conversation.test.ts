/** When a conversation is written, and how often what failed or came second is tried: by a clock that the test turns. */
import { mock } from 'node:test'
import test, { type ExecutionContext } from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { Conversation, readStored, writeStored } from '../../runtime/resume/conversation.ts'
import {
  conversationKey,
  PersistedConversation,
  type PersistedConversationOptions,
  takeOver,
} from '../../runtime/resume/stored-conversation.ts'
import { claimTicket, spendTicket } from '../../runtime/resume/tickets.ts'
import { emptyJournal, type ToolJournal } from '../../runtime/resume/tool-journal.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'

const keepAliveMs = 120_000
const writeIntervalMs = 100
const writeBurst = 10
const retryIntervalMs = 1000
const awaitedMs = 5000
const lastTriesMs = 30_000
/** How often a write is tried that others come before each time. */
const tries = 65
const ticketLifeMs = 600_000

const away = new GatewayError('store_unavailable', 'away')

/** Takes all turns that follow from what has happened; no timer is due meanwhile. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise(resolve => setImmediate(resolve))
}

function stage(t: ExecutionContext, changed: Partial<PersistedConversationOptions> = {}) {
  const memory = createMemoryStore({ now: () => 0 })
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let now = 0
  const clock = mock.method(performance, 'now', () => now)
  const control = {
    /** What writes fail of; null: of nothing. */
    fault: null as Error | null,
    /** The store says itself that it is away. */
    isAway: false,
    /** What a write waits for. */
    answering: Promise.resolve(),
    /** Happens before a write is done. */
    before: async (_key: string, _text: string): Promise<void> => undefined,
    /** Fails in place of the making of a ticket. */
    ticketFault: null as Error | null,
  }
  const texts: string[] = []
  const store: Store = new Proxy(memory, {
    get: (_, name) => {
      if (name === 'unavailable') return () => (control.isAway ? 'away' : null)
      const value = Reflect.get(memory, name)
      if (typeof value !== 'function') return value
      if (name === 'createUnlessThere')
        return async (...given: unknown[]) => {
          if (control.ticketFault !== null) throw control.ticketFault
          return Reflect.apply(value, memory, given)
        }
      if (name !== 'compareAndSet') return value.bind(memory)
      return async (key: string, was: number, text: string, ttlMs: number) => {
        texts.push(text)
        await control.answering
        await control.before(key, text)
        if (control.fault !== null) throw control.fault
        return memory.compareAndSet(key, was, text, ttlMs)
      }
    },
  })
  const conversation = new Conversation()
  const tickets: string[] = []
  const faults: unknown[] = []
  const kept = new PersistedConversation(
    { store },
    {
      ...{ conversation, owner: 'me', onTicket: (ticket: string) => tickets.push(ticket) },
      ...{ onFault: (fault: unknown) => faults.push(fault), onTakenOver: () => faults.push('taken over') },
      ...changed,
    },
  )
  t.teardown(() => {
    // What a stopped session could not write is tried again for 30 s: the test would not end before that.
    Object.assign(control, { fault: null, isAway: false, ticketFault: null })
    kept.stop()
    mock.timers.reset()
    clock.mock.restore()
    return memory.close()
  })
  return {
    ...{ store, memory, control, conversation, kept, texts, tickets, faults },
    /** Something is said. */
    say: (text: string) => {
      conversation.expect({ type: 'message', role: 'user', content: [{ text }] })
      kept.changed()
      return settled()
    },
    pass: async (ms: number) => {
      for (let left = ms; left > 0; left -= Math.min(left, retryIntervalMs)) {
        now += Math.min(left, retryIntervalMs)
        mock.timers.tick(Math.min(left, retryIntervalMs))
        await settled()
      }
    },
    /** Writes wait from now on. @returns has them done */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      control.answering = promise
      return () => {
        resolve()
        return settled()
      }
    },
    /** Writes as often as may be at once; what changes after it has to wait. */
    exhaust: async () => {
      for (let number = 0; number < writeBurst; number += 1) {
        conversation.expect({ type: 'message', role: 'user', content: [{ text: `early ${number}` }] })
        kept.changed()
        await settled()
      }
      t.is(texts.splice(0).length, writeBurst)
    },
    /** Another replica has written it: the same with this state, under the next revision. */
    overwrite: async (state: object) => {
      const key = conversationKey(kept.id)
      const { revision, epoch, conversation: stored } = readStored((await memory.get(key)) ?? '')
      if (stored === null) throw new Error('it cannot be read')
      const tools = { calls: [], turn: null, ...stored.tools, state }
      const text = writeStored({ revision: revision + 1, epoch, conversation: { ...stored, tools } as never })
      await memory.set(key, text, ticketLifeMs)
    },
  }
}

async function isOver(promise: Promise<unknown> | null): Promise<boolean> {
  let isKept = false
  void promise?.then(() => {
    isKept = true
  })
  await settled()
  return isKept
}

test.serial('so many changes are written at once, and after them one each interval', async t => {
  const { say, texts, pass } = stage(t)
  for (let number = 1; number <= writeBurst + 2; number += 1) await say(`turn ${number}`)
  t.deepEqual(
    texts.map(text => readStored(text).revision),
    Array.from({ length: writeBurst }, (_, at) => at + 1),
  )
  await pass(writeIntervalMs - 1)
  t.is(texts.length, writeBurst)
  await pass(1)
  t.is(texts.length, writeBurst + 1)
  t.regex(texts.at(-1) ?? '', /turn 12/)
  await pass(60_000)
  t.is(texts.length, writeBurst + 1)
  for (let number = 1; number <= writeBurst + 2; number += 1) await say(`later ${number}`)
  t.is(texts.length, 2 * writeBurst + 1)
})

test.serial('what one event changes is written together, in one write', async t => {
  const { conversation, kept, texts } = stage(t)
  conversation.expect({ type: 'message', role: 'user', content: [{ text: 'hello' }] })
  kept.changed()
  conversation.noteAnswerEnded()
  kept.changed()
  await settled()
  t.deepEqual(
    texts.map(text => readStored(text).conversation?.answers),
    [1],
  )
})

test.serial(
  'what changes once its write was asked for at once is written behind that, not beside it',
  async t => {
    const { conversation, kept, texts, hold } = stage(t)
    const write = hold()
    const change = () => {
      conversation.noteAnswerEnded()
      kept.changed()
    }
    change()
    void kept.flush()
    change()
    await settled()
    t.is(texts.length, 1)
    await write()
    t.deepEqual(
      texts.map(text => readStored(text).conversation?.answers),
      [1, 2],
    )
  },
)

test.serial(
  'a session in which nothing was said, and whose ticket nobody asked for, writes nothing',
  async t => {
    const { kept, texts, pass } = stage(t)
    t.is(kept.flush(), null)
    await pass(writeIntervalMs)
    kept.stop()
    await pass(writeIntervalMs)
    t.deepEqual(texts, [])
  },
)

test.serial('what changes just before its interval is over waits for that', async t => {
  const { say, texts, pass, exhaust } = stage(t)
  await exhaust()
  await pass(writeIntervalMs - 1)
  await say('late')
  t.is(texts.length, 0)
  await pass(1)
  t.is(texts.length, 1)
})

test.serial(
  'what waits and is written at once for a drain is written once; the next change waits again',
  async t => {
    const { say, texts, pass, exhaust, kept } = stage(t)
    await exhaust()
    await say('second')
    await kept.flush()
    t.is(texts.length, 1)
    await pass(writeIntervalMs)
    t.is(texts.length, 1)
    t.is(kept.flush(), null)
    await say('third')
    await pass(writeIntervalMs)
    t.is(texts.length, 2)
  },
)

test.serial('a ticket is renewed at an interval; one that was spent is replaced, and told', async t => {
  const { kept, texts, tickets, pass, store, memory } = stage(t)
  const ticket = await kept.issue()
  t.is(texts.length, 1)
  await pass(keepAliveMs - 1)
  t.is(texts.length, 1)
  await pass(1)
  t.deepEqual([texts.length, tickets], [2, []])
  const { claim = null } = (await claimTicket(memory, ticket, { owner: 'me' })) ?? {}
  if (claim === null) return t.fail('the ticket is no good')
  await spendTicket(store, claim)
  await pass(keepAliveMs)
  t.is(tickets.length, 1)
  t.not(tickets[0], ticket)
  kept.stop()
  await settled()
  const { length } = texts
  await pass(2 * keepAliveMs)
  t.is(texts.length, length)
})

test.serial('a flush while a write is under way ends with that, and with what changed meanwhile', async t => {
  const { say, kept, hold, control, texts } = stage(t)
  const first = hold()
  await say('one')
  await say('two')
  const flushed = kept.flush()
  const second = hold()
  await first()
  t.is(texts.length, 2)
  t.false(await isOver(flushed))
  await second()
  t.true(await isOver(flushed))
  const failing = hold()
  await say('three')
  const failed = kept.flush()
  control.fault = away
  await failing()
  t.true(await isOver(failed), 'it does not wait for the next try')
})

test.serial('a flush while a write is under way writes what would have to wait', async t => {
  const { say, kept, hold, exhaust, texts } = stage(t)
  await exhaust()
  await say('one')
  const first = hold()
  void kept.flush()
  await say('two')
  const flushed = kept.flush()
  await first()
  t.is(texts.length, 2)
  t.regex(texts[1] ?? '', /two/)
  t.true(await isOver(flushed))
})

test.serial(
  'what failed is tried again at an interval, and a drain waits for that for some time',
  async t => {
    const { say, kept, control, texts, pass, tickets } = stage(t)
    control.fault = away
    await say('one')
    t.is(texts.length, 1)
    await pass(retryIntervalMs - 1)
    t.is(texts.length, 1)
    const flushed = kept.flush()
    t.false(await isOver(flushed))
    await pass(1)
    t.is(texts.length, 2)
    t.true(await isOver(flushed))
    // One that is known to be away is not asked.
    control.isAway = true
    const waiting = kept.flush()
    await pass(awaitedMs - retryIntervalMs)
    t.is(texts.length, 2)
    t.true(await isOver(waiting))
    t.not(kept.flush(), null)
    await pass(1)
    t.is(kept.flush(), null)
    control.isAway = false
    control.fault = null
    await pass(retryIntervalMs - 1)
    t.is(texts.length, 3)
    t.is(kept.flush(), null)
    await pass(60_000)
    t.is(texts.length, 3)
    t.deepEqual(tickets, [], 'nobody has asked for one')
    // The next failure counts from its own beginning.
    control.fault = away
    await say('two')
    t.not(kept.flush(), null)
  },
)

test.serial('what changes while a write is under way is written behind it', async t => {
  const { say, hold, texts } = stage(t)
  const write = hold()
  await say('one')
  await say('two')
  t.is(texts.length, 1)
  await write()
  t.is(texts.length, 2)
  t.regex(texts[1] ?? '', /two/)
})

test.serial('a change between two tries is written at once, and then at an interval', async t => {
  const { say, control, texts, pass } = stage(t)
  control.fault = away
  await say('one')
  await pass(retryIntervalMs / 2)
  await say('two')
  t.is(texts.length, 2)
  await pass(retryIntervalMs / 2)
  t.is(texts.length, 2)
  await pass(retryIntervalMs / 2)
  t.is(texts.length, 3)
})

test.serial(
  'once its session is over, what could not be written is tried for some time from then on',
  async t => {
    const { say, control, texts, pass, kept } = stage(t)
    control.fault = away
    await say('one')
    await pass(20_000)
    t.is(texts.splice(0).length, 21)
    kept.stop()
    await settled()
    t.is(texts.length, 1)
    kept.stop()
    await settled()
    t.is(texts.length, 1)
    await pass(2 * lastTriesMs)
    t.is(texts.length, 2 + lastTriesMs / retryIntervalMs)
    kept.changed()
    await pass(2 * lastTriesMs)
    t.is(texts.length, 2 + lastTriesMs / retryIntervalMs)
  },
)

test.serial('once its session is over, a store that is back is written to once', async t => {
  const { say, control, texts, pass, kept } = stage(t)
  control.fault = away
  await say('one')
  kept.stop()
  await settled()
  const { length } = texts
  control.fault = null
  await pass(60_000)
  t.is(texts.length, length + 1)
})

test.serial('a ticket that could not be made is made at the next try, and told once', async t => {
  const { control, kept, texts, tickets, pass } = stage(t)
  control.ticketFault = away
  await t.throwsAsync(kept.issue(), { code: 'store_unavailable' })
  t.is(texts.length, 1)
  control.ticketFault = null
  await pass(retryIntervalMs)
  t.is(texts.length, 2)
  t.is(tickets.length, 1)
  t.deepEqual([await kept.issue()], tickets)
  await pass(60_000)
  t.deepEqual([texts.length, tickets.length], [3, 1])
})

test.serial('a ticket that is due is given with the next change; not once the session is over', async t => {
  const { control, kept, tickets, say, pass } = stage(t)
  control.fault = away
  await t.throwsAsync(kept.issue(), { code: 'store_unavailable' })
  control.fault = null
  await say('one')
  t.is(tickets.length, 1)
  await pass(60_000)
  t.is(tickets.length, 1)
  mock.timers.reset()
  mock.restoreAll()
  const over = stage(t)
  over.control.fault = away
  await t.throwsAsync(over.kept.issue(), { code: 'store_unavailable' })
  over.kept.stop()
  over.control.fault = null
  await over.pass(60_000)
  t.deepEqual(over.tickets, [])
  t.deepEqual(over.faults, [])
})

test.serial(
  'a ticket is asked for while a write is under way: it stands in what was said until then',
  async t => {
    const { kept, say, hold, texts, tickets } = stage(t)
    const write = hold()
    await say('one')
    const issued = kept.issue()
    await settled()
    t.is(texts.length, 1)
    await write()
    t.true(await isOver(issued))
    t.deepEqual([texts.length, tickets], [2, []])
  },
)

test.serial('what changes while a ticket is given is written after it', async t => {
  const { kept, say, hold, texts } = stage(t)
  const write = hold()
  const issued = kept.issue()
  await say('one')
  t.is(texts.length, 1)
  await write()
  await issued
  await settled()
  t.is(texts.length, 2)
  t.regex(texts[1] ?? '', /one/)
})

test.serial("a fault of the gateway's own is told once; nothing is tried after it", async t => {
  const { kept, control, faults, texts, pass, say } = stage(t)
  control.fault = away
  await say('one')
  const flushed = kept.flush()
  const fault = new TypeError('broken')
  control.fault = fault
  await pass(retryIntervalMs)
  t.true(await isOver(flushed))
  t.deepEqual(faults, [fault])
  const { length } = texts
  await pass(60_000)
  await say('two')
  t.is(texts.length, length)
  t.is(kept.flush(), null)
})

/** Ways to write where somebody else comes first each time. */
const contested: readonly (readonly [
  what: string,
  write: (staged: ReturnType<typeof stage>) => Promise<unknown>,
  isContested: (text: string) => boolean,
])[] = [
  ['a write', ({ kept }) => kept.issue(), () => true],
  [
    'a commit',
    ({ kept }) => kept.commit(journal => ({ ...journal, state: { ...journal.state, mine: true } })),
    text => text.includes('mine'),
  ],
  ['a takeover', ({ kept, store }) => takeOver(store, kept.id), () => true],
  [
    'a commit to what another session has taken over',
    async staged => {
      const { kept, memory, say, texts } = staged
      await takeOver(memory, kept.id)
      await say('late')
      texts.length = 0
      return kept.commit(async journal => ({ ...journal, state: { ...journal.state, mine: true } }))
    },
    text => text.includes('mine'),
  ],
]
for (const [what, write, isContested] of contested)
  test.serial(
    `${what} that others come before each time is given up as a store that does not answer`,
    async t => {
      const staged = stage(t)
      const { kept, texts, control, overwrite } = staged
      await kept.issue()
      texts.length = 0
      let times = 0
      control.before = async (_, text) => {
        if (!isContested(text)) return
        times += 1
        await overwrite({ times })
      }
      await t.throwsAsync(write(staged), { code: 'store_unavailable' })
      t.is(texts.filter(isContested).length, tries)
      control.before = async () => undefined
    },
  )

test.serial(
  'a commit that came second is made again of the newest, and what it displaced is written',
  async t => {
    const { kept, conversation, control, overwrite, texts, say } = stage(t)
    await say('one')
    await kept.issue()
    texts.length = 0
    const seen: unknown[] = []
    let isFirst = true
    control.before = async () => {
      if (isFirst) await overwrite({ by: 'other' })
      isFirst = false
    }
    await kept.commit((journal: ToolJournal) => {
      seen.push(journal.state)
      return { ...journal, state: { ...journal.state, mine: true } }
    })
    t.deepEqual(seen, [{}, { by: 'other' }])
    t.deepEqual(conversation.journal.state, { by: 'other', mine: true })
    await settled()
    t.is(kept.flush(), null)
    const stored = readStored(texts.at(-1) ?? '')
    t.deepEqual(stored.conversation?.tools?.state, { by: 'other', mine: true })
  },
)

test.serial(
  'what was said is written also where the commit that took it along came second, and gave up',
  async t => {
    const { kept, control, overwrite, texts, conversation, exhaust, pass } = stage(t)
    await exhaust()
    conversation.expect({ type: 'message', role: 'user', content: [{ text: 'late' }] })
    kept.changed()
    control.before = async () => {
      control.before = async () => undefined
      await overwrite({ by: 'other' })
    }
    const given = await kept.commit(journal =>
      journal.state.by === 'other' ? null : { ...journal, turn: null },
    )
    t.is(given, null)
    texts.length = 0
    await pass(2 * writeIntervalMs)
    t.is(texts.length, 1)
    t.regex(texts[0] ?? '', /late/)
  },
)

test.serial('what is written is counted as kept, and is not written where it cannot be charged', async t => {
  const memory = createMemoryStore()
  t.teardown(() => memory.close())
  const conversation = new Conversation()
  const lives: number[] = []
  conversation.noteKept = ms => void lives.push(ms)
  const charging = Promise.withResolvers<void>()
  const full = new GatewayError('limit_reached', 'full')
  const outcomes = [() => charging.promise, () => Promise.reject(full)]
  const quota = { charge: () => outcomes.shift()?.() ?? Promise.resolve() }
  const handlers = { onTicket: () => undefined, onFault: () => t.fail() }
  const kept = new PersistedConversation({ store: memory, quota }, { conversation, owner: 'me', ...handlers })
  t.teardown(() => kept.stop())
  const issued = kept.issue()
  await settled()
  t.is(await memory.get(conversationKey(kept.id)), null)
  t.deepEqual(lives, [])
  charging.resolve()
  await issued
  t.deepEqual(lives, [ticketLifeMs])
  await t.throwsAsync(kept.issue(), { code: 'limit_reached' })
  t.deepEqual(lives, [ticketLifeMs])
})

test.serial(
  'a conversation is taken over under the next revision and epoch; one that cannot be read is left',
  async t => {
    const { store, kept, memory } = stage(t)
    await kept.issue()
    const taken = await takeOver(store, kept.id)
    t.deepEqual(taken?.entry, { id: kept.id, revision: 2, epoch: 2 })
    t.is(taken?.text, (await memory.get(conversationKey(kept.id))) ?? undefined)
    const text = '{"revision":9,"epoch":1,"items":7}'
    await memory.set(conversationKey('other'), text, ticketLifeMs)
    await t.throwsAsync(takeOver(store, 'other'), { instanceOf: SyntaxError })
    t.is(await memory.get(conversationKey('other')), text)
  },
)

test.serial('a refresh waits for a write that is under way; of what is gone it reads nothing', async t => {
  const { kept, say, hold, memory, overwrite, conversation, control } = stage(t)
  await kept.issue()
  const write = hold()
  await say('one')
  const refreshed = kept.refresh()
  t.false(await isOver(refreshed))
  control.answering = Promise.resolve()
  await write()
  t.true(await isOver(refreshed))
  await overwrite({ by: 'other' })
  await kept.refresh()
  t.deepEqual(conversation.journal.state, { by: 'other' })
  await memory.delete(conversationKey(kept.id))
  await t.notThrowsAsync(kept.refresh())
  t.deepEqual(conversation.journal.state, { by: 'other' })
})

test.serial('a session that was taken over is told once, and writes and renews nothing', async t => {
  const { kept, say, memory, texts, faults, pass } = stage(t)
  await kept.issue()
  await takeOver(memory, kept.id)
  await say('late')
  t.deepEqual(faults, ['taken over'])
  await takeOver(memory, kept.id)
  await kept.refresh()
  const { length } = texts
  await say('later')
  await pass(2 * keepAliveMs)
  t.deepEqual([texts.length, faults], [length, ['taken over']])
  t.deepEqual((await kept.commit(journal => journal))?.calls, [])
  t.is(texts.length, length)
})

test.serial('a session that lives on beside its successor begins a conversation anew', async t => {
  const entry = { id: 'a', revision: 7, epoch: 3 }
  const { kept, say, memory, texts, tickets } = stage(t, { onTakenOver: undefined, entry })
  const text = writeStored({ revision: 9, epoch: 4, conversation: new Conversation().stored(emptyJournal) })
  await memory.set(conversationKey('a'), text, ticketLifeMs)
  await say('late')
  t.deepEqual(
    texts.map(each => readStored(each)).map(({ revision, epoch }) => [revision, epoch]),
    [
      [8, 3],
      [1, 1],
      [2, 1],
    ],
  )
  t.not(kept.id, 'a')
  t.is(tickets.length, 1)
  t.is(await memory.get(conversationKey('a')), text)
})

test.serial(
  "a fault of the gateway's own is told also where it comes of a renewal, or with a change at hand",
  async t => {
    const { kept, control, faults, pass } = stage(t)
    await kept.issue()
    control.fault = new TypeError('broken')
    await pass(keepAliveMs)
    t.deepEqual(faults, [control.fault])
    mock.timers.reset()
    mock.restoreAll()
    const other = stage(t)
    const write = other.hold()
    await other.say('one')
    await other.say('two')
    other.control.fault = new TypeError('broken')
    await write()
    t.deepEqual([other.texts.length, other.faults], [1, [other.control.fault]])
  },
)
