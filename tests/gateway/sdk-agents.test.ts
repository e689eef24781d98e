/** The agents SDK over WebSocket in Node, with the gateway between it and the API. */
import test from 'ava'
import { talkAsAgents } from '../simulator/agents-talks.ts'
import { stageOf } from './file-stage.ts'
import { gatewayFor } from './start.ts'

const starting = gatewayFor(stageOf(test), {
  OPENAI_REALTIME_MODEL: 'gpt-realtime,gpt-realtime-2.1',
  SIMULATOR_RATE: '100',
  SIMULATOR_SEED: '13',
})

talkAsAgents(test, 'through the gateway', async () => (await starting).url, [
  '/v1/realtime?model=gpt-realtime-2.1',
  '/v1/realtime?model=gpt-realtime',
  '/openai/v1/realtime?model=gpt-realtime',
])
