/** A dial before its client's upgrade is answered: every state that the table in `early-dial.ts` names. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import type { Dial, Upstream, UpstreamListener } from '../../runtime/core/ports.ts'
import { EarlyDial } from '../../runtime/upstream/early-dial.ts'

/** What upstream was told by the dial, and what a session was told by it. */
function stage({ withinMs = 60_000, maxHeldBytes = 10_000, gone }: Given = {}) {
  const [atUpstream, told]: [string[], string[]] = [[], []]
  const dials: { listener: UpstreamListener; headers: unknown }[] = []
  const dial: Dial = (listener, headers) => {
    dials.push({ listener, headers })
    return () => void atUpstream.push('abort')
  }
  const upstream: Upstream = {
    send: () => undefined,
    buffered: () => 0,
    pause: () => void atUpstream.push('pause'),
    resume: () => void atUpstream.push('resume'),
    close: code => void atUpstream.push(`close ${code}`),
    relay: () => void atUpstream.push('relay'),
    giveUp: error => {
      atUpstream.push(`give up ${error.code}`)
      early.closed(1006, '', error)
    },
  }
  const session: UpstreamListener = {
    opened: () => void told.push('opened'),
    event: (frame, isBinary) => void told.push(`${isBinary ? 'binary' : 'text'} ${frame}`),
    closed: (code, reason, error) => void told.push(`closed ${code} ${reason}${error?.code ?? ''}`),
    failed: ({ code }) => void told.push(`failed ${code}`),
    fault: fault => void told.push(`fault ${fault instanceof Error ? fault.message : fault}`),
  }
  const early = new EarlyDial({ dial, maxHeldBytes })
  const untilSettled = () => early.settled({ withinMs, gone })
  return { early, untilSettled, upstream, session, told, atUpstream, dials }
}

interface Given {
  readonly withinMs?: number
  readonly maxHeldBytes?: number
  readonly gone?: AbortSignal
}

const microtasks = () => new Promise(resolve => setImmediate(resolve))
const refusal = (upstreamStatus?: number, code: GatewayError['code'] = 'upstream_refused') =>
  new GatewayError(code, 'refused', upstreamStatus === undefined ? {} : { upstreamStatus })

test('it dials at once, and the upgrade waits until upstream is there; what it says then waits', async t => {
  const { early, untilSettled, upstream, session, told, atUpstream, dials } = stage()
  t.is(dials.length, 1)
  let isSettled = false
  const settled = untilSettled().then(() => {
    isSettled = true
  })
  await microtasks()
  t.false(isSettled)
  early.opened(upstream)
  await settled
  t.deepEqual(atUpstream, ['pause'])
  const frame = Buffer.from('one')
  early.event(frame, false)
  // Its memory is used again.
  frame.fill(0)
  early.event(Buffer.from('two'), true)
  early.dial(session)
  t.deepEqual(told, [], 'whoever dials has to know the dial before it is told anything')
  await microtasks()
  t.deepEqual(told, ['opened', 'text one', 'binary two'])
  t.deepEqual(atUpstream, ['pause', 'relay', 'resume'])
  t.is(dials.length, 1)
  early.event(Buffer.from('three'), false)
  early.closed(1000, 'over')
  t.deepEqual(told.slice(3), ['text three', 'closed 1000 over'])
})

test('one that closed before the session began is told after its events', async t => {
  const { early, upstream, session, told, atUpstream } = stage()
  early.opened(upstream)
  early.event(Buffer.from('one'), false)
  early.closed(1011, 'broken', refusal(undefined, 'upstream_lost'))
  early.dial(session)
  await microtasks()
  t.deepEqual(told, ['opened', 'text one', 'closed 1011 brokenupstream_lost'])
  t.deepEqual(atUpstream, ['pause'])
})

test('what upstream says between the taking over and the telling is told in its order', async t => {
  const { early, upstream, session, told } = stage()
  early.opened(upstream)
  early.dial(session)
  early.event(Buffer.from('one'), false)
  early.closed(1000, 'over')
  t.deepEqual(told, [])
  await microtasks()
  t.deepEqual(told, ['opened', 'text one', 'closed 1000 over'])
})

test('what waits is bounded: bytes, and 1024 more for each event', async t => {
  const { early, upstream, session, told, atUpstream } = stage({ maxHeldBytes: 2 * 1024 + 10 })
  early.opened(upstream)
  early.event(Buffer.alloc(5, 'a'), false)
  early.event(Buffer.alloc(5, 'b'), false)
  t.deepEqual(atUpstream, ['pause'])
  early.event(Buffer.alloc(0), false)
  t.deepEqual(atUpstream, ['pause', 'give up upstream_broke_protocol'])
  early.dial(session)
  await microtasks()
  t.deepEqual(told, ['opened', 'text aaaaa', 'text bbbbb', 'closed 1006 upstream_broke_protocol'])
})

/** How upstream fails while the upgrade waits, and whether that is the upgrade's answer. */
const failures: readonly (readonly [what: string, error: GatewayError, isAnswer: boolean])[] = [
  ['400', refusal(400), true],
  ['599', refusal(599), true],
  ['399', refusal(399), false],
  ['600', refusal(600), false],
  ['a lost connection', refusal(undefined, 'upstream_unreachable'), false],
  ['a call that is over', refusal(undefined, 'call_not_found'), true],
]

