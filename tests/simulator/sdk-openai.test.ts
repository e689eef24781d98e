import test from 'ava'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { callAsOpenAi } from './openai-calls.ts'
import { talkAsOpenAi } from './openai-talks.ts'
import { createStage } from './stage.ts'

const stage = createStage(test)
const certificate = makeCertificate()
const starting = certificate.then(tls => stage.simulator({ seed: 11, rate: 100, tls }))
const place = async () => ({
  url: (await starting).url,
  cert: (await certificate).cert,
  model: 'gpt-realtime',
})

talkAsOpenAi(test, 'at the simulator', place)
callAsOpenAi(test, 'at the simulator', place)
