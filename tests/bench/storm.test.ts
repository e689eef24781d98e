import { join } from 'node:path'
import test from 'ava'
import { startCommanded } from './command.ts'
import type { Upstreams } from './source.ts'
import { measureStorm } from './storm.ts'

const sessions = 20

test('a storm is measured beside the bare relay, with tickets and with Redis', async t => {
  const [source, clients] = await Promise.all(
    ['source.ts', 'clients.ts'].map(file => startCommanded(join(import.meta.dirname, file))),
  )
  if (source === undefined || clients === undefined) return t.fail()
  t.teardown(() => {
    source.child.kill('SIGKILL')
    clients.child.kill('SIGKILL')
  })
  const stage = { source, clients, upstreams: await source.ask<Upstreams>('upstreams') }
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