for (const [what, error, isAnswer] of failures) {
  test(`a dial that fails by ${what} is told ${isAnswer ? 'as the answer' : 'by the session'}`, async t => {
    const { early, untilSettled, session, told, atUpstream, dials } = stage()
    const settled = untilSettled()
    early.failed(error)
    if (isAnswer) t.is(await t.throwsAsync(settled), error)
    else await settled
    early.dial(session, { name: 'value' })
    await microtasks()
    t.deepEqual(told, isAnswer ? [] : [`failed ${error.code}`])
    t.is(dials.length, isAnswer ? 2 : 1, 'a dial that is over is made anew')
    if (isAnswer) t.deepEqual(dials[1], { listener: session, headers: { name: 'value' } })
    early.abandon()
    t.deepEqual(atUpstream, [])
  })
}

test('a refusal before any upgrade waits is told by the session', async t => {
  const { early, untilSettled, session, told } = stage()
  early.failed(refusal(400))
  await t.notThrowsAsync(untilSettled())
  early.dial(session)
  await microtasks()
  t.deepEqual(told, ['failed upstream_refused'])
})

test.serial('a timer does not outlast the wait of an upgrade', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
  const { early, untilSettled, upstream } = stage()
  const before = timers()
  const settled = untilSettled()
  t.is(timers(), before + 1)
  early.opened(upstream)
  await settled
  t.is(timers(), before)
})

test('an upgrade that was answered is not answered again by a late refusal', async t => {
  const { early, untilSettled, session, told } = stage({ withinMs: 1 })
  await untilSettled()
  early.failed(refusal(429))
  early.dial(session)
  await microtasks()
  t.deepEqual(told, ['failed upstream_refused'])
})

test('a dial under way when the session begins goes on, and tells it everything as it happens', async t => {
  const { early, untilSettled, upstream, session, told, atUpstream, dials } = stage({ withinMs: 1 })
  await untilSettled()
  early.dial(session)
  await microtasks()
  t.deepEqual(told, [])
  early.opened(upstream)
  early.event(Buffer.from('one'), true)
  early.closed(1001, 'expired')
  t.deepEqual(told, ['opened', 'binary one', 'closed 1001 expired'])
  t.deepEqual(atUpstream, ['relay'])
  early.dial(session)
  t.is(dials.length, 2, 'a renewal dials by itself')
})

for (const failure of ['failed', 'fault'] as const) {
  test(`a dial that was taken over tells the session: ${failure}`, async t => {
    const { early, session, told } = stage()
    early.dial(session)
    if (failure === 'failed') early.failed(refusal(500))
    else early.fault(new Error('broken'))
    t.deepEqual(told, [failure === 'failed' ? 'failed upstream_refused' : 'fault broken'])
  })
}

test("a fault of the gateway's own before the session begins is told as a failure", async t => {
  const { early, untilSettled, session, told } = stage()
  const settled = untilSettled()
  early.fault(new Error('broken'))
  await settled
  early.dial(session)
  await microtasks()
  t.deepEqual(told, ['failed internal'])
})

test('code of the session that fails on what it is told ends the session', async t => {
  const { early, upstream, session, told } = stage()
  early.opened(upstream)
  session.opened = () => {
    throw new Error('broken')
  }
  early.dial(session)
  await microtasks()
  t.deepEqual(told, ['fault broken'])
})

for (const isEarly of [true, false]) {
  test(`a client that leaves ${isEarly ? 'before' : 'while'} its upgrade waits ends the dial`, async t => {
    const client = new AbortController()
    const { untilSettled, atUpstream } = stage({ gone: client.signal })
    if (isEarly) client.abort()
    const settled = untilSettled()
    client.abort()
    await t.throwsAsync(settled, { code: 'client_silent' })
    t.deepEqual(atUpstream, ['abort'])
  })
}

test('a client that leaves after its upgrade was answered is no matter of the dial any more', async t => {
  const client = new AbortController()
  const { early, untilSettled, upstream, atUpstream } = stage({ gone: client.signal })
  early.opened(upstream)
  await untilSettled()
  client.abort()
  t.deepEqual(atUpstream, ['pause'])
})

/** A dial that is given up: when, and what upstream sees of it. */
const ends: readonly (readonly [
  when: string,
  isOpened: boolean,
  isTaken: boolean,
  expected: readonly string[],
])[] = [
  ['while it dials', false, false, ['abort']],
  ['after it was opened', true, false, ['pause', 'close 1000']],
  ['by a session, while it dials', false, true, ['abort']],
  ['by a session, before it was told', true, true, ['pause', 'close 1000']],
]

for (const [when, isOpened, isTaken, expected] of ends) {
  test(`a dial that is given up ${when} ends once, and tells nothing`, async t => {
    const { early, upstream, session, told, atUpstream } = stage()
    if (isOpened) early.opened(upstream)
    const drop = isTaken ? early.dial(session) : () => early.abandon()
    drop()
    drop()
    t.deepEqual(atUpstream, expected)
    if (!isOpened) early.opened(upstream)
    early.event(Buffer.from('late'), false)
    early.closed(1000, '')
    early.failed(refusal(500))
    await microtasks()
    t.deepEqual(told, [])
    t.deepEqual(
      atUpstream,
      isOpened ? expected : [...expected, 'close 1000'],
      'one that opens late is closed',
    )
  })
}

test('what a session has taken over is not abandoned with the upgrade', t => {
  const { early, session, atUpstream } = stage()
  early.dial(session)
  early.abandon()
  t.deepEqual(atUpstream, [])
})
