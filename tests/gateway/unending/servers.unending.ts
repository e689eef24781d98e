/** Starts what tests start, notes the processes, and never ends: `child.test.ts` runs it with a short timeout. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import test from 'ava'
import { startGatewayChild, startSimulatorChild } from '../../fairness/stage.ts'
import { startProxy } from '../../rehearsal/proxy.ts'
import { Revision } from '../../rehearsal/revision.ts'
import { redisServer } from '../../store/redis-server.ts'
import { storeOwner } from '../../store/store-owner.ts'
import { hostFor } from '../../tools/host.ts'
import { severalWorkers } from '../../workers/several.ts'
import { stageOf } from '../file-stage.ts'
import { freePort } from '../free-port.ts'

const stage = stageOf(test)

const kinds: Readonly<Record<string, () => unknown>> = {
  redis: () => redisServer(stage),
  'store owner': () => storeOwner(stage),
  workers: () => severalWorkers(stage, 2),
  'gateway with commands': () => startGatewayChild(stage, {}),
  simulator: () => startSimulatorChild(stage),
  proxy: async () => startProxy(await freePort(), {}),
  'tool host': () => hostFor(stage, ['add']),
  revision: () =>
    Revision.start({
      ...{ name: 'blue', replica: 'blue-1', plant: 'none', env: {} },
      ...{ graceSec: 30, pingIntervalSec: 10 },
    }),
}

/** Ids of the processes that this one and its own have started. */
function descendants(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const parents = new Map(rows.map(row => row.trim().split(/\s+/).map(Number) as [number, number]))
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === process.pid || isOurs(parents.get(pid)))
  return [...parents.keys()].filter(pid => pid !== process.pid && isOurs(pid))
}

// Each that passes begins the runner's timeout anew.
for (const [kind, start] of Object.entries(kinds))
  test.serial(`starts: ${kind}`, async t => {
    await t.notThrowsAsync(async () => start())
  })

test.serial('waits in vain', async () => {
  writeFileSync(process.env.STARTED_FILE ?? '', JSON.stringify(descendants()))
  await new Promise(() => setInterval(() => undefined, 60_000))
})
