import test from 'ava'
import type { Simulator } from '../../runtime/simulator/server.ts'
import { callAsAgents, openAgentsStall, writeAsAgents } from './agents-page.ts'
import type { Stall } from './chromium.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
let simulator: Simulator
let stall: Stall

test.before(async () => {
  simulator = await stage.simulator({ seed: 17, rate: 8 })
  stall = await openAgentsStall()
})
test.after.always(() => stall?.close())

async function mintKey(): Promise<string> {
  const reply = await fetch(`${simulator.url}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-main' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime-2.1' } }),
  })
  const { value } = (await reply.json()) as { value: string }
  return value
}

test.serial(
  'the agents SDK in a browser talks over WebRTC: voice, interruption, text, tool, error',
  async t => {
    const errors = await callAsAgents(stall, `${simulator.url}/v1/realtime/calls`, await mintKey())
    t.deepEqual(errors, ['response_cancel_not_active'])
  },
)

test.serial('the agents SDK in a browser talks over WebSocket, with its key as a subprotocol', async t => {
  const url = `${simulator.url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime-2.1`
  t.deepEqual(await writeAsAgents(stall, url, await mintKey()), [])
})
