/** What one client can make a process keep for it, by whatever it sends or does not read. */
import { createServer } from 'node:net'
import { setTimeout as rest } from 'node:timers/promises'
import test from 'ava'
import { fakeUpstream, type Stage } from '../gateway/start.ts'
import { within } from '../gateway/within.ts'
import { encodeFrame } from './kinds.ts'
import { openRaw, type RawClient } from './raw-client.ts'
import { answerMs, type GatewayChild, startGatewayChild } from './stage.ts'

const mebibyte = 1024 * 1024
/** Two of the largest messages, and their copies. */
const mostKept = 96 * mebibyte
/** Several at once, so that what the process itself needs meanwhile counts for little. */
const greedyClients = 3
/** The default of REALTIME_MAX_MSG_MB. */
const largestMessage = 15 * mebibyte
/** As much as the native server takes before it cuts the socket, nearly: it is kept for as long as the socket lasts. */
const fragmentsKept = 2 * largestMessage - mebibyte
/** More than anybody is let send (bytes). */
const muchMore = 256 * mebibyte
/** A client that is not read for this long, by a gateway that answers others, has given what it could (ms). */
const stuckMs = 1000
/** How long, and how often, memory is looked at once all is sent (ms). */
const lookForMs = 1500
const lookEachMs = 250

const [text, continuation, ping] = [0x1, 0x0, 0x9]

/** @returns once it has sent all, or is cut, or nothing of it is taken any more */
type Greed = (client: RawClient, gateway: GatewayChild) => Promise<void>

/** Writes one buffer over and over, up to a number of bytes. */
const writes =
  (bytes: Buffer, upTo: number, first: Buffer = Buffer.alloc(0)): Greed =>
  async ({ socket, ended }, gateway) => {
    let isEnded = false
    const over = ended.then(() => {
      isEnded = true
    })
    if (first.length > 0) socket.write(first)
    for (let sent = 0; sent < upTo && !isEnded; sent += bytes.length) {
      const taken = new Promise<'taken'>(resolve => socket.write(bytes, () => resolve('taken')))
      if ((await Promise.race([taken, over, rest(stuckMs, 'late')])) !== 'late') continue
      await gateway.answers()
      if ((await Promise.race([taken, over, rest(stuckMs, 'late')])) === 'late') return
    }
  }

const inputs: readonly {
  readonly what: string
  readonly path: string
  readonly reads: boolean
  readonly upstream: 'answers' | 'never opens' | 'floods'
  readonly greed: Greed
}[] = [
  {
    what: 'a message of exactly the largest size, over and over',
    ...{ path: '/v1/realtime', reads: true, upstream: 'answers' },
    greed: writes(encodeFrame({ opcode: text, payload: jsonOf(largestMessage) }), muchMore),
  },
  {
    what: 'the largest message while upstream never opens',
    ...{ path: '/realtime', reads: true, upstream: 'never opens' },
    greed: writes(encodeFrame({ opcode: text, payload: jsonOf(largestMessage) }), muchMore),
  },
  {
    what: 'small messages while upstream never opens',
    ...{ path: '/v1/realtime', reads: true, upstream: 'never opens' },
    greed: writes(repeated(encodeFrame({ opcode: text, payload: jsonOf(64) })), muchMore),
  },
  {
    what: 'fragments of a message that is never finished',
    ...{ path: '/chat', reads: true, upstream: 'answers' },
    greed: writes(
      encodeFrame({ opcode: continuation, payload: Buffer.alloc(64 * 1024, 'a'), isFinal: false }),
      fragmentsKept,
      encodeFrame({ opcode: text, payload: '', isFinal: false }),
    ),
  },
  {
    what: 'messages that are answered by errors, which are never read',
    ...{ path: '/chat', reads: false, upstream: 'answers' },
    greed: writes(repeated(encodeFrame({ opcode: text, payload: '{' })), muchMore),
  },
  {
    what: 'pings whose pongs are never read',
    ...{ path: '/chat', reads: false, upstream: 'answers' },
    greed: writes(repeated(encodeFrame({ opcode: ping, payload: Buffer.alloc(125) })), muchMore),
  },
  {
    what: 'audio from upstream that is never read',
    ...{ path: '/v1/realtime', reads: false, upstream: 'floods' },
    greed: async ({ ended }) => {
      await Promise.race([ended, rest(stuckMs)])
    },
  },
]

