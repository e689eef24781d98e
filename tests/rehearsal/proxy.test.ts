import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import test from 'ava'
import { startProxy } from './proxy.ts'

test('whoever else answers at the port is not taken for the proxy', async t => {
  const stranger = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  t.teardown(() => stranger.close())
  const { port } = stranger.address() as AddressInfo
  await t.throwsAsync(startProxy(port, { blue: 9 }), { message: /^haproxy does not answer/ })
})
