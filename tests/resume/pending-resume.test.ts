/**
 * A connection that came by a ticket, in every state until it goes on with its conversation.
 */
import test, { type ExecutionContext } from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Client, UpgradeRequest } from '../../runtime/core/ports.ts'
import { Conversation } from '../../runtime/resume/conversation.ts'
import { PendingResume } from '../../runtime/resume/pending-resume.ts'
import {
  acceptResumed,
  type Redeemed,
  type ResumableConnection,
  Resumes,
} from '../../runtime/resume/resumes.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { quiet } from '../store/patience.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** A client and a handler's connection that only write down what happens to them. */
function fakes() {
  const seen: string[] = []
  let pong = () => {}
  const client: Client = {
    id: 'c1',
    send: message => seen.push(`client gets ${message}`) > 0,
    buffered: () => 0,
    probe: heard => {
      seen.push('ping')
      pong = heard
    },
    close: (code, reason) => void seen.push(`client closed ${code} ${reason}`),
  }
  const inner: ResumableConnection = {
    begin: resumed => void seen.push(`begin ${resumed === null ? null : Object.keys(resumed)[0]}`),
    message: (data, isBinary) => void seen.push(`message ${text(data)}${isBinary ? ' binary' : ''}`),
    writable: () => undefined,
    announce: deadlineMs => void seen.push(`announce ${deadlineMs}`),
    drain: () => void seen.push('drain'),
    fault: ({ code }) => void seen.push(`fault ${code}`),
    closed: code => void seen.push(`closed ${code}`),
  }
  return { seen, client, inner, pong: () => pong() }
}

function stage(maxHeldBytes = 10_000) {
  const { seen, client, inner, pong } = fakes()
  const { promise, resolve, reject } = Promise.withResolvers<Redeemed>()
  const redeem = () => {
    seen.push('spend')
    return promise
  }
  const options = { store: createMemoryStore(), maxHeldBytes, log: quiet }
  const claim = { ticket: 'the-ticket', key: 'the-key', conversation: 'c', fence: 'f' }
  const pending = new PendingResume({ client, inner, claim, resumes: { redeem, options } })
  const say = (words: string) => pending.message(Buffer.from(words), false)
  return { seen, pending, pong, say, resolve, reject }
}

const settled = () => new Promise(resolve => setImmediate(resolve))
const found = () => ({ conversation: new Conversation() })

test('a ping is sent at once, and its pong spends the ticket, once', async t => {
  const { seen, pong, pending, resolve, say } = stage()
  t.deepEqual(seen, ['ping'])
  pong()
  pong()
  t.deepEqual(seen, ['ping', 'spend'])
  resolve(found())
  await settled()
  say('after')
  pending.closed(1000, '')
  t.deepEqual(seen, ['ping', 'spend', 'begin conversation', 'message after', 'closed 1000'])
})

test('a message is a sign of life too; what comes before the beginning is held, in order', async t => {
  const { seen, pending, resolve, say } = stage()
  const bytes = Buffer.from('one')
  pending.message(bytes, true)
  // The server uses the memory of a message again.
  bytes.fill(0)
  say('two')
  t.deepEqual(seen, ['ping', 'spend'])
  resolve(found())
  await settled()
  t.deepEqual(seen, ['ping', 'spend', 'begin conversation', 'message one binary', 'message two'])
})

test('more than may be held ends the connection, and nothing begins', async t => {
  const { seen, resolve, say } = stage(3000)
  for (const _ of 'abcd') say('x'.repeat(50))
  t.deepEqual(seen, ['ping', 'spend', 'fault upstream_too_slow'])
  resolve(found())
  await settled()
  t.is(seen.at(-1), 'fault upstream_too_slow')
})

test('whoever was fenced off is told so, and nothing begins', async t => {
  const { seen, pong, reject, say } = stage()
  pong()
  reject(new GatewayError('resumed_elsewhere', 'elsewhere'))
  await settled()
  say('after')
  t.deepEqual(seen, ['ping', 'spend', 'fault resumed_elsewhere'])
})

test("a fault of the gateway's own ends the connection", async t => {
  const { seen, pong, reject } = stage()
  pong()
  reject(new SyntaxError('unreadable'))
  await settled()
  t.deepEqual(seen, ['ping', 'spend', 'fault internal'])
})

test('a connection that closes while it waits, or while its ticket is spent, does not begin', async t => {
  const waiting = stage()
  waiting.pending.closed(1006, '')
  waiting.pong()
  t.deepEqual(waiting.seen, ['ping', 'closed 1006'])
  const spending = stage()
  spending.pong()
  spending.pending.closed(1006, '')
  spending.resolve(found())
  await settled()
  t.deepEqual(spending.seen, ['ping', 'spend', 'closed 1006'])
})

test('a drain while it waits gives the same ticket back, and ends it', t => {
  const { seen, pending, pong } = stage()
  pending.announce(5000)
  pending.drain(5000)
  pong()
  const notice = '{"type":"server.draining","deadline_ms":5000,"resume":"the-ticket"}'
  t.deepEqual(seen, ['ping', `client gets ${notice}`, 'drain'])
})

test('a drain while the ticket is spent comes after the beginning', async t => {
  const { seen, pending, pong, resolve } = stage()
  pong()
  const announced = pending.announce(5000)
  pending.drain(5000)
  t.deepEqual(seen, ['ping', 'spend'])
  resolve(found())
  await announced
  await settled()
  t.deepEqual(seen, ['ping', 'spend', 'begin conversation', 'announce 5000', 'drain'])
})

/** A store with a conversation, and the routes of two replicas. */
async function replicas(t: ExecutionContext) {
  const store = createMemoryStore()
  t.teardown(() => store.close())
  const make = () => new Resumes({ store, maxHeldBytes: 1000, log: quiet })
  const kept = make().keep({
    conversation: new Conversation(),
    owner: 'anonymous',
    onTicket: () => undefined,
    onFault: () => undefined,
  })
  t.teardown(() => kept.stop())
  const request: UpgradeRequest = {
    path: '/chat',
    query: new URLSearchParams({ resume: await kept.issue() }),
    subprotocols: [],
    headers: new Map(),
    address: '127.0.0.1',
  }
  const upgrade = async () => {
    const fake = fakes()
    const { handler } = await acceptResumed(() => fake.inner, make())(request)
    return { ...fake, answer: () => handler(fake.client, request) }
  }
  return { upgrade }
}

test('a request that was read and never answered has spent nothing', async t => {
  const { upgrade } = await replicas(t)
  await upgrade()
  await upgrade()
  const { seen, pong, answer } = await upgrade()
  answer()
  pong()
  await settled()
  t.deepEqual(seen, ['ping', 'begin conversation'])
})

test('of two that were answered, the one that claimed last goes on, whichever is heard of first', async t => {
  for (const isFirstHeardFirst of [true, false]) {
    const { upgrade } = await replicas(t)
    const [first, second] = [await upgrade(), await upgrade()]
    first.answer()
    second.answer()
    for (const one of isFirstHeardFirst ? [first, second] : [second, first]) {
      one.pong()
      await settled()
    }
    t.deepEqual(first.seen, ['ping', 'fault resumed_elsewhere'])
    t.deepEqual(second.seen, ['ping', 'begin conversation'])
    const third = await upgrade()
    third.answer()
    t.deepEqual(third.seen, ['begin failure'])
  }
})
