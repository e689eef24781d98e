/** RFC 6455 at both legs, in its short form: every kind of case, and one case in three. `npm run conformance` plays all. */
import test from 'ava'
import { type Case, makeCases } from './cases.ts'
import { totals } from './expected.ts'
import { legs } from './legs.ts'
import { countVerdicts, foreseen, playLeg, surprises } from './run.ts'

/** The first case of each kind, and of the others every third. */
function shortForm(): (given: Case, at: number) => boolean {
  const seen = new Set<string>()
  return ({ kind, expected }, at) => {
    const name = `${kind} ${expected.end}`
    const isNew = !seen.has(name)
    seen.add(name)
    return isNew || at % 3 === 0
  }
}

for (const leg of legs) {
  test(`the ${leg}'s leg keeps to RFC 6455 but where the table of exceptions says why not`, async t => {
    const judged = await playLeg(t, leg, shortForm())
    t.log(judged.length, 'cases')
    t.deepEqual(surprises(leg, judged), [])
  })

  test(`the verdicts foreseen for the ${leg}'s leg add up to the table by category`, t => {
    const all = makeCases(leg === 'client').map(given => ({
      given,
      outcome: { messages: [], pongs: [], ending: null },
      verdict: foreseen(leg, given),
    }))
    t.deepEqual(countVerdicts(all), totals[leg])
  })
}
