/** The telephone example with the simulator's caller: three programs, started as the page says. */
import { join } from 'node:path'
import test from 'ava'
import { freePort } from '../gateway/free-port.ts'
import { gatewayProcess } from '../gateway/process.ts'
import { startExample } from './example.ts'

const secret = 'whsec_c2ltdWxhdG9yLXdlYmhvb2stc2VjcmV0'
const simulator = join('..', 'runtime/simulator/main.ts')

test('telephone.js accepts a call, greets, hears a key and hangs up', async t => {
  const port = String(await freePort())
  const upstream = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` }
  const gateway = await gatewayProcess(t, { ...upstream, CALLS_CONTROL: 'anonymous' })
  const env = { GATEWAY_URL: gateway.url, OPENAI_WEBHOOK_SECRET: secret, PORT: '0' }
  const reception = startExample(t, 'telephone.js', env)
  const [webhook = ''] = /http:\S+/.exec(await reception.printed(/^webhook at /)) ?? []
  const caller = startExample(t, simulator, {}, ['--port', port, '--call', '--webhook', webhook])
  await reception.printed(/^call from .*sip:/)
  await reception.printed(/^model: ./)
  await reception.printed(/^the caller pressed 1$/)
  await reception.printed(/^the call is over$/)
  await caller.printed(/^the webhook was answered with 200$/)
  t.is(await caller.printed(/^over: /), 'over: hung up')
})

test('telephone.js refuses a webhook that the vendor did not sign', async t => {
  const reception = startExample(t, 'telephone.js', { OPENAI_WEBHOOK_SECRET: secret, PORT: '0' })
  const [webhook = ''] = /http:\S+/.exec(await reception.printed(/^webhook at /)) ?? []
  const body = JSON.stringify({ type: 'realtime.call.incoming', data: { call_id: 'rtc_1', sip_headers: [] } })
  t.is((await fetch(webhook, { method: 'POST', body })).status, 400)
  await reception.printed(/^webhook refused: /)
  t.false(reception.lines.some(line => line.startsWith('call from')))
})
