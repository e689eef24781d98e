import test from 'ava'
import { talkAsAgents } from './agents-talks.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
const starting = stage.simulator({ seed: 13, rate: 100 })

talkAsAgents(test, 'at the simulator', async () => (await starting).url, [
  '/v1/realtime?model=gpt-realtime-2.1',
  '/v1/realtime?model=gpt-realtime',
  '/openai/v1/realtime?model=d',
])
