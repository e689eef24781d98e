import test from 'ava'
import { runSurface } from './run.ts'
import { stored } from './stored.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 300

test('whatever the store answers, clients end by name and a bystander is answered', async t => {
  const played = await runSurface(t, stored, { seed, goesOn: played => played < inputs })
  t.log(played, 'inputs')
  t.true(played >= inputs)
})
