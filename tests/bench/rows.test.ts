import test from 'ava'
import { isPresent, startContender } from './contenders.ts'
import { measureIdle } from './idle.ts'
import { encryptedLegOf, legsOf, measureRow, openSessions, rows, type Stage, startStage } from './rows.ts'
import type { StormOutcome } from './storm.ts'

const sessions = 2
const seconds = 0.1

test('a row with an encrypted client leg is measured through every contender, which serves no client without TLS', async t => {
  const stage = await startedStage(t)
  const encrypted = rows.filter(row => encryptedLegOf(row) === 'client')
  t.deepEqual(
    encrypted.map(({ name }) => name),
    ['down, 400 B', 'down, 6.4 kB', 'up, 400 B', 'up, 6.4 kB'].map(name => `${name}, client TLS`),
  )
  for (const name of new Set(encrypted.flatMap(({ contenders }) => contenders).filter(isPresent))) {
    const contender = await startContender(name, ...legsOf(stage, 'client'))
    await openSessions(stage, contender, sessions)
    for (const row of encrypted.filter(({ contenders }) => contenders.includes(name)))
      t.true(
        (await measureRow(stage, contender, { ...row, perSecond: 200 }, seconds, sessions)) > 0,
        `${name}, ${row.name}`,
      )
    const plain = await stage.clients.ask<StormOutcome>('storm', {
      group: 'plain',
      urls: [contender.url.replace('wss:', 'ws:')],
    })
    t.deepEqual([plain.served.length, plain.refused.length], [0, 1], name)
    contender.stop()
  }
})

test('memory of an idle session is measured with TLS to upstream', async t => {
  const stage = await startedStage(t)
  const load = { sessions: 5, names: ['gateway', 'bare'] } as const
  const figures = await measureIdle(stage, isPresent, { encrypted: 'upstream', loads: [load], settleMs: 50 })
  for (const name of load.names)
    for (const row of ['idle session of 5, TLS', 'connects to 5, TLS'])
      t.true(
        figures.some(figure => figure.row === row && figure.contender === name),
        `${name}, ${row}`,
      )
})

async function startedStage(t: { teardown(end: () => void): void }): Promise<Stage> {
  const stage = await startStage()
  t.teardown(() => {
    stage.source.child.kill('SIGKILL')
    stage.clients.child.kill('SIGKILL')
  })
  return stage
}
