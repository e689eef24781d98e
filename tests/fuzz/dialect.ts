/** Every message and event that the installed `openai` package has types for, of both dialects: to the other and back. */
import fc from 'fast-check'
import { createRoundTrips, type RoundTrips, type Trip } from '../protocol/round-trip.ts'
import type { Surface } from './surface.ts'

/** Reading the type files takes seconds: it is done once, when a run needs it. */
let read: RoundTrips | undefined
let trips: fc.Arbitrary<Trip> | undefined

export function roundTrips(): RoundTrips {
  read ??= createRoundTrips()
  return read
}

export const dialect: Surface<Trip> = {
  name: 'dialect',
  batch: 200,
  get inputs() {
    trips ??= tripsOf(roundTrips())
    return trips
  },
  start: async () => ({
    play: async trip => roundTrips().play(trip),
    check: async () => undefined,
    finish: async () => undefined,
  }),
}

/** Events of all types; one whose type has more variants comes more often. */
function tripsOf({ types }: RoundTrips): fc.Arbitrary<Trip> {
  const all = (['ga', 'preview'] as const).flatMap(dialect =>
    (['client', 'server'] as const).flatMap(side =>
      types[dialect][side].events.map(({ type, values }) => ({
        weight: 1 + [...types[dialect][side].variants].filter(each => each.startsWith(`${type}.`)).length,
        arbitrary: values.map((event): Trip => ({ dialect, side, event: JSON.parse(JSON.stringify(event)) })),
      })),
    ),
  )
  return fc.oneof(...all)
}
