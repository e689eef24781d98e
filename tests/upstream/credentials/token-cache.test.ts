import test from 'ava'
import { renewInMs, withoutSecrets } from '../../../runtime/upstream/credentials/token-cache.ts'

const minute = 60_000
const hour = 60 * minute

const renewals: [
  what: string,
  lifeMs: number,
  refreshMs: number | undefined,
  chance: number,
  waitMs: number,
][] = [
  ['an hour of life: five minutes ahead', hour, undefined, 0, 55 * minute],
  ['an hour of life, by chance a little later', hour, undefined, 1, 56 * minute],
  ['a named time', 24 * hour, 12 * hour, 0, 12 * hour],
  ['a named time that has passed', 24 * hour, -hour, 0, 10 * minute],
  ['a named time behind the end', hour, 2 * hour, 0, 55 * minute],
  ['little life left: in the middle', 4 * minute, undefined, 0, 2 * minute],
]

for (const [what, lifeMs, refreshMs, chance, waitMs] of renewals) {
  test(`a token is renewed: ${what}`, t => {
    const now = 1_000_000
    const refreshAfterTimestamp = refreshMs === undefined ? undefined : now + refreshMs
    t.is(
      renewInMs({ token: 't', expiresOnTimestamp: now + lifeMs, refreshAfterTimestamp }, now, chance),
      waitMs,
    )
  })
}

test('a renewal always comes before the end, whatever chance adds', t => {
  for (const lifeMs of [1000, minute, 5 * minute, 10 * minute, 11 * minute, hour, 24 * hour]) {
    t.true(renewInMs({ token: 't', expiresOnTimestamp: lifeMs }, 0, 1) < lifeMs)
  }
})

test('what a failure said loses everything that could be a secret, and keeps names and ids', t => {
  const said = withoutSecrets(
    new Error(
      'ManagedIdentityCredential: client 599f5379-27ca-4548-892b-ea4fa9aa2619\n got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwMTIzNDU2Nzg5In0 and Unexpected token \'<\', "<html>sk-1" is not valid JSON',
    ),
  )
  t.is(
    said,
    'ManagedIdentityCredential: client 599f5379-27ca-4548-892b-ea4fa9aa2619 got eyJhbGciOiJSUzI1NiJ9.… and the answer is not valid JSON',
  )
})
