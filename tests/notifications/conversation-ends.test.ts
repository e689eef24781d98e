/** The end of a conversation that could be resumed is told when its time is over, by one replica. */
import test from 'ava'
import { ConversationEnds } from '../../runtime/notifications/conversation-ends.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Stage } from '../gateway/start.ts'

const lifeMs = 600_000
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

function replicas(t: Stage) {
  const clock = { now: 0 }
  const store = createMemoryStore({ now: () => clock.now })
  const told: string[] = []
  const one = (name: string) => {
    const ends = new ConversationEnds({
      store,
      now: () => clock.now,
      log: silent,
      intervalMs: 3_600_000,
      onEnded: async (id, { responses }) => void told.push(`${name}: ${id} ${responses}`),
    })
    t.teardown(() => ends.close())
    return ends
  }
  return { clock, told, blue: one('blue'), green: one('green') }
}

const written = () => new Promise(resolve => setImmediate(resolve))

test('a conversation that nobody comes back to is over after its time, and is told once', async t => {
  const { clock, told, blue, green } = replicas(t)
  blue.keep('a', { responses: 1 }, 1, lifeMs)
  await written()
  clock.now = lifeMs - 1
  await green.look()
  t.deepEqual(told, [])
  clock.now = lifeMs
  await Promise.all([green.look(), blue.look()])
  await blue.look()
  t.is(told.length, 1)
  t.regex(told[0] ?? '', /: a 1$/)
})

test('one that is heard of again is not over, and the words of its newest session count', async t => {
  const { clock, told, blue, green } = replicas(t)
  blue.keep('a', { responses: 1 }, 1, lifeMs)
  await written()
  clock.now = lifeMs - 1
  green.keep('a', { responses: 5 }, 2, lifeMs)
  await written()
  blue.keep('a', { responses: 2 }, 1, lifeMs)
  await written()
  clock.now = lifeMs + 1
  await blue.look()
  t.deepEqual(told, [])
  clock.now = 2 * lifeMs
  await blue.look()
  t.deepEqual(told, ['blue: a 5'])
})

test('more ends than are read at once are all told', async t => {
  const { clock, told, blue } = replicas(t)
  for (let at = 0; at < 250; at += 1) blue.keep(String(at), { responses: at }, 1, lifeMs)
  await written()
  clock.now = lifeMs
  await blue.look()
  t.is(new Set(told).size, 250)
})
