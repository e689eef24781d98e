/** A peer's signs of life, interval by interval. */
import test from 'ava'
import { Heartbeat, silentIntervals } from '../../runtime/session/heartbeat.ts'

/** Far longer than a test: intervals are over when the test says so (ms). */
const never = 60_000

function stage() {
  const told: string[] = []
  const watching = {
    wasHeard: false,
    intervalOver: () => void told.push('ping'),
    peerSilent: () => void told.push('silent'),
    onFault: (fault: unknown) => void told.push(`fault ${(fault as Error).message}`),
  }
  const heartbeat = new Heartbeat(never, watching)
  const beat = (times: number) => {
    for (let n = 0; n < times; n += 1) heartbeat.tick()
    return told.splice(0)
  }
  return { heartbeat, watching, beat, told }
}

const pings = (count: number) => Array.from({ length: count }, () => 'ping')

test('a peer that is silent for three intervals is gone', t => {
  t.is(silentIntervals, 3)
  const { heartbeat, beat } = stage()
  t.deepEqual(beat(silentIntervals), pings(silentIntervals))
  t.deepEqual(beat(1), ['silent'])
  heartbeat.stop()
})

test('whatever is heard begins the count anew, once', t => {
  const { heartbeat, watching, beat } = stage()
  beat(silentIntervals - 1)
  watching.wasHeard = true
  t.deepEqual(beat(silentIntervals), pings(silentIntervals))
  t.false(watching.wasHeard)
  t.deepEqual(beat(1), ['silent'])
  heartbeat.stop()
})

test('nothing is counted while the peer is left unread, and the count begins anew after', t => {
  const { heartbeat, beat } = stage()
  beat(silentIntervals)
  heartbeat.hold(true)
  t.deepEqual(beat(2 * silentIntervals), [])
  heartbeat.hold(false)
  t.deepEqual(beat(silentIntervals), pings(silentIntervals))
  t.deepEqual(beat(1), ['silent'])
  heartbeat.stop()
})

test('a fault is told to whoever watches', t => {
  const { heartbeat, told } = stage()
  heartbeat.onFault(new Error('broken'))
  t.deepEqual(told, ['fault broken'])
  heartbeat.stop()
})

test('it beats once an interval until it is stopped, or the peer is gone', async t => {
  const intervalMs = 20
  const counts = { stopped: 0, silent: 0, running: 0 }
  const watch = (name: keyof typeof counts) => ({
    wasHeard: false,
    intervalOver: () => {
      counts[name] += 1
    },
    peerSilent: () => {
      counts[name] += 100
    },
    onFault: () => t.fail(),
  })
  const stopped = new Heartbeat(intervalMs, watch('stopped'))
  stopped.stop()
  stopped.stop()
  const silent = new Heartbeat(intervalMs, watch('silent'))
  const running = watch('running')
  const last = new Heartbeat(intervalMs, running)
  // The one that runs says how much time has passed for the others.
  for (let looks = 0; counts.running < 3 * silentIntervals; looks += 1) {
    if (looks === 5000) return t.fail('it does not beat')
    running.wasHeard = true
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  last.stop()
  silent.stop()
  t.is(counts.stopped, 0)
  t.is(counts.silent, silentIntervals + 100)
})
