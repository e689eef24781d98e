/** The watch over a process of tools, by a clock that the test moves: no number of calls postpones the next look. */
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../runtime/core/clock.ts'
import { HostProcess, type ProcessEnd } from '../../runtime/tools/host-process.ts'
import { createClock } from '../access/clock.ts'
import { patienceMs, until, within } from '../gateway/within.ts'
import { mebibyte } from './host.ts'

/** Between two calls (ms): less than from a call to the look that it asks for. */
const callEveryMs = 30

/** Starts a process without tools, whose time goes on with calls alone. */
async function startWatched(t: ExecutionContext, memoryBytes: number) {
  const hand = createClock(0)
  const ready = Promise.withResolvers<void>()
  let end: ProcessEnd | null = null
  const watched = new HostProcess({
    env: {},
    memoryBytes,
    clock: { ...systemClock, monotonicNow: hand.now, after: hand.after },
    heard: ({ type }) => {
      if (type === 'ready') ready.resolve()
    },
    wrote: () => undefined,
    exited: exit => {
      end = exit.end
    },
    isBusy: () => true,
    onFault: fault => t.fail(String(fault)),
  })
  t.teardown(() => watched.kill('closed'))
  watched.send({ type: 'start', folder: '/', files: [] })
  await within(ready.promise, patienceMs, 'the process does not start')
  /** @returns why it ended */
  const callUntilEnd = async () => {
    const hasEnded = () => {
      watched.watch()
      hand.advance(callEveryMs)
      return end !== null
    }
    await until(hasEnded, 'the process does not end')
    return end
  }
  return { watched, callUntilEnd }
}

test('a process that takes too much memory is ended, however often its tools are called', async t => {
  const { callUntilEnd } = await startWatched(t, 32 * mebibyte)
  t.is(await callUntilEnd(), 'over_memory')
})

test('a process that hangs is ended, however often its tools are called', async t => {
  const { watched, callUntilEnd } = await startWatched(t, 1024 * mebibyte)
  process.kill(Number(watched.pid), 'SIGSTOP')
  t.is(await callUntilEnd(), 'unresponsive')
})
