/** Events reach a webhook at least once, signed, whatever the receiver and the store do meanwhile. */
import test from 'ava'
import { checkSignature, readSignature } from '../../runtime/access/webhook-signature.ts'
import { GatewayError } from '../../runtime/core/errors.ts'
import { EventOutbox, eventIdOf, lifeMs, maxEvents } from '../../runtime/notifications/event-outbox.ts'
import { sendWebhook, signatureOf } from '../../runtime/notifications/webhook-sender.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import type { Store } from '../../runtime/store/store.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { startReceiver } from './receiver.ts'

const key = Buffer.from('0123456789abcdef0123456789abcdef')

/** Looks often, so that a test need not wait. */
const intervalMs = 5

interface Told {
  event: string
  [field: string]: unknown
}

function outboxOf(
  t: Stage,
  store: Store,
  send: (id: string, body: string) => Promise<string | null>,
  now: () => number = Date.now,
) {
  const lines: Told[] = []
  const write = (event: string, fields: object = {}) => void lines.push({ event, ...fields })
  const log = { info: write, warn: write, error: write }
  const outbox = new EventOutbox({ store, now, log, send, intervalMs })
  t.teardown(() => outbox.close())
  return { outbox, lines }
}

const eventOf = (subject: string) => ({
  id: eventIdOf('session.ended', subject),
  type: 'session.ended',
  data: { session_id: subject },
})

async function until(holds: () => boolean): Promise<void> {
  const found = (async () => {
    while (!holds()) await new Promise(resolve => setTimeout(resolve, intervalMs))
  })()
  await within(found, patienceMs, 'what is waited for does not happen')
}

test('an event is posted as JSON, with an id, a time and a signature that the check of the other direction takes', async t => {
  const receiver = await startReceiver(t)
  const store = createMemoryStore()
  const target = { url: receiver.url, keys: [Buffer.from('another key of thirty-two bytes.'), key] }
  const { outbox } = outboxOf(t, store, (id, body) => sendWebhook(target, id, body, Date.now()))
  await outbox.publish(eventOf('one'))
  const { headers, body } = await receiver.next()
  t.is(headers.get('webhook-id'), eventIdOf('session.ended', 'one'))
  t.notThrows(() => checkSignature(readSignature(headers, Date.now()), Buffer.from(body), [key]))
  const { timestamp, ...rest } = JSON.parse(body)
  t.deepEqual(rest, { type: 'session.ended', data: { session_id: 'one' } })
  t.true(Math.abs(Date.parse(timestamp) - Date.now()) < patienceMs)
})

