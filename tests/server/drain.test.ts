import test from 'ava'
import { Drain } from '../../runtime/server/drain.ts'

test('a connection that fails to end keeps no other from its end', async t => {
  const faults: string[] = []
  const log = { info: () => undefined, warn: () => undefined, error: (event: string) => faults.push(event) }
  const drain = new Drain({ lameDuckMs: 0, deadlineMs: 100, log })
  const ended: number[] = []
  const connections = Array.from({ length: 30 }, (_, place) => ({
    announce: () => undefined,
    drain: () => {
      if (place === 0) throw new Error('broken')
      ended.push(place)
      drain.remove(connections[place] as (typeof connections)[number])
    },
  }))
  for (const connection of connections) drain.add(connection)
  await drain.begin()
  t.is(ended.length, 29)
  t.deepEqual(faults, ['connection.failed'])
  t.is(drain.phase, 'drained')
})