for (const { what, path, reads, upstream, greed } of inputs) {
  test.serial(`at most 96 MiB are kept for one client: ${what}`, async t => {
    const gateway = await startGatewayChild(t, await upstreams[upstream](t))
    // Whatever is loaded at the first session is loaded before.
    await (await openRaw(gateway.port, { path, isUpgrade: true, reads }))?.socket.destroy()
    const before = await gateway.held()
    const clients = await Promise.all(
      Array.from({ length: greedyClients }, () => openRaw(gateway.port, { path, isUpgrade: true, reads })),
    )
    const opened = clients.filter(client => client !== null)
    t.is(opened.length, greedyClients)
    const greedy = Promise.all(opened.map(client => greed(client, gateway)))
    const most =
      (await mostHeld(gateway, within(greedy, 2 * answerMs, 'the greedy are not done'))) - before.resident
    for (const { socket } of opened) socket.destroy()
    const perClient = most / greedyClients
    t.log(`${Math.round(perClient / mebibyte)} MiB a client`)
    t.true(perClient <= mostKept, `${Math.round(perClient / mebibyte)} MiB a client`)
    t.is(gateway.child.exitCode, null)
  })
}

/** Looks at memory after collections, while something goes on and a while longer. @returns the most (bytes, resident) */
async function mostHeld(gateway: GatewayChild, during: Promise<unknown>): Promise<number> {
  let most = 0
  let until = Number.POSITIVE_INFINITY
  const ended = during.then(() => {
    until = performance.now() + lookForMs
  })
  // A gateway that has died is noticed twice; the first fault counts.
  ended.catch(() => undefined)
  while (performance.now() < until) {
    most = Math.max(most, (await gateway.held()).resident)
    await Promise.race([rest(lookEachMs), ended.then(() => rest(lookEachMs))])
  }
  await ended
  return most
}

const upstreams: Record<(typeof inputs)[number]['upstream'], (t: Stage) => Promise<Record<string, string>>> =
  {
    answers: async t => (await fakeUpstream(t)).env,
    'never opens': async t => {
      const server = createServer(socket => {
        socket.on('error', () => undefined)
        t.teardown(() => socket.destroy())
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => server.close())
      const { port } = server.address() as { port: number }
      return { AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`, AZURE_OPENAI_API_KEY: 'a-test-key' }
    },
    floods: async t => {
      const upstream = await fakeUpstream(t)
      void sendForEver(t, upstream)
      return upstream.env
    },
  }

const delta = JSON.stringify({ type: 'response.output_audio.delta', delta: 'A'.repeat(64 * 1024) })
/** Kept unsent in this process for one session (bytes). */
const mostUnsent = 4 * mebibyte

/** Sends audio to every session as fast as it is taken. */
async function sendForEver(t: Stage, upstream: Awaited<ReturnType<typeof fakeUpstream>>): Promise<void> {
  let isOver = false
  t.teardown(() => {
    isOver = true
  })
  while (!isOver) {
    const session = await upstream.session().catch(() => null)
    if (session === null) continue
    const { socket } = session
    const send = () => {
      // A reader that is as fast leaves nothing unsent: without a bound this turn would never end.
      for (let sent = 0; sent < mostUnsent && socket.bufferedAmount < mostUnsent; sent += delta.length) {
        if (socket.readyState !== socket.OPEN) return
        socket.send(delta)
      }
      if (!isOver && socket.readyState === socket.OPEN) setTimeout(send, 1)
    }
    send()
  }
}

/** An event of exactly so many bytes that upstream takes. */
function jsonOf(bytes: number): string {
  const [start, end] = ['{"type":"input_audio_buffer.append","audio":"', '"}']
  return `${start}${'A'.repeat(Math.max(0, bytes - start.length - end.length))}${end}`
}

function repeated(frame: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(mebibyte / frame.length) }, () => frame))
}
