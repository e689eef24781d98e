/** The bad network itself: what it cuts is cut in the middle, what it silences stays open, and a seed says which. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { until } from '../gateway/within.ts'
import { encodeFrame, FrameReader, opcodes } from '../wire/frames.ts'
import { FrameBoundaries } from './frame-boundaries.ts'
import { type NetworkFault, networkFaults, planConnection, startBadNetwork } from './network.ts'

const head = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
const frameOf = (bytes: number, isMasked: boolean) =>
  encodeFrame({ opcode: opcodes.text, payload: Buffer.alloc(bytes, 'a'), isMasked })

for (const isMasked of [true, false]) {
  for (const chunkBytes of [1, 2, 3, 7, 100, 30_000]) {
    test(`chunks of ${chunkBytes} bytes, ${isMasked ? 'masked' : 'not masked'}: a cut leaves a frame without its end`, t => {
      const stream = Buffer.concat([
        head,
        ...[5, 200, 70_000, 2].map(bytes => frameOf(bytes, isMasked)),
        frameOf(300, isMasked),
      ])
      let cuts = 0
      for (let after = 0; after < 12; after += 1) {
        const frames = new FrameBoundaries()
        const passed: Buffer[] = []
        for (let at = 0; at < stream.length; at += chunkBytes) {
          const chunk = stream.subarray(at, at + chunkBytes)
          const middle = at >= (after * stream.length) / 12 ? frames.middleOfFrame(chunk) : null
          passed.push(middle === null ? chunk : chunk.subarray(0, middle))
          if (middle !== null) {
            cuts += 1
            break
          }
          frames.pass(chunk)
        }
        const whole = Buffer.concat(passed).subarray(head.length)
        if (whole.length + head.length === stream.length) continue
        const read = new FrameReader().take(whole)
        const readBytes = read.reduce((sum, { payload }) => sum + frameOf(payload.length, isMasked).length, 0)
        t.true(readBytes < whole.length, `cut ${after}: a frame has begun and not ended`)
      }
      t.true(cuts > 0)
    })
  }
}

test('a seed says what befalls each connection, and every fault befalls some of a hundred', t => {
  const plans = (seed: number) =>
    Array.from({ length: 100 }, (_, number) => {
      const { random, ...plan } = planConnection(seed, number)
      return plan
    })
  t.deepEqual(plans(7), plans(7))
  t.notDeepEqual(plans(7), plans(8))
  for (const fault of [...networkFaults, null])
    t.true(
      plans(7).some(plan => plan.fault === fault),
      String(fault),
    )
})

/** A server that answers an upgrade and says something every 20 ms, behind a network on which only one fault happens. */
async function lineWith(t: ExecutionContext, fault: NetworkFault) {
  const heard: Socket[] = []
  const server = createServer(socket => {
    heard.push(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(head)
      const timer = setInterval(() => socket.write(frameOf(1000, false)), 20)
      socket.once('close', () => clearInterval(timer))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const seed = Array.from({ length: 10_000 }, (_, seed) => seed).find(seed => {
    const plan = planConnection(seed, 0)
    return plan.fault === fault && plan.faultAfterMs < 250 && plan.cutSide === 'gateway'
  })
  const network = await startBadNetwork(port, seed ?? 0)
  t.teardown(() => {
    network.stop()
    for (const socket of heard) socket.destroy()
    server.close()
  })
  const client = connect(Number(new URL(network.url).port), '127.0.0.1')
  t.teardown(() => client.destroy())
  const received: Buffer[] = []
  client.on('data', chunk => received.push(chunk))
  client.on('error', () => undefined)
  const broken = new Promise<void>(resolve => client.once('close', () => resolve()))
  await once(client, 'connect')
  const { localPort = 0 } = client
  client.write('GET / HTTP/1.1\r\n\r\n')
  const struck = async () => {
    await until(() => network.faultOf(localPort) !== null, 'the network breaks nothing')
    return network.faultOf(localPort)
  }
  return { network, client, received, broken, struck, heard }
}

test('a reset in the handshake leaves a head without its end', async t => {
  const { received, broken, struck } = await lineWith(t, 'reset in the handshake')
  await broken
  t.is(await struck(), 'reset in the handshake')
  t.false(Buffer.concat(received).includes('\r\n\r\n'))
})

test('a reset in a frame leaves a frame without its end', async t => {
  const { received, broken } = await lineWith(t, 'reset in a frame')
  await broken
  const frames = Buffer.concat(received).subarray(head.length)
  t.not(frames.length % frameOf(1000, false).length, 0)
})

test('a silent direction delivers nothing more, and the other one goes on', async t => {
  const { client, received, struck, network, heard } = await lineWith(t, 'silent to the client')
  t.is(await struck(), 'silent to the client')
  await new Promise(resolve => setTimeout(resolve, 200))
  const before = Buffer.concat(received).length
  const said = once(heard[0] as Socket, 'data')
  client.write('still here')
  t.is(String((await said)[0]), 'still here')
  t.is(Buffer.concat(received).length, before)
  t.false(client.destroyed)
  t.is(network.counts()['silent to the client'], 1)
})
