import test from 'ava'
import { riseOf } from './memory.ts'

const every10s = (bytes: (index: number) => number) =>
  Array.from({ length: 31 }, (_, index) => ({ seconds: index * 10, bytes: bytes(index) }))

test('memory that grows steadily rises by what it grew', t => {
  t.is(Math.round(riseOf(every10s(index => 1000 + index * 5))), 150)
})

test('memory that goes up and down, and comes back, does not rise', t => {
  t.true(Math.abs(riseOf(every10s(index => 1000 + (index % 3) * 100))) < 20)
  t.is(riseOf([{ seconds: 1, bytes: 5 }]), 0)
})
