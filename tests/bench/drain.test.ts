import test from 'ava'
import { measureDrain } from './drain.ts'
import { startStage } from './rows.ts'

const sessions = 25

test('a drain sends every client to the next process, whose event loop is watched meanwhile', async t => {
  const stage = await startStage()
  t.teardown(() => {
    stage.source.child.kill('SIGKILL')
    stage.clients.child.kill('SIGKILL')
  })
  const figures = await measureDrain(stage, sessions)
  t.deepEqual(
    figures.map(({ row }) => row),
    [
      'the last one served',
      'longest time without a session',
      'longest delay of the next event loop',
      'conversations that began anew',
      'CPU of a session that comes',
    ].map(row => `drain of ${sessions}: ${row}`),
  )
  for (const { row, median } of figures)
    if (row.endsWith('anew')) t.is(median, 0)
    else t.true(median > 0, row)
})
