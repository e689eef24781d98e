/** Who is behind a key, as upstream is told. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { safetyHeaders } from '../../runtime/upstream/safety-identifier.ts'
import { converse } from '../gateway/converse.ts'
import { fakeUpstream, gatewayFor } from '../gateway/start.ts'

const name = 'openai-safety-identifier'
const paths = ['/v1/realtime', '/openai/v1/realtime', '/realtime']

test("the client's identifier reaches upstream, and nothing else of its headers", async t => {
  const upstream = await fakeUpstream(t)
  const gateway = await gatewayFor(t, upstream.env)
  for (const path of paths) {
    const headers = { 'OpenAI-Safety-Identifier': 'user-1', 'X-Other': 'no', 'OpenAI-Beta': 'realtime=v1' }
    await converse(t, gateway.socketUrl + path, { headers })
    const session = await upstream.session()
    t.is(session.headers[name], 'user-1')
    t.is(session.headers['x-other'], undefined)
    t.is(session.headers['openai-beta'], undefined)
  }
})

test('where it is the principal, upstream is told a hash of its name, whatever the client says', async t => {
  const upstream = await fakeUpstream(t)
  const env = { ...upstream.env, GATEWAY_API_KEYS: 'alice:a-secret-of-alice', SAFETY_IDENTIFIER: 'principal' }
  const gateway = await gatewayFor(t, env)
  const headers = { Authorization: 'Bearer a-secret-of-alice', 'OpenAI-Safety-Identifier': 'user-1' }
  await converse(t, `${gateway.socketUrl}/v1/realtime`, { headers })
  const session = await upstream.session()
  t.is(session.headers[name], createHash('sha256').update('key:alice').digest('hex'))
})

test('what is no identifier, or of nobody, is not passed on', t => {
  const asking = (value: string) => ({ headers: new Map([[name, value]]) })
  for (const value of ['', 'two words', 'ü', 'x'.repeat(257)])
    t.deepEqual(safetyHeaders(asking(value), 'client'), {})
  t.deepEqual(safetyHeaders({ headers: new Map() }, 'client'), {})
  t.deepEqual(
    safetyHeaders({ ...asking('x'), principal: { name: 'anonymous', by: 'none' } }, 'principal'),
    {},
  )
})
