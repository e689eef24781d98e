import test from 'ava'
import {
  predictCapacity,
  predictCpu,
  sessionsOfFullReplica,
  speakingEventsPerSecond,
  workersOf,
} from '../../infra/capacity.ts'
import { readSettings } from '../../infra/settings.ts'
import { ownValues, stackFile } from './azure.ts'

const sizes = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 4].map(cpu => ({ cpu, memoryGib: cpu * 2 }))

test('a replica has a process for each core, and two at least', t => {
  t.deepEqual(
    sizes.map(({ cpu }) => workersOf(cpu)),
    [2, 2, 2, 2, 2, 2, 2, 2, 4],
  )
})

test('CPU is that of each process, of each session and of each event', t => {
  t.is(predictCpu(0, 13, 1), 25_000)
  t.is(predictCpu(0, 13, 2), 50_000)
  t.is(predictCpu(1000, 0, 1) - predictCpu(0, 0, 1), 1000 * 7)
  t.is(predictCpu(1000, 2, 1) - predictCpu(1000, 1, 1), 1000 * 17)
})

for (const size of sizes)
  test(`the capacity of ${size.cpu} vCPU uses 60 % of it, and one session more would use more`, t => {
    const { sessions, limit } = predictCapacity(size)
    t.is(limit, 'CPU')
    const used = (count: number) => predictCpu(count, speakingEventsPerSecond, workersOf(size.cpu))
    t.true(used(sessions) <= size.cpu * 600_000)
    t.true(used(sessions + 1) > size.cpu * 600_000)
  })

test('capacity in sessions and connections a second, by size', t => {
  t.deepEqual(
    [0.25, 0.5, 1, 2, 4].map(cpu => {
      const { sessions, connectsPerSecond } = predictCapacity({ cpu, memoryGib: cpu * 2 })
      return [cpu, sessions, connectsPerSecond]
    }),
    [
      [0.25, 438, 320],
      [0.5, 1096, 641],
      [1, 2412, 1282],
      [2, 5043, 2564],
      [4, 10_087, 5128],
    ],
  )
})

test('memory limits a replica that has little of it, and none that is too small counts below zero', t => {
  const little = predictCapacity({ cpu: 1, memoryGib: 0.4 })
  t.is(little.limit, 'memory')
  // Three quarters of 0.4 GiB, without 280 MB of processes; 21 kB a session.
  t.is(little.sessions, Math.floor((0.3 * 1024 ** 3 - 280e6) / 21_000))
  t.is(predictCapacity({ cpu: 1, memoryGib: 0.1 }).sessions, 0)
  t.is(predictCapacity({ cpu: 0.05, memoryGib: 2 }).sessions, 0)
})

test('a full replica has as many sessions as are asked for, and no more than its size serves', t => {
  t.is(sessionsOfFullReplica(500, { cpu: 1, memoryGib: 2 }), 500)
  t.is(sessionsOfFullReplica(5000, { cpu: 1, memoryGib: 2 }), 2412)
})

test('a stack that asks for more is told, with the number', t => {
  const warningsOf = (sessionsPerReplica: number) =>
    readSettings({
      stack: 'dev',
      values: ownValues({ ...stackFile('dev'), containerCpu: '0.25', redis: 'on', sessionsPerReplica }),
      today: new Date('2026-11-20T00:00:00Z'),
      preview: true,
    }).warnings.join('\n')
  t.regex(warningsOf(500), /sessionsPerReplica is 500, but a replica of 0\.25 vCPU serves 438 sessions/)
  t.notRegex(warningsOf(438), /sessionsPerReplica/)
})
