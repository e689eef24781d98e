/** What clients see when upstream cannot be had, or ends: every way of it, through the gateway. */
import test, { type ExecutionContext } from 'ava'
import { ask, converse } from './converse.ts'
import { asksAt, asksChat, faultyGateway, untilClosed, wordsOf } from './faulty.ts'

interface Unreachable {
  fault: string
  what: string
  code: string
  close: number
  retry: boolean
  /** Whether the gateway dials again by itself before it gives up. */
  redials: boolean
}

const unreachable: Unreachable[] = [
  {
    fault: 'refuse',
    what: 'the connection is cut before any answer',
    code: 'upstream_unreachable',
    close: 1013,
    retry: true,
    redials: true,
  },
  {
    fault: '401',
    what: 'the upgrade is answered with 401',
    code: 'upstream_refused',
    close: 1014,
    retry: false,
    redials: false,
  },
  {
    fault: '429',
    what: 'the upgrade is answered with 429 and a Retry-After beyond the deadline',
    code: 'upstream_rate_limited',
    close: 1013,
    retry: true,
    redials: false,
  },
  {
    fault: 'silence',
    what: 'the upgrade succeeds and nothing is ever said',
    code: 'upstream_timeout',
    close: 1013,
    retry: true,
    redials: false,
  },
]

for (const { fault, what, code, close, retry, redials } of unreachable) {
  test(`fault ${fault}, ${what}: clients are told ${code}, and whether trying again can help`, async t => {
    // Short where it must run out, or be shorter than upstream's wait.
    const patience = fault === '401' ? {} : { UPSTREAM_CONNECT_TIMEOUT_MS: '900' }
    const gateway = await faultyGateway(t, fault, patience)
    // At the SDK addresses a refusal by status is the answer to the client's own upgrade.
    const isStatus = fault === '401' || fault === '429'
    if (isStatus) {
      const refused = await t.throwsAsync(converse(t, `${gateway.socketUrl}/v1/realtime`))
      t.like(refused, { status: Number(fault) })
    }
    for (const path of isStatus ? ['/realtime'] : ['/realtime', '/v1/realtime']) {
      const talk = await converse(t, `${gateway.socketUrl}${path}`)
      const error = await talk.next()
      t.like(error, { type: 'error', retry, error: { type: 'gateway_error', code } })
      t.is(error.retry_after_ms, fault === '429' ? 1000 : undefined)
      if (path === '/realtime')
        t.deepEqual(await talk.next(), { type: 'upstream.closed', reason: code, code: close })
      t.deepEqual(await talk.closed, { code: close, reason: code })
    }
    const chat = await asksChat(t, gateway)
    t.is((await chat.next()).message, 'Connecting to OpenAI...')
    const error = await chat.next()
    t.is(error.code, code)
    t.is(/send your message again$/.test(String(error.message)), retry)
    await isHeard(t, chat)
    t.is(
      gateway.lines.some(({ event }) => event === 'upstream.retry'),
      redials,
    )
  })
}

async function isHeard(t: ExecutionContext, chat: Awaited<ReturnType<typeof asksChat>>): Promise<void> {
  chat.send({ type: 'heartbeat' })
  t.is((await chat.next()).type, 'heartbeat-ack')
}

test('fault 429 with Retry-After, once: the gateway waits as long as asked, and the client is answered', async t => {
  const gateway = await faultyGateway(t, '429-x1')
  const { transcript } = await ask(await converse(t, `${gateway.socketUrl}/chat`), 'hello')
  t.is(transcript, 'You said: hello')
  t.like((await gateway.logged('upstream.retry')).fields, { code: 'upstream_rate_limited', waitMs: 1000 })
})

test('fault drop, in mid-answer and without a close frame: an SDK gets what came before, the error upstream_lost, and 1014', async t => {
  const talk = await asksAt(t, await faultyGateway(t, 'drop'), '/v1/realtime')
  const seen = await untilClosed(talk)
  t.is(wordsOf(seen), 'one, two,')
  t.like(seen.at(-1), { type: 'error', retry: true, error: { code: 'upstream_lost' } })
  t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_lost' })
})

test('fault drop-open, right after session.created: an SDK gets that event, the error upstream_lost, and 1014', async t => {
  const { socketUrl } = await faultyGateway(t, 'drop-open')
  const talk = await converse(t, `${socketUrl}/v1/realtime`)
  t.is((await talk.next()).type, 'session.created')
  t.like(await talk.next(), { type: 'error', error: { code: 'upstream_lost' } })
  t.deepEqual(await talk.closed, { code: 1014, reason: 'upstream_lost' })
})

for (const code of [1000, 1011, 3000, 4321]) {
  test(`fault close-${code}, in mid-answer: clients get upstream's own code and reason`, async t => {
    const gateway = await faultyGateway(t, `close-${code}`)
    for (const path of ['/realtime', '/v1/realtime']) {
      const talk = await asksAt(t, gateway, path)
      const seen = await untilClosed(talk)
      t.is(wordsOf(seen), 'one, two,')
      t.false(seen.some(({ type }) => type === 'error'))
      if (path === '/realtime') t.deepEqual(seen.at(-1), { type: 'upstream.closed', reason: 'fault', code })
      t.deepEqual(await talk.closed, { code, reason: 'fault' })
    }
    const chat = await asksChat(t, gateway)
    const seen = await chat.until('error')
    t.is(wordsOf(seen), 'one, two,')
    t.like(seen.at(-1), {
      code: 'upstream_closed',
      message: `OpenAI ended the session (${code}, fault); send your message again`,
    })
    await isHeard(t, chat)
  })
}

test('fault expire-1: an SDK gets session_expired as the API says it, and 1001 with its reason', async t => {
  const { socketUrl } = await faultyGateway(t, 'expire-1')
  const talk = await converse(t, `${socketUrl}/v1/realtime`)
  const error = (await talk.until('error')).at(-1)?.error as { code: string; message: string }
  t.like(error, { type: 'invalid_request_error', code: 'session_expired', event_id: null })
  t.deepEqual(await talk.closed, { code: 1001, reason: error.message })
})
