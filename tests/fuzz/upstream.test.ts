import test from 'ava'
import { runSurface } from './run.ts'
import { upstream } from './upstream.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 360

test('whatever upstream answers and writes, clients end by name and a bystander at another upstream is answered', async t => {
  const played = await runSurface(t, upstream, { seed, goesOn: played => played < inputs })
  t.log(played, 'inputs')
  t.true(played >= inputs)
})
