/** The client that the examples give away, against a gateway that drops it, or goes silent. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { WebSocketServer } from 'ws'
import { type Options, resumingSocket } from '../../examples/resuming-client.js'
import { startSimulator } from '../../runtime/simulator/server.ts'
import { freePort } from '../gateway/free-port.ts'
import { type GatewayProcess, gatewayProcess } from '../gateway/process.ts'
import { mailbox } from '../gateway/start.ts'
import { untilReady } from '../gateway/within.ts'
import { redisServer } from '../store/redis-server.ts'
import { untilStored } from '../store/stored-conversations.ts'

/** A client at a gateway's `/chat`; `answer` waits for the next whole answer. */
function chatClient(t: ExecutionContext, gateway: GatewayProcess, waits: Options = {}) {
  const messages = mailbox<{ type: string; value?: string; message?: string }>('the client is told nothing')
  const states = mailbox<string>('the client changes no state')
  const client = resumingSocket(
    `${gateway.socketUrl}/chat`,
    message => messages.put(message as { type: string }),
    state => states.put(state),
    waits,
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
  return { client, states, answer }
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`after ${signal} it goes on with the conversation at the process that took the port over`, async t => {
    const [redis, simulator] = [await redisServer(t), await startSimulator({ rate: 200 })]
    t.teardown(() => simulator.close())
    const upstream = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1` }
    const env = { ...upstream, REDIS_URL: redis.url, PORT: String(await freePort()) }
    const start = async (): Promise<GatewayProcess> => {
      const gateway = await gatewayProcess(t, env)
      await untilReady(gateway.url)
      return gateway
    }
    const first = await start()
    const { client, states, answer } = chatClient(t, first)
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

/** A client against a server whose connections do as they are told, one after another. */
async function scripted(t: ExecutionContext, path = '/realtime', waits: Options = {}) {
  const sockets = mailbox<import('ws').WebSocket>('nobody dials')
  const { url, dialled, said } = await listener(t, socket => sockets.put(socket))
  const heard = mailbox<{ type: string; id?: number }>('the client hears nothing')
  const states = mailbox<[state: string, lost: number | undefined]>('the client tells no state')
  const client = resumingSocket(
    `${url}${path}`,
    message => heard.put(message as { type: string }),
    (state, lost) => states.put([state, lost]),
    waits,
  )
  t.teardown(() => client.close())
  /** The next connection; it says so much at once. */
  const connection = async (...messages: object[]) => {
    const socket = await sockets.take()
    const tell = (...messages: object[]) => {
      for (const message of messages) socket.send(JSON.stringify(message))
    }
    tell(...messages)
    return { tell, end: () => socket.close(1012) }
  }
  return { client, connection, dialled, said, heard, states }
}

const ticket = { type: 'session.ticket', resume: 't1' }
const resumedWith = (answer_due: boolean, answers: number) => ({
  type: 'session.resumed',
  items: 1,
  answer_due,
  answers,
})
const turn = (id: number) =>
  [
    { type: 'conversation.item.create', id },
    { type: 'response.create', id },
  ] as const
const asSaid = (id: number) => turn(id).map(message => JSON.stringify(message))

test('a turn of several messages that did not arrive is said again as a whole', async t => {
  const { client, connection, said } = await scripted(t)
  const first = await connection(ticket)
  client.say(...turn(1))
  t.deepEqual([await said.take(), await said.take()], asSaid(1))
  first.end()
  await connection(resumedWith(false, 0))
  t.deepEqual([await said.take(), await said.take()], asSaid(1))
})

test('what is said before the worth of the ticket is known is said once it is, and once', async t => {
  const { client, connection, said, heard } = await scripted(t)
  const first = await connection(ticket)
  first.end()
  const second = await connection({ type: 'session.created' })
  t.is((await heard.take()).type, 'session.created')
  client.say(...turn(1))
  second.tell(resumedWith(false, 0), { type: 'response.done', id: 1 })
  t.like(await heard.take(), { type: 'response.done', id: 1 })
  client.say(...turn(2))
  const all = [await said.take(), await said.take(), await said.take(), await said.take()]
  t.deepEqual(all, [...asSaid(1), ...asSaid(2)])
})

test('an answer that was heard to its end is not heard again, and the next turn waits for it', async t => {
  const { client, connection, said, heard, states } = await scripted(t)
  const first = await connection(ticket)
  client.say(...turn(1))
  first.tell({ type: 'response.done', id: 1 })
  t.like(await heard.take(), { id: 1 })
  first.end()
  const second = await connection(resumedWith(true, 0), { type: 'session.created' })
  t.is((await heard.take()).type, 'session.created')
  client.say(...turn(2))
  second.tell({ type: 'response.created', id: 1 }, { type: 'response.done', id: 1 })
  t.deepEqual([await said.take(), await said.take()], asSaid(1))
  t.deepEqual([await said.take(), await said.take()], asSaid(2))
  second.tell({ type: 'response.done', id: 2 })
  t.like(await heard.take(), { type: 'response.done', id: 2 })
  t.deepEqual(
    [await states.take(), await states.take()],
    [
      ['open', undefined],
      ['away', undefined],
    ],
  )
  t.deepEqual(await states.take(), ['resumed', 0])
})

test('an answer that is due to what was said last is heard, also where the turn was replaced meanwhile', async t => {
  const { client, connection, said, heard } = await scripted(t)
  const first = await connection(ticket)
  client.say(...turn(1))
  t.deepEqual([await said.take(), await said.take()], asSaid(1))
  first.end()
  const second = await connection({ type: 'session.created' })
  t.is((await heard.take()).type, 'session.created')
  client.say(...turn(2))
  second.tell(resumedWith(true, 0), { type: 'response.done', id: 1 })
  t.like(await heard.take(), { type: 'response.done', id: 1 })
  t.deepEqual([await said.take(), await said.take()], asSaid(2))
})

test('answers that the model does not know any more are counted', async t => {
  const { client, connection, heard, states } = await scripted(t)
  const first = await connection(ticket)
  for (const id of [1, 2]) {
    client.say(...turn(id))
    first.tell({ type: 'response.done', id })
    await heard.take()
  }
  first.end()
  await connection(resumedWith(false, 0))
  t.is((await states.take())[0], 'open')
  t.is((await states.take())[0], 'away')
  t.deepEqual(await states.take(), ['resumed', 2])
})

test('a conversation that was given up does not come back', async t => {
  const { connection, dialled, states } = await scripted(t)
  const first = await connection(ticket)
  first.end()
  const second = await connection({ type: 'session.resume_failed', reason: 'store_unavailable' })
  second.end()
  await connection()
  const queries = [await dialled.take(), await dialled.take(), await dialled.take()]
  t.deepEqual(queries, ['/realtime?resume=', '/realtime?resume=t1', '/realtime?resume='])
  const told = [await states.take(), await states.take(), await states.take()]
  t.deepEqual(
    told.map(([state]) => state),
    ['open', 'away', 'fresh'],
  )
})

test('a conversation that is lost before it has a ticket is said to be', async t => {
  const { client, connection, said, states } = await scripted(t)
  const first = await connection()
  client.say(...turn(1))
  t.deepEqual([await said.take(), await said.take()], asSaid(1))
  first.end()
  await connection()
  t.deepEqual(
    [await states.take(), await states.take()].map(([state]) => state),
    ['away', 'fresh'],
  )
  t.deepEqual([await said.take(), await said.take()], asSaid(1))
})

const longMs = 60_000
const heartbeat = '{"type":"heartbeat"}'

test('a connection that does not open is given up, and the next one is dialled', async t => {
  const dialled = mailbox<string>('the client does not dial')
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  let dials = 0
  server.on('upgrade', (request, socket, head) => {
    dials += 1
    dialled.put(request.url ?? '')
    t.teardown(() => socket.destroy())
    if (dials > 1)
      sockets.handleUpgrade(request, socket, head, open =>
        open.send('{"type":"session.ticket","resume":"t1"}'),
      )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const states = mailbox<string>('the client tells no state')
  const { port } = server.address() as AddressInfo
  const client = resumingSocket(
    `ws://127.0.0.1:${port}/chat`,
    () => undefined,
    state => states.put(state),
    { openMs: 500 },
  )
  t.teardown(() => client.close())
  t.is(await dialled.take(), '/chat?resume=')
  t.is(await states.take(), 'away')
  while ((await states.take()) !== 'open') t.log('the machine is busy')
  t.true(dials > 1)
})

