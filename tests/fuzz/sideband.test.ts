import test from 'ava'
import { runSurface } from './run.ts'
import { sideband } from './sideband.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 360

test('whatever is said to a call and by it, its observers end by name and a bystander hears his own', async t => {
  const played = await runSurface(t, sideband, { seed, goesOn: played => played < inputs })
  t.log(played, 'inputs')
  t.true(played >= inputs)
})
