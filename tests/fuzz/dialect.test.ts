import test from 'ava'
import { exceptions, losses } from '../protocol/losses.ts'
import { createRoundTrips, type Trip } from '../protocol/round-trip.ts'
import { dialect, roundTrips } from './dialect.ts'
import { runSurface } from './run.ts'

/** Fixed, so that a test plays the same each time. */
const seed = 1
const inputs = 12_000

test('whatever either type set allows, nothing is lost in the other dialect but what the table says', async t => {
  const played = await runSurface(t, dialect, { seed, goesOn: played => played < inputs })
  const { types, used } = roundTrips()
  t.log(played, 'inputs')
  for (const [name, sides] of Object.entries(types)) {
    for (const [side, { variants, generated }] of Object.entries(sides)) {
      t.log(name, side, variants.size, 'variants')
      t.deepEqual(
        [...variants].filter(each => !generated.has(each)),
        [],
      )
    }
  }
  // A row that explains nothing is about something that is not lost.
  t.deepEqual(
    [...losses, ...exceptions].filter(row => !used.has(row)).map(({ what }) => what),
    [],
  )
})

const trip = (dialect: Trip['dialect'], side: Trip['side'], event: Trip['event']): Trip => ({
  dialect,
  side,
  event,
})

test('what the table does not say is found, by its name', t => {
  const { play } = createRoundTrips(roundTrips().types, [])
  const lost: [Trip, RegExp][] = [
    [
      trip('preview', 'client', { type: 'session.update', session: { temperature: 0.8 } }),
      /^preview session\.update session\.temperature: 0\.8 came back as nothing/,
    ],
    [
      trip('ga', 'client', {
        type: 'response.create',
        response: {
          tools: [
            { type: 'function', name: 'f' },
            { type: 'mcp', server_label: 's' },
          ],
        },
      }),
      /^ga response\.create response\.tools\[\]\.type: "mcp" came back as nothing/,
    ],
    [
      trip('ga', 'server', { type: 'conversation.item.done', item: {} }),
      /^ga conversation\.item\.done type: /,
    ],
  ]
  for (const [each, message] of lost) t.throws(() => play(each), { message })
})

test('what the other dialect does not know is found, by its name', t => {
  const { play } = roundTrips()
  t.throws(() => play(trip('ga', 'client', { type: 'response.create', response: { scent: 'rose' } })), {
    message: /^of preview this is none, as response\.scent is unknown/,
  })
  t.throws(() => play(trip('ga', 'client', { type: 'session.refresh' })), {
    message: /^of preview this is none, as type is unknown/,
  })
})
