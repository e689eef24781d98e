/** openai's official client, unchanged but for its base URL, with the gateway between it and the API. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { callAsOpenAi } from '../simulator/openai-calls.ts'
import { talkAsOpenAi } from '../simulator/openai-talks.ts'
import { stageOf } from './file-stage.ts'
import { gatewayFor } from './start.ts'

const stage = stageOf(test)

/** A gateway that speaks TLS: the client dials `wss:` only. */
async function secureGateway() {
  const { cert, key } = await makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-through-'))
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') }
  writeFileSync(files.TLS_CERT_FILE, cert)
  writeFileSync(files.TLS_KEY_FILE, key)
  const { url } = await gatewayFor(stage, { ...files, SIMULATOR_RATE: '100', SIMULATOR_SEED: '11' })
  return { url, cert, model: 'gpt-realtime' }
}

const starting = secureGateway()

talkAsOpenAi(test, 'through the gateway', () => starting)
callAsOpenAi(test, 'through the gateway', () => starting)
