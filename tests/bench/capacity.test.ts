import test from 'ava'
import { predictCpu } from '../../infra/capacity.ts'
import { measureCapacity } from './capacity.ts'
import { bufferPages, slabBytes } from './kernel-memory.ts'
import { startStage } from './rows.ts'

test('memory and CPU are measured at every count, beside what the model of capacity predicts', async t => {
  const stage = await startStage()
  t.teardown(() => {
    stage.source.child.kill('SIGKILL')
    stage.clients.child.kill('SIGKILL')
  })
  const talking = [10, 30]
  const figures = await measureCapacity(stage, {
    ...{ idle: 20, talking, seconds: 0.5, settleMs: 10, idleMs: 100 },
  })
  const of = (row: string) => figures.find(figure => figure.row === row)?.median ?? Number.NaN
  t.true(of('capacity, 20 idle: memory of the process before') > 0)
  t.true(of('capacity, 20 idle: connects') > 0)
  t.true(Number.isFinite(of('capacity, 20 idle: memory of a session')))
  t.true(Number.isFinite(of('capacity, 20 idle: memory of a session, without garbage')))
  for (const count of talking) {
    const row = `capacity, ${count} talking`
    t.true(of(`${row}: CPU`) > 0, row)
    t.true(of(`${row}: predicted, times measured`) > 0, row)
    // A process without events, and one that keeps the pace of two events a second.
    t.true(of(`${row}: CPU, predicted`) >= predictCpu(0, 0, 1) / 10_000, row)
    t.true(of(`${row}: CPU, predicted`) <= predictCpu(count, 2, 1) / 10_000 + 0.01, row)
  }
  t.is(of('capacity, 10 talking: that, times 10 sessions'), 1)
})

test('the memory of the kernel is that of the slabs of sockets, and of the pages with data', t => {
  const slabinfo = [
    'slabinfo - version: 2.1',
    '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>',
    'TCPv6                 26     26   2496   13    8 : tunables    0    0    0',
    'TCP                  100    156   2368   13    8 : tunables    0    0    0',
    'sock_inode_cache      50    532    832   19    4 : tunables    0    0    0',
    'kmalloc-8k            36     36   8192    4    8 : tunables    0    0    0',
  ].join('\n')
  t.is(slabBytes(slabinfo), 100 * 2368 + 50 * 832)
  t.is(
    bufferPages('sockets: used 5\nTCP: inuse 4 orphan 0 tw 18 alloc 4 mem 210\nUDP: inuse 0 mem 157\n'),
    210,
  )
})
