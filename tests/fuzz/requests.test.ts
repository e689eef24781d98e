import test from 'ava'
import { requests } from './requests.ts'
import { runSurface } from './run.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 900

test('whatever is asked over HTTP, a bystander is answered and nothing of the gateway fails', async t => {
  const played = await runSurface(t, requests, { seed, goesOn: played => played < inputs })
  t.log(played, 'inputs')
  t.true(played >= inputs)
})
