/** An assistant with tools answers the telephone: each tool runs once, the caller hears of it, and a drain hands the call over. */
import test, { type ExecutionContext } from 'ava'
import { Script } from '../../runtime/simulator/model/script.ts'
import { converse, type Talk } from '../gateway/converse.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { until, untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { clerkFor } from './clerk.ts'
import { desk, exchangeFor, sessionsOf } from './telephone.ts'

type CallEvent = { type: string; [field: string]: unknown }

const stamp = (paper: string) => ({ call: 'stamp', arguments: { paper } })

async function replica(t: ExecutionContext, env: Record<string, string>): Promise<TestGateway> {
  const gateway = await gatewayFor(t, env)
  await untilReady(gateway.url)
  return gateway
}

/** Watches the call, as the desk does. */
async function watch(t: ExecutionContext, gateway: TestGateway): Promise<Talk> {
  const [listed] = await sessionsOf(gateway, desk)
  const path = `${gateway.socketUrl}/sideband/control/${listed?.session_id}`
  const control = await converse(t, path, { headers: desk })
  await control.until('sideband_connected')
  return control
}

/** Waits until the caller has heard all of an answer. @returns what was told of tools up to then */
async function untilHeard(control: Talk, answer: string) {
  const event = (type: string, fits: (event: CallEvent) => boolean = () => true) =>
    control.until('openai_event', message => {
      const event = message.event as CallEvent
      return event.type === type && fits(event)
    })
  const said = await event('response.output_audio_transcript.done', ({ transcript }) => transcript === answer)
  const played = await event('output_audio_buffer.stopped')
  return [...said, ...played]
    .filter(({ type }) => type === 'assistant.tool')
    .map(({ name, status }) => [name, status])
}

const ran = [
  ['stamp', 'running'],
  ['stamp', 'done'],
]

for (const isWatched of [false, true])
  test(`a caller hears what a tool did, and a drain while one runs hands the call over${isWatched ? ', to a replica that the desk watches it at' : ''}`, async t => {
    t.timeout(120_000)
    const script = new Script([
      stamp('A'),
      { say: 'A is stamped.' },
      stamp('B'),
      { say: 'B is stamped.' },
      stamp('C'),
      { say: 'C is stamped.' },
    ])
    const [redis, exchange] = [await redisServer(t), await exchangeFor(t, script)]
    const clerk = clerkFor(t, 9000, 'high')
    const env = {
      ...exchange.env,
      ...clerk.env,
      REDIS_URL: redis.url,
      CALLS_POLICY: '+15550199=assistant:clerk',
    }
    const [a, b] = [await replica(t, env), await replica(t, env)]
    const { call, delivered } = exchange.ring(a, { to: 'sip:+15550199@sip.example' })
    await call.accepted
    t.deepEqual(await delivered, [[200]])
    await a.logged('sideband.control.connected')
    const atA = await watch(t, a)
    call.say(600)
    t.deepEqual(await untilHeard(atA, 'A is stamped.'), ran)

    clerk.hold()
    call.say(600)
    await clerk.untilStamped('B')
    const drained = a.drain()
    await a.logged('drain.started')
    const watchedEarly = isWatched ? await watch(t, b) : null
    clerk.release()
    // Whichever replica asked for the answer, the caller hears it once.
    if (watchedEarly !== null) await untilHeard(watchedEarly, 'B is stamped.')
    else await b.logged('sideband.call.taken_over', ({ call_id }) => call_id === call.id)
    await drained
    await a.close()
    t.is(call.phase, 'active')
    const atB = watchedEarly ?? (await watch(t, b))
    await until(() => script.left <= 2, 'the model does not take its script')

    call.say(600)
    t.deepEqual(await untilHeard(atB, 'C is stamped.'), ran)
    t.deepEqual(clerk.stamped(), ['A', 'B', 'C'])
    t.is(script.left, 0)
    call.leave()
    await b.logged('sideband.call.ended', ({ call_id }) => call_id === call.id)
  })
