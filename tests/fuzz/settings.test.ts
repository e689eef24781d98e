import test from 'ava'
import { runSurface } from './run.ts'
import { settings } from './settings.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 10_000

test('whatever the environment holds, it is a configuration or faults that name variables', async t => {
  const played = await runSurface(t, settings, { seed, goesOn: played => played < inputs })
  t.log(played, 'inputs')
  t.true(played >= inputs)
})
