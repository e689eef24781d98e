/** What an upstream answers the gateway's dial with, and what it writes on the socket, cut anywhere. */
import type { Socket } from 'node:net'
import fc from 'fast-check'
import type { Stage } from '../gateway/start.ts'
import { within } from '../gateway/within.ts'
import { closePayload, encodeFrame, opcodes } from '../wire/frames.ts'
import { acceptUpgrade, type Dialled, listenRaw, openPeer, reset, upgradeAnswer } from '../wire/peer.ts'
import { cutInto, encodeStep, type Step, stepsOf } from './frame-steps.ts'
import { answerMs, assertEnding, assertRefusal, startFuzzedGateway } from './gateway-target.ts'
import type { Surface } from './surface.ts'
import { bytes, upstreamText } from './values.ts'

interface UpstreamInput {
  readonly path: '/chat' | '/chat?resume=' | '/realtime' | '/realtime?resume=' | '/v1/realtime'
  readonly handshake:
    | { readonly kind: 'accepted' }
    | {
        readonly kind:
          | 'without upgrade'
          | 'wrong accept'
          | 'no accept'
          | 'two accepts'
          | 'extension'
          | 'subprotocol'
      }
    | { readonly kind: 'status'; readonly status: number; readonly retryAfter: string; readonly body: string }
    | { readonly kind: 'garbage'; readonly bytes: string }
    | { readonly kind: 'broken off'; readonly at: number }
    | { readonly kind: 'nothing' }
  /** Whether `session.created` comes before the steps. */
  readonly greets: boolean
  readonly steps: readonly Step[]
  /** Bytes of each write; 0: all at once. */
  readonly pieces: number
  readonly end: 'close' | 'reset' | 'half-close' | 'stay'
}

const upstreamStatuses = [100, 200, 204, 302, 400, 401, 403, 404, 429, 500, 503, 999]
/** A client is told of no other: it would mislead it. */
const passedOn = upstreamStatuses.filter(status => status >= 400 && status <= 599)

const handshake: fc.Arbitrary<UpstreamInput['handshake']> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'accepted' as const }) },
  fc.constantFrom(
    ...(
      ['without upgrade', 'wrong accept', 'no accept', 'two accepts', 'extension', 'subprotocol'] as const
    ).map(kind => ({ kind })),
  ),
  fc.record({
    kind: fc.constant('status' as const),
    status: fc.constantFrom(...upstreamStatuses),
    retryAfter: fc.oneof(
      fc.constantFrom('', '0', '1', '-1', '1e99', 'Wed, 21 Oct 2099 07:28:00 GMT'),
      bytes(8),
    ),
    body: fc.oneof(upstreamText, bytes(300)),
  }),
  fc.record({ kind: fc.constant('garbage' as const), bytes: bytes(200) }),
  fc.record({ kind: fc.constant('broken off' as const), at: fc.nat({ max: 128 }) }),
  fc.constant({ kind: 'nothing' as const }),
)

const greeting = JSON.stringify({ type: 'session.created', session: { id: 'sess_1', model: 'gpt-realtime' } })

export const upstream: Surface<UpstreamInput> = {
  name: 'upstream',
  batch: 20,
  inputs: fc.record({
    path: fc.constantFrom(
      ...(['/chat', '/chat?resume=', '/realtime', '/realtime?resume=', '/v1/realtime'] as const),
    ),
    handshake,
    greets: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    steps: stepsOf(upstreamText, false),
    pieces: fc.constantFrom(0, 0, 1, 3),
    end: fc.constantFrom('close' as const, 'reset' as const, 'half-close' as const, 'stay' as const),
  }),
  start: async t => {
    const plans = new Map<string, UpstreamInput>()
    const port = await listenRaw(t, dialled => {
      // The first dial is the bystander's. There is one deployment, so that no dial goes over to another.
      dials += 1
      if (dials === 1) return answerHonestly(dialled)
      // Whose dial it is, no dial says: plans go round.
      const plan = [...plans.values()][dials % plans.size]
      if (plan === undefined) dialled.socket.destroy()
      else void misbehave(dialled, plan)
    })
    let dials = 0
    const gateway = await startFuzzedGateway(t, {
      AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
      AZURE_OPENAI_API_KEY: 'a-test-key',
      REALTIME_HEARTBEAT_SEC: '1',
      REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.*.done',
    })
    const bystander = await openBystander(t, gateway.port)
    let inputs = 0
    return {
      play: async input => {
        inputs += 1
        const name = String(inputs)
        plans.set(name, input)
        await within(playClient(gateway.port, input), answerMs, 'a client waits in vain').finally(() =>
          plans.delete(name),
        )
      },
      check: async () => {
        await within(bystander(), answerMs, 'the bystander has no answer')
        await gateway.check()
      },
      finish: gateway.finish,
    }
  },
}

/** How long a client stays at most (ms): long enough for its upstream to say all. */
const stayMs = 250

