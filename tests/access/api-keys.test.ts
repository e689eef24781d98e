/** Keys of clients: whose one is. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { createKeyCheck } from '../../runtime/access/api-keys.ts'

const digest = (secret: string) => createHash('sha256').update(secret).digest()

test('a key is its own name’s, wherever it stands in the list, and another one is nobody’s', t => {
  const check = createKeyCheck(
    ['alice', 'bob', 'carol'].map(name => ({ name, digest: digest(`of-${name}`) })),
  )
  for (const name of ['alice', 'bob', 'carol'])
    t.deepEqual(check(`of-${name}`), { name: `key:${name}`, by: 'key' })
  for (const secret of ['', 'of-alic', 'of-alicee', 'OF-ALICE', 'alice', digest('of-alice').toString()])
    t.is(check(secret), null, secret)
  t.is(createKeyCheck([])('of-alice'), null)
})
