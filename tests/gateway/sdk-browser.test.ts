/** The agents SDK in a real Chromium, with an ephemeral key: the gateway is all that it knows of. */
import test from 'ava'
import { callAsAgents, openAgentsStall, writeAsAgents } from '../simulator/agents-page.ts'
import type { Stall } from '../simulator/chromium.ts'
import { stageOf } from './file-stage.ts'
import { gatewayFor, type TestGateway } from './start.ts'

const stage = stageOf(test)
let gateway: TestGateway
let stall: Stall

test.before(async () => {
  gateway = await gatewayFor(stage, {
    OPENAI_REALTIME_MODEL: 'gpt-realtime-2.1',
    SIMULATOR_RATE: '8',
    SIMULATOR_SEED: '17',
    GATEWAY_AUTH: 'key',
    GATEWAY_API_KEYS: 'backend:the-secret-of-the-backend',
  })
  stall = await openAgentsStall()
  stage.teardown(() => stall.close())
})

/** What an application's own server does for its page. */
async function mintKey(base: string): Promise<string> {
  const reply = await fetch(`${gateway.url}${base}/client_secrets`, {
    method: 'POST',
    headers: { Authorization: 'Bearer the-secret-of-the-backend', 'Content-Type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime-2.1' } }),
  })
  const { value } = (await reply.json()) as { value: string }
  return value
}

for (const base of ['/v1/realtime', '/openai/v1/realtime']) {
  test.serial(
    `over WebRTC the agents SDK in a browser talks through the gateway at ${base}: voice, interruption, text, tool, error`,
    async t => {
      const errors = await callAsAgents(stall, `${gateway.url}${base}/calls`, await mintKey(base))
      t.deepEqual(errors, ['response_cancel_not_active'])
    },
  )
}

test.serial('over WebSocket the agents SDK in a browser talks through the gateway', async t => {
  const url = `${gateway.socketUrl}/v1/realtime?model=gpt-realtime-2.1`
  t.deepEqual(await writeAsAgents(stall, url, await mintKey('/v1/realtime')), [])
})
