/** Who was cut for what it took of the event loop waits a moment; nobody else does. */
import test from 'ava'
import { GatewayError } from '../../runtime/core/errors.ts'
import { CutClients, waitMs } from '../../runtime/limits/cut-clients.ts'

test('a client that was cut is refused until its wait is over, and no other is', t => {
  let now = 1000
  const cut = new CutClients(() => now)
  cut.note('credential:a address:1')
  t.like(
    t.throws(() => cut.check('credential:a address:1'), { instanceOf: GatewayError }),
    {
      code: 'client_too_fast',
      status: 429,
      retryAfterMs: waitMs,
    },
  )
  t.notThrows(() => cut.check('credential:a address:2'))
  t.notThrows(() => cut.check('credential:b address:1'))
  now += waitMs
  t.notThrows(() => cut.check('credential:a address:1'))
})

test('clients whose wait is over are forgotten, and no more than 10,000 are remembered', t => {
  let now = 0
  const cut = new CutClients(() => now)
  for (let client = 0; client < 20_000; client += 1) cut.note(`c${client}`)
  t.is(cut.size, 10_000)
  t.throws(() => cut.check('c19999'))
  now += waitMs
  cut.note('later')
  t.is(cut.size, 1)
})

test('a clock that is set back by an hour lets nobody wait for an hour', t => {
  let now = 10_000_000
  const cut = new CutClients(() => now)
  cut.note('a')
  now -= 3_600_000
  t.notThrows(() => cut.check('a'))
})
