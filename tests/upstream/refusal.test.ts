import test from 'ava'
import { parseRetryAfter } from '../../runtime/upstream/refusal.ts'

const tenMinutes = 600_000

test('Retry-After is read as seconds or as a date, and takes nothing out of service for longer than ten minutes', t => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const cases: [value: string | undefined, ms: number | undefined][] = [
    [undefined, undefined],
    ['soon', undefined],
    ['0', 0],
    ['30', 30_000],
    ['601', tenMinutes],
    ['1e300', tenMinutes],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Fri, 01 Jan 2027 00:00:00 GMT', tenMinutes],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ]
  for (const [value, ms] of cases) t.is(parseRetryAfter(value, now), ms, value)
})
