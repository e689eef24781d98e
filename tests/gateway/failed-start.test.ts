import test from 'ava'
import { readConfig } from '../../runtime/config/config.ts'
import { startGateway } from '../../runtime/gateway/gateway.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import { createMemoryStore } from '../../runtime/store/memory.ts'
import { gatewayFor } from './start.ts'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

test('a gateway that cannot listen closes what it had opened', async t => {
  const { port } = await gatewayFor(t)
  const store = createMemoryStore()
  let closed = 0
  const close = store.close.bind(store)
  store.close = () => {
    closed += 1
    return close()
  }
  const shared = {
    store,
    simulatorUrl: 'http://127.0.0.1:1',
    metrics: createMetrics({ revision: 'r', replica: 'n' }),
    processes: 1,
  }
  const config = readConfig({ PORT: String(port), HOST: '127.0.0.1' })
  await t.throwsAsync(startGateway(config, quiet, shared), { message: /Cannot listen/ })
  t.is(closed, 1)
})