async function playClient(port: number, { path }: UpstreamInput): Promise<void> {
  const peer = await openPeer(port, path)
  if (peer === null) throw new Error('a legal upgrade was cut')
  // Whose plan upstream answered with, no dial says: any may have been this client's.
  if (typeof peer === 'number') return assertRefusal(peer, path === '/v1/realtime' ? passedOn : [])
  const text = path.startsWith('/chat') ? '{"text":"hello"}' : '{"type":"response.create"}'
  await peer.write(encodeFrame({ opcode: opcodes.text, payload: Buffer.from(text), isMasked: true }))
  await Promise.race([peer.ended, new Promise(resolve => setTimeout(resolve, stayMs))])
  await peer.write(encodeFrame({ opcode: opcodes.close, payload: closePayload(1000), isMasked: true }))
  assertEnding(await peer.ended, false)
  peer.socket.destroy()
}

/** A client whose upstream is honest. @returns asks once, and reads the answer @throws Error unless it is whole */
async function openBystander(t: Stage, port: number): Promise<() => Promise<void>> {
  const peer = await openPeer(port, '/v1/realtime')
  if (peer === null || typeof peer === 'number') throw new Error('the bystander is not let in')
  t.teardown(() => peer.socket.destroy())
  let asked = 0
  return async () => {
    asked += 1
    const text = JSON.stringify({ type: 'response.create', event_id: `asked ${asked}` })
    await peer.write(encodeFrame({ opcode: opcodes.text, payload: Buffer.from(text), isMasked: true }))
    const answer = answerTo(text)
    if ((await peer.first(({ payload }) => payload.equals(answer))) === null)
      throw new Error(`the bystander was ended: ${JSON.stringify(await peer.ended)}`)
  }
}

/** Long enough for several reads. */
function answerTo(text: string): Buffer {
  return Buffer.from(JSON.stringify({ type: 'response.output_text.done', text: text.repeat(100) }))
}

function answerHonestly(dialled: Dialled): void {
  const peer = acceptUpgrade(dialled)
  const say = (payload: Buffer) => peer.write(encodeFrame({ opcode: opcodes.text, payload, isMasked: false }))
  void say(Buffer.from(greeting))
  let answered = 0
  dialled.socket.on('data', () => {
    for (const { opcode, payload } of peer.received.slice(answered)) {
      answered += 1
      if (opcode === opcodes.text) void say(answerTo(payload.toString()))
      if (opcode === opcodes.ping)
        void peer.write(encodeFrame({ opcode: opcodes.pong, payload, isMasked: false }))
    }
  })
}

async function misbehave(
  dialled: Dialled,
  { handshake, greets, steps, pieces, end }: UpstreamInput,
): Promise<void> {
  const { socket, key } = dialled
  const answer = handshakeOf(handshake, key)
  if (answer === null) return endAs(socket, end)
  await writePieces(socket, answer, pieces)
  const frames = steps.map(step => encodeStep(step, false))
  if (greets)
    frames.unshift(encodeFrame({ opcode: opcodes.text, payload: Buffer.from(greeting), isMasked: false }))
  await writePieces(socket, Buffer.concat(frames), pieces)
  endAs(socket, end)
}

function handshakeOf(handshake: UpstreamInput['handshake'], key: string): Buffer | null {
  const whole = upgradeAnswer(key)
  switch (handshake.kind) {
    case 'accepted':
      return Buffer.from(whole)
    case 'without upgrade':
      return Buffer.from(whole.replace('Upgrade: websocket\r\n', ''))
    case 'wrong accept':
      return Buffer.from(upgradeAnswer('another'))
    case 'no accept':
      return Buffer.from(whole.replace(/Sec-WebSocket-Accept: .*\r\n/, ''))
    case 'two accepts':
      return Buffer.from(whole.replace(/(Sec-WebSocket-Accept: .*\r\n)/, '$1$1'))
    case 'extension':
      return Buffer.from(
        whole.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'),
      )
    case 'subprotocol':
      return Buffer.from(whole.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: unasked\r\n\r\n'))
    case 'status': {
      const { status, retryAfter, body } = handshake
      const payload = Buffer.from(body)
      const head = `HTTP/1.1 ${status} Odd\r\nRetry-After: ${retryAfter}\r\nContent-Length: ${payload.length}\r\n\r\n`
      return Buffer.concat([Buffer.from(head, 'latin1'), payload])
    }
    case 'garbage':
      return Buffer.from(handshake.bytes, 'latin1')
    case 'broken off':
      return Buffer.from(whole.slice(0, handshake.at))
    case 'nothing':
      return null
  }
}

/** Beyond this, small pieces show no more (bytes). */
const mostInPieces = 4000

async function writePieces(socket: Socket, all: Buffer, size: number): Promise<void> {
  for (const piece of all.length > mostInPieces ? [all] : cutInto(all, size)) {
    if (!socket.writable) return
    socket.write(piece)
    if (size > 0) await new Promise(resolve => setImmediate(resolve))
  }
}

function endAs(socket: Socket, end: UpstreamInput['end']): void {
  if (end === 'reset') reset(socket)
  if (end === 'half-close') socket.end()
  if (end === 'close' && socket.writable)
    socket.end(encodeFrame({ opcode: opcodes.close, payload: closePayload(1000), isMasked: false }))
}