test('a connection to /chat that goes silent is given up, and resumed by its ticket', async t => {
  const { connection, dialled, said, states } = await scripted(t, '/chat', {
    heartbeatMs: 20,
    silenceMs: 100,
  })
  await connection(ticket)
  t.is(await said.take(), heartbeat)
  t.deepEqual([await dialled.take(), await dialled.take()], ['/chat?resume=', '/chat?resume=t1'])
  t.deepEqual([(await states.take())[0], (await states.take())[0]], ['open', 'away'])
})

test('what is said meanwhile does not put the end of a silent connection off', async t => {
  const { client, connection, dialled, said } = await scripted(t, '/chat', {
    heartbeatMs: 20,
    silenceMs: 200,
  })
  await connection(ticket)
  t.is(await said.take(), heartbeat)
  const talking = setInterval(() => client.say({ text: 'still there?' }), 20)
  t.teardown(() => clearInterval(talking))
  t.deepEqual([await dialled.take(), await dialled.take()], ['/chat?resume=', '/chat?resume=t1'])
})

test('a connection whose heartbeats are answered stays, and the answers are not heard', async t => {
  const waits = { heartbeatMs: 20, silenceMs: longMs }
  const { connection, said, heard, states } = await scripted(t, '/chat', waits)
  const { tell } = await connection(ticket)
  for (let beat = 0; beat < 5; beat++) {
    t.is(await said.take(), heartbeat)
    tell({ type: 'heartbeat-ack' })
  }
  tell({ type: 'status', message: 'Model ready' })
  t.like(await heard.take(), { type: 'status' })
  t.is((await states.take())[0], 'open')
})

