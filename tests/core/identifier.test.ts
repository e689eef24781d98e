import test from 'ava'
import { newIdentifier } from '../../runtime/core/identifier.ts'

test('an identifier is a random UUID', t => {
  const made = Array.from({ length: 100 }, newIdentifier)
  for (const id of made) t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.is(new Set(made).size, made.length)
})