test('the signature is that of Standard Webhooks', t => {
  // The example of the specification (standard-webhooks 1.0, "Signature scheme").
  const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
  const signature = signatureOf('msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}', [
    secret,
  ])
  t.is(signature, 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})

test('what a receiver does not take is tried again, later each time, and then not any more', async t => {
  let now = 0
  let tries = 0
  const store = createMemoryStore({ now: () => now })
  const send = async () => {
    tries += 1
    return tries < 3 ? 'status 500' : null
  }
  const { outbox, lines } = outboxOf(t, store, send, () => now)
  await outbox.publish(eventOf('one'))
  for (const [tried, waitMs] of [
    [1, 1000],
    [2, 5000],
  ] as const) {
    await until(() => lines.filter(({ event }) => event === 'event.undelivered').length === tried)
    t.like(lines.at(-1), { attempts: tried, waitMs, reason: 'status 500' })
    now += waitMs - 1
    await new Promise(resolve => setTimeout(resolve, 10 * intervalMs))
    t.is(tries, tried)
    now += 1
  }
  await until(() => tries === 3)
  await new Promise(resolve => setTimeout(resolve, 10 * intervalMs))
  t.is(tries, 3)
})

test('an event that nobody takes for three days is given up, and said to be', async t => {
  let now = 0
  const store = createMemoryStore({ now: () => 0 })
  const { outbox, lines } = outboxOf(
    t,
    store,
    async () => 'status 410',
    () => now,
  )
  await outbox.publish(eventOf('one'))
  await until(() => lines.length > 0)
  now = lifeMs
  await until(() => lines.length > 1)
  t.like(lines[1], { event: 'event.undelivered', attempts: 2 })
  t.deepEqual(await store.page('events', 0, 1), { members: [], total: 0 })
})

test('of two replicas one sends, and one goes on when the other was killed as it sent', async t => {
  let now = 0
  const store = createMemoryStore({ now: () => now })
  const sent: string[] = []
  const hanging = Promise.withResolvers<string>()
  const killed = outboxOf(
    t,
    store,
    () => hanging.promise,
    () => now,
  )
  t.teardown(() => hanging.resolve('killed'))
  outboxOf(
    t,
    store,
    async (id: string) => {
      sent.push(id)
      return null
    },
    () => now,
  )
  void killed.outbox.publish(eventOf('one'))
  await new Promise(resolve => setTimeout(resolve, 10 * intervalMs))
  t.deepEqual(sent, [])
  now += 15_001
  await until(() => sent.length > 0)
  t.deepEqual(sent, [eventIdOf('session.ended', 'one')])
})

test('what two replicas tell of one thing is sent once', async t => {
  const store = createMemoryStore()
  const sent: string[] = []
  const send = async (id: string) => {
    sent.push(id)
    return null
  }
  const [one, other] = [outboxOf(t, store, send), outboxOf(t, store, send)]
  await one.outbox.publish(eventOf('one'))
  await until(() => sent.length === 1)
  await other.outbox.publish(eventOf('one'))
  await other.outbox.publish(eventOf('two'))
  await until(() => sent.length > 1)
  t.deepEqual(
    sent,
    ['one', 'two'].map(subject => eventIdOf('session.ended', subject)),
  )
})

test('while the store is away events wait, up to a limit, and no longer; then they are written', async t => {
  const memory = createMemoryStore()
  let isAway = true
  const store = new Proxy(memory, {
    get: (target, name) => {
      const member = target[name as keyof Store] as (...given: unknown[]) => unknown
      return (...given: unknown[]) => {
        if (isAway && name !== 'unavailable') throw new GatewayError('store_unavailable', 'away')
        return member.apply(target, given)
      }
    },
  })
  const sent: string[] = []
  const { outbox, lines } = outboxOf(t, store, async (id: string) => {
    sent.push(id)
    return null
  })
  const waiting = Array.from({ length: 1001 }, (_, at) => outbox.publish(eventOf(String(at))))
  await waiting[1000]
  t.deepEqual(
    lines.map(({ event, reason }) => [event, reason]),
    [['event.dropped', 'unwritten']],
  )
  isAway = false
  await Promise.all(waiting)
  await until(() => sent.length === 1000)
})

test('the store holds so many events and no more', async t => {
  const store = createMemoryStore()
  for (let at = 0; at < maxEvents; at += 1) await store.list('events', `filler-${at}`, 60_000)
  await store.set('event:filler-0', '', 60_000)
  let isSending = false
  const { outbox, lines } = outboxOf(
    t,
    new Proxy(store, {
      get: (target, name) => {
        const member = target[name as keyof Store] as (...given: unknown[]) => unknown
        return (...given: unknown[]) => (name === 'unlist' ? Promise.resolve() : member.apply(target, given))
      },
    }),
    async () => {
      isSending = true
      return null
    },
  )
  await outbox.publish(eventOf('one too many'))
  t.like(lines[0], { event: 'event.dropped', reason: 'full' })
  t.false(isSending)
})

test('events that a receiver refuses hold up no others, however many they are', async t => {
  // No time passes: those that were refused wait.
  const store = createMemoryStore({ now: () => 0 })
  const sent: string[] = []
  const send = async (_: string, body: string) => {
    sent.push(JSON.parse(body).data.session_id)
    return sent.at(-1) === 'good' ? null : 'status 400'
  }
  const { outbox } = outboxOf(t, store, send, () => 0)
  const refused = Array.from({ length: 100 }, (_, at) => `bad ${at}`)
  await Promise.all(refused.map(subject => outbox.publish(eventOf(subject))))
  await until(() => sent.length === refused.length)
  await outbox.publish(eventOf('good'))
  await until(() => sent.includes('good'))
  t.is(sent.length, refused.length + 1)
})

test('an event is written while a receiver keeps another one waiting', async t => {
  const store = createMemoryStore()
  const hanging = Promise.withResolvers<null>()
  let isSending = false
  const { outbox } = outboxOf(t, store, () => {
    isSending = true
    return hanging.promise
  })
  t.teardown(() => hanging.resolve(null))
  await outbox.publish(eventOf('one'))
  await until(() => isSending)
  await within(outbox.publish(eventOf('two')), patienceMs, 'the second event is not written')
  t.is((await store.page('events', 0, 10)).total, 2)
})