test('on /realtime a connection is given up that is silent while an answer is due, and no other', async t => {
  const waits = { answerMs: 100 }
  const idle = await scripted(t, '/realtime', waits)
  await idle.connection(ticket)
  t.is((await idle.states.take())[0], 'open')
  const { client, connection, dialled, said } = await scripted(t, '/realtime', waits)
  await connection(ticket)
  client.say(...turn(1))
  const dials = [await dialled.take()]
  while (dials.length < 4) {
    t.deepEqual([await said.take(), await said.take()], asSaid(1))
    await connection(resumedWith(false, 0))
    dials.push(await dialled.take())
  }
  t.deepEqual(dials, ['/realtime?resume=', ...Array(3).fill('/realtime?resume=t1')])
  t.is(await idle.dialled.take(), '/realtime?resume=')
  idle.client.say(...turn(2))
  t.deepEqual([await idle.said.take(), await idle.said.take()], asSaid(2))
})

test('a gateway that stands still is noticed, and its conversation goes on when it moves again', async t => {
  const gateway = await gatewayProcess(t)
  const waits = { openMs: 2000, heartbeatMs: 500, silenceMs: 4000 }
  const { client, states, answer } = chatClient(t, gateway, waits)
  t.is(await states.take(), 'open')
  client.say({ text: 'my name is Ada' })
  t.is(await answer(), 'You said: my name is Ada')
  gateway.child.kill('SIGSTOP')
  // The open one goes silent; the next one does not open, as the system alone takes it.
  for (let lost = 0; lost < 2; ) lost = (await states.take()) === 'away' ? lost + 1 : 0
  gateway.child.kill('SIGCONT')
  while ((await states.take()) !== 'resumed') t.log('still away')
  client.say({ text: 'what did I say' })
  t.regex(await answer(), /"my name is Ada"/)
})
