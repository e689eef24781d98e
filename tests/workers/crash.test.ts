/** A worker that will not live: tried again, ever later, and then no more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { LogEvent } from '../../runtime/observability/log.ts'
import { Slot, type SlotTimes } from '../../runtime/workers/slot.ts'
import { forkChild } from '../gateway/child.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { gone, severalWorkers } from './several.ts'

const runtime = fileURLToPath(new URL('../../runtime', import.meta.url))

/** A prompt that is there, and can be taken away. */
function promptFile(): { path: string; variable: string } {
  const path = join(mkdtempSync(join(tmpdir(), 'gateway-prompt-')), 'template.txt')
  writeFileSync(path, 'Be brief.')
  return { path, variable: relative(runtime, path) }
}

test.serial(
  'a worker that cannot start again is tried again and again, then all drain and the process fails',
  async t => {
    const prompt = promptFile()
    const several = await severalWorkers(t, 2, { REALTIME_TEMPLATE_PATH: prompt.variable })
    const pids = [1, 2].map(several.pidOf)
    const { talk, worker } = await several.converseAt('/chat')
    rmSync(dirname(prompt.path), { recursive: true })
    const other = 3 - worker
    process.kill(several.pidOf(other), 'SIGKILL')
    await talk.until('server.draining')
    t.is((await talk.closed).code, 1012)
    t.is((await several.exited).code, 1)
    await gone(pids)
    const exits = several.lines.filter(line => line.event === 'worker.exited' && line.worker === other)
    // One more where it had served for long enough before it was killed.
    t.true(exits.length === 6 || exits.length === 7, String(exits.length))
    const faults = several.lines
      .filter(line => line.event === 'process.failed')
      .map(({ error }) => String(error))
    t.regex(faults.join('\n'), /template\.txt/)
    t.is(faults.at(-1), `Worker ${other} ended 6 times in a row before it had served for 10000 ms`)
  },
)

test.serial('a worker that cannot start at first stops the start, and the fault is told once', async t => {
  const fault = await t.throwsAsync(gatewayProcess(t, { WORKERS: '3', REALTIME_MENU_PATH: 'menu/none.json' }))
  t.regex(fault?.message ?? '', /exited with 1 /)
  t.is(fault?.message.match(/menu\/none\.json/g)?.length, 1)
  t.regex(fault?.message ?? '', /Worker 1 ended with code 1 before it listened/)
})

const script = fileURLToPath(new URL('worker-script.ts', import.meta.url))

/** A slot whose processes do as they are told, with short times. */
function slotOf(t: ExecutionContext, manner: string, times: Partial<SlotTimes>) {
  const events: LogEvent[] = []
  const pids: (number | undefined)[] = []
  const { promise: givenUp, resolve: onGivenUp } = Promise.withResolvers<Error>()
  const { promise: refilled, resolve: onRefilled } = Promise.withResolvers<void>()
  const write = (event: LogEvent) => {
    events.push(event)
    if (events.filter(seen => seen === 'worker.started').length === 2) onRefilled()
  }
  const slot = new Slot({
    number: 1,
    fork: () => {
      const child = forkChild(null, script, [manner])
      pids.push(child.pid)
      return child
    },
    answers: {},
    log: { info: write, warn: write, error: write },
    onEnded: () => undefined,
    onGivenUp,
    times: { startWithin: 30_000, steady: 0, firstRetry: 1, silence: 200, checkInterval: 10, ...times },
  })
  t.teardown(() => slot.kill())
  return { slot, events, pids, givenUp, refilled }
}

test.serial('a worker that is stuck is ended and replaced', async t => {
  const { slot, events, refilled } = slotOf(t, 'stuck', {})
  t.is(await slot.start(), 'http://worker')
  await refilled
  t.deepEqual(events, ['worker.started', 'worker.silent', 'worker.exited', 'worker.started'])
})

test.serial('a worker that does not come to listen is ended', async t => {
  const { slot } = slotOf(t, 'never', { startWithin: 50, steady: 60_000 })
  await t.throwsAsync(slot.start(), { message: 'Worker 1 ended with SIGKILL before it listened' })
})

test.serial('a worker that ends as soon as it listens is given up', async t => {
  const { slot, pids, givenUp } = slotOf(t, 'brief', { steady: 60_000 })
  await slot.start()
  t.regex((await givenUp).message, /^Worker 1 ended 6 times in a row/)
  t.is(pids.length, 6)
  t.true(await slot.drain(1000, 1000))
})

test.serial('a worker that does not drain is ended at the deadline, and that is told', async t => {
  const { slot, pids } = slotOf(t, 'deaf', {})
  await slot.start()
  t.false(await slot.drain(50, 50))
  await gone(pids.filter(pid => pid !== undefined))
  t.true(await slot.drain(50, 50))
})

test.serial('a program that cannot be run at all is told like one that ends', async t => {
  const { promise, resolve } = Promise.withResolvers<Error>()
  const slot = new Slot({
    number: 1,
    fork: () => forkChild(null, script, [], { execPath: '/nowhere/node' }),
    answers: {},
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onEnded: () => undefined,
    onGivenUp: resolve,
    times: { startWithin: 1000, steady: 60_000, firstRetry: 1, silence: 1000, checkInterval: 1000 },
  })
  t.teardown(() => slot.kill())
  await t.throwsAsync(slot.start(), { message: /^Worker 1 ended with code null before it listened/ })
  t.regex((await promise).message, /6 times/)
})
