/** The client that the README gives away, against a gateway that drops it. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { WebSocketServer } from 'ws'
import { resumingSocket } from '../../docs/resuming-client.js'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { freePort } from '../gateway/free-port.ts'
import { type GatewayProcess, gatewayProcess } from '../gateway/process.ts'
import { mailbox } from '../gateway/start.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`after ${signal} it goes on with the conversation at the process that took the port over`, async t => {
    const [redis, simulator] = [await redisServer(t), await startSimulator({ rate: 200 })]
    t.teardown(() => simulator.close())
    const upstream = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1` }
    const env = { ...upstream, REDIS_URL: redis.url, PORT: String(await freePort()) }
    const start = async (): Promise<GatewayProcess> => {
      const gateway = await gatewayProcess(t, env)
      while ((await fetch(`${gateway.url}/readyz`)).status !== 200)
        await new Promise(resolve => setTimeout(resolve, 10))
      return gateway
    }
    const first = await start()
    const messages = mailbox<{ type: string; value?: string; message?: string }>('the client is told nothing')
    const states = mailbox<string>('the client changes no state')
    const client = resumingSocket(
      `${first.socketUrl}/chat`,
      message => messages.put(message as { type: string }),
      state => states.put(state),
    )
    t.teardown(() => client.close())
    const answer = async () => {
      let transcript = ''
      for (;;) {
        const { type, value = '', message } = await messages.take()
        if (type === 'transcript-reset') transcript = ''
        if (type === 'transcript-delta') transcript += value
        if (message === 'Model ready') return transcript
      }
    }
    t.is(await states.take(), 'open')
    client.say({ text: 'my name is Ada' })
    t.is(await answer(), 'You said: my name is Ada')
    // Whoever is killed before the store has the answer's end is owed it again.
    await untilStored(redis.url, ([only]) => only?.owed === false)
    first.child.kill(signal)
    t.is(await states.take(), 'away')
    await first.exited
    client.say({ text: 'what did I say' })
    await start()
    while ((await states.take()) !== 'resumed') t.log('still away')
    t.regex(await answer(), /"my name is Ada"/)
  })
}

/** A server that tells which path is dialled, and what is said there. */
async function listener(t: ExecutionContext, welcome: (socket: import('ws').WebSocket) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  const dialled = mailbox<string>('the client does not dial')
  const said = mailbox<string>('the client says nothing')
  server.on('connection', (socket, { url = '' }) => {
    dialled.put(url)
    socket.on('message', data => said.put(String(data)))
    welcome(socket)
  })
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, dialled, said }
}

test('closed while it is away, it stays away', async t => {
  const { url, dialled } = await listener(t, socket => socket.close(1012))
  const states = mailbox<string>('the client changes no state')
  const client = resumingSocket(
    `${url}/first`,
    () => undefined,
    state => states.put(state),
  )
  t.is(await dialled.take(), '/first?resume=')
  t.is(await states.take(), 'away')
  client.close()
  // Dials behind any dial that the first one had planned.
  const second = await new Promise<{ close(): void }>(resolve =>
    setTimeout(() => resolve(resumingSocket(`${url}/second`, () => undefined)), 1),
  )
  t.teardown(() => second.close())
  t.is(await dialled.take(), '/second?resume=')
})

test('what is said before the socket is open is said as soon as it is, and once', async t => {
  const { url, said } = await listener(t, socket => {
    socket.send('{"type":"session.ticket","resume":"t1"}')
  })
  const states = mailbox<string>('the client changes no state')
  const client = resumingSocket(
    `${url}/chat`,
    () => undefined,
    state => states.put(state),
  )
  t.teardown(() => client.close())
  client.say({ text: 'early' })
  t.is(await states.take(), 'open')
  client.say({ text: 'late' })
  t.is(await said.take(), '{"text":"early"}')
  t.is(await said.take(), '{"text":"late"}')
})
