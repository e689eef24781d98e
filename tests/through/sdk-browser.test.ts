/** The agents SDK in a real Chromium. Media passes by the gateway: it mints the key, the call is upstream's. */
import test from 'ava'
import { type Simulator, startSimulator } from '../../runtime/simulator/server.ts'
import { gatewayFor, type TestGateway } from '../gateway/start.ts'
import { callAsAgents, openAgentsStall, writeAsAgents } from '../simulator/agents-page.ts'
import type { Stall } from '../simulator/chromium.ts'
import { stageOf } from './file-stage.ts'

const stage = stageOf(test)
let simulator: Simulator
let gateway: TestGateway
let stall: Stall

test.before(async () => {
  simulator = await startSimulator({ seed: 17, rate: 8 })
  stage.teardown(() => simulator.close())
  gateway = await gatewayFor(stage, {
    OPENAI_API_KEY: 'sk-main',
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1',
    ALLOWED_ORIGINS: '*',
  })
  stall = await openAgentsStall()
  stage.teardown(() => stall.close())
})

test.serial(
  'over WebRTC the agents SDK talks with a key that the gateway minted; its call is made at upstream, not at the gateway, which serves no /v1/realtime/calls',
  async t => {
    const reply = await fetch(`${gateway.url}/sideband/ephemeral-key`, { method: 'POST' })
    const { token } = (await reply.json()) as { token: string }
    t.true(token.startsWith('ek_'))
    t.is((await fetch(`${gateway.url}/v1/realtime/calls`, { method: 'POST' })).status, 404)
    t.deepEqual(await callAsAgents(stall, `${simulator.url}/v1/realtime/calls`, token), [])
  },
)

test.serial('over WebSocket the agents SDK in a browser talks through the gateway', async t => {
  const url = `${gateway.socketUrl}/v1/realtime?model=gpt-realtime-2.1`
  t.deepEqual(await writeAsAgents(stall, url, 'ek_anything'), [])
})
