import test from 'ava'
import { startStage } from './rows.ts'
import { measureStorm } from './storm.ts'

const sessions = 20

test('a storm is measured beside the bare relay, with tickets and with Redis', async t => {
  const stage = await startStage()
  t.teardown(() => {
    stage.source.child.kill('SIGKILL')
    stage.clients.child.kill('SIGKILL')
  })
  const figures = await measureStorm(stage, name => name !== 'haproxy', { sessions, rounds: 1 })
  const of = (row: string, contender: string) =>
    figures.find(figure => figure.row === row && figure.contender === contender)?.median ?? 0
  for (const contender of ['gateway', 'bare']) {
    const storm = `storm of ${sessions}`
    t.true(of(`${storm}: connects`, contender) > 0, contender)
    t.true(of(`${storm}: CPU of a connect`, contender) > 0, contender)
    t.true(of(`${storm}: the last one served`, contender) > 0, contender)
    t.true(of(`${storm}: longest delay of the event loop`, contender) > 0, contender)
  }
  t.true(of(`storm of ${sessions}, tickets: connects`, 'gateway') > 0)
  // At least: claim the ticket, spend it, and take the conversation over.
  t.true(of(`storm of ${sessions}, tickets, Redis: commands to Redis, of a session`, 'gateway') >= 3)
})
