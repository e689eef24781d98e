/**
 * One client floods, another goes on: in eleven kinds, by clients that read and by clients that never do. How fast the
 * bystander is answered meanwhile hangs on the machine: `npm run bench -- --fairness` measures it.
 */
import test from 'ava'
import { kinds } from './kinds.ts'
import {
  answerMs,
  floodOnce,
  startBystander,
  startFlooder,
  startGatewayChild,
  startSimulatorChild,
} from './stage.ts'

/** So long at least, and so long at most until it is cut for the first time (ms). */
const flood = { leastMs: 1500, mostMs: 10_000 }
/** What may be left of a flood, in heap and external memory (bytes). */
const mostLeft = 30 * 1024 * 1024
const settleMs = 100

for (const kind of kinds) {
  test.serial(`${kind.name}: the flood is cut, the bystander is answered, and memory comes back`, async t => {
    const gateway = await startGatewayChild(t, await startSimulatorChild(t))
    const [bystander, flooder] = [await startBystander(t, gateway.url), await startFlooder(t)]
    const before = await gateway.held()
    for (const reads of [true, false]) {
      const who = reads ? 'a client that reads' : 'a client that never reads'
      await bystander.watch()
      const { flooded, ends } = await floodOnce(gateway, flooder, { kind: kind.name, reads, ...flood })
      const { sent, answered, times } = await bystander.stop()
      const slowest = Math.round(Math.max(...times))
      t.log(
        `${who}:`,
        flooded,
        'by the gateway:',
        ends,
        `bystander: ${sent} heartbeats, slowest ${slowest} ms`,
      )
      const isCut = Object.keys(flooded.ends).length > 0 || Object.keys(ends).length > 0
      t.true(isCut, `${who} was not cut: ${JSON.stringify(flooded)}`)
      t.is(answered, sent, `${who}: heartbeats of the bystander had no answer`)
    }
    t.regex(await bystander.say('what did I say'), /"my name is Ada"/)
    t.is(gateway.child.exitCode, null)
    // What the flood left behind is gone as soon as its sockets are; when that is, the machine says.
    const deadline = performance.now() + answerMs
    let left = Number.POSITIVE_INFINITY
    while (left > mostLeft && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, settleMs))
      const now = await gateway.held()
      left = now.heap + now.external - before.heap - before.external
    }
    t.true(left <= mostLeft, `${left} bytes are left`)
  })
}
