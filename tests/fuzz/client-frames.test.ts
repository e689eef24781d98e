import test from 'ava'
import { clientFrames } from './client-frames.ts'
import { runSurface } from './run.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 600

test('whatever clients send on their sockets, a bystander is answered and nothing of the gateway fails', async t => {
  const played = await runSurface(t, clientFrames, { seed, goesOn: played => played < inputs })
  t.log(played, 'inputs')
  t.true(played >= inputs)
})
