import test from 'ava'
import { startStage } from './rows.ts'
import { measureTools } from './tools.ts'

test('events, turns and sessions of an assistant with a tool are measured beside one without', async t => {
  const stage = await startStage()
  t.teardown(() => {
    for (const { child } of [stage.source, stage.clients]) child.disconnect()
  })
  const figures = await measureTools(stage, {
    events: { pairs: 1, rounds: 1, roundsOfWarmUp: 0, mostMs: 1 },
    turns: { pairs: 1, rounds: 1, count: 50, perSecond: 400, dialled: 5 },
  })
  t.deepEqual(
    figures.map(({ row, contender }) => `${row}: ${contender}`),
    [
      ...['tools, down, 6.4 kB: gateway', 'tools, up, 6.4 kB: gateway'],
      ...['tools, a turn: with a tool', 'tools, a turn: without'],
      ...['tools, a session: with a tool', 'tools, a session: without'],
    ],
  )
  t.true(figures.every(({ median }) => median > 0))
})
