/** `npm run conformance`: plays every case of RFC 6455 at both legs, and prints the verdicts. Exit code 1: a surprise. */
import { legs } from './legs.ts'
import { countVerdicts, playLeg, surprises } from './run.ts'

if (process.argv.includes('--help')) {
  console.log(
    'npm run conformance\n\nPlays every case of RFC 6455 at both legs, and prints the verdicts. Exit code 1: a surprise.',
  )
  process.exit(0)
}
let found = 0
for (const leg of legs) {
  const ends: (() => unknown)[] = []
  const judged = await playLeg({ teardown: end => void ends.push(end) }, leg)
  for (const end of ends.reverse()) await end()
  const unforeseen = surprises(leg, judged)
  found += unforeseen.length
  console.log(`${leg}: ${judged.length} cases`)
  for (const [category, counts] of Object.entries(countVerdicts(judged)))
    console.log(`  ${category.padStart(2)}.x ${JSON.stringify(counts)}`)
  for (const line of unforeseen) console.log(`  ${line}`)
}
process.exit(found === 0 ? 0 : 1)
