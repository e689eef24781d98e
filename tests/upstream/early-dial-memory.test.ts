/** What waits in a dial before its session begins is let go with its use. */
import test from 'ava'
import type { Upstream, UpstreamListener } from '../../runtime/core/ports.ts'
import { EarlyDial } from '../../runtime/upstream/early-dial.ts'
import { collectGarbage } from '../core/unending-answer.ts'

const largeBytes = 32 * 1024 * 1024
const nothing = () => undefined
const upstream: Upstream = {
  ...{ send: nothing, buffered: () => 0, pause: nothing, resume: nothing, close: nothing, giveUp: nothing },
}
const session: UpstreamListener = {
  ...{ opened: nothing, event: nothing, closed: nothing, failed: nothing, fault: nothing },
}

for (const end of ['told', 'given up'] as const) {
  test.serial(`what waited is not kept once it was ${end}`, async t => {
    const early = new EarlyDial({ dial: () => nothing, maxHeldBytes: 2 * largeBytes })
    early.opened(upstream)
    const before = process.memoryUsage().arrayBuffers
    early.event(Buffer.alloc(largeBytes), true)
    const drop = early.dial(session)
    if (end === 'told') await new Promise(resolve => setImmediate(resolve))
    else drop()
    await collectGarbage()
    t.true(process.memoryUsage().arrayBuffers < before + largeBytes / 2)
    // Whoever still has the dial keeps nothing with it.
    early.abandon()
  })
}
