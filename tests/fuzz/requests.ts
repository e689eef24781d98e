/** What clients write before there is a WebSocket: request lines, headers and bodies, one after the other. */
import type { Socket } from 'node:net'
import fc from 'fast-check'
import { errorTable } from '../../runtime/core/errors.ts'
import { startSimulatorChild } from '../fairness/stage.ts'
import { ask, converse } from '../gateway/converse.ts'
import { within } from '../gateway/within.ts'
import { closePayload, encodeFrame, opcodes } from '../wire/frames.ts'
import { followFrames, openSocket, type Peer, reset } from '../wire/peer.ts'
import { cutInto } from './frame-steps.ts'
import { answerMs, assertEnding, startFuzzedGateway } from './gateway-target.ts'
import type { Surface } from './surface.ts'
import { bytes, jsonBody } from './values.ts'

interface RequestInput {
  readonly requests: readonly Asked[]
  readonly pieces: number
}

interface Asked {
  readonly line: string
  readonly headers: readonly (readonly [string, string])[]
  /** Text, as UTF-8. */
  readonly body: string
  readonly framing:
    | 'none'
    | 'length'
    | 'too short'
    | 'too long'
    | 'twice'
    | 'empty'
    | 'chunked'
    | 'chunks broken'
    | 'both'
}

const targets = [
  ...['/', '/chat', '/realtime', '/healthz', '/readyz', '/metrics', '/ticket', '/playground', '/sideband'],
  ...['/v1/realtime', '/v1/realtime/client_secrets', '/v1/realtime/calls', '/openai/v1/realtime/calls'],
  ...['/v1/realtime/calls/rtc_x/hangup', '/sideband/config', '/sideband/session', '/sideband/ephemeral-key'],
  ...['/sideband/offer', '/sideband/sessions', '/sideband/session/sideband_0123456789abcdef'],
  ...['/sideband/control/sideband_0123456789abcdef', '/assets/x.js', '//', '/%', '/..', '/:id', '*', ''],
]
function isPath(target: string): boolean {
  return /^\/[a-z]/.test(target)
}

const target = fc
  .tuple(fc.constantFrom(...targets), fc.oneof(fc.constant(''), bytes(20)))
  .map(([path, query]) => (query === '' ? path : `${path}?${query.replace(/[\r\n ]/g, '+')}`))
/** As any client writes one, so that what comes behind it is reached. */
const legalLine = fc
  .tuple(fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS'), fc.constantFrom(...targets.filter(isPath)))
  .map(([method, path]) => `${method} ${path} HTTP/1.1`)
const line = fc.oneof(
  { weight: 9, arbitrary: legalLine },
  {
    weight: 9,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'GET',
          'POST',
          'DELETE',
          'HEAD',
          'OPTIONS',
          'PUT',
          'get',
          'CONNECT',
          'PRI',
          'X'.repeat(300),
        ),
        target,
        fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
      )
      .map(parts => parts.join(' ')),
  },
  bytes(40),
)
const header = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom<readonly [string, string]>(
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Connection', 'close'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Version', '8'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['Sec-WebSocket-Key', 'short'],
      ['Sec-WebSocket-Protocol', 'realtime, openai-insecure-api-key.x'],
      ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits=99'],
      ['Content-Type', 'application/json'],
      ['Content-Type', 'application/sdp'],
      ['Content-Type', 'multipart/form-data; boundary=x'],
      ['Content-Type', 'multipart/form-data; boundary="\u00e9\u00ff'],
      ['Expect', '100-continue'],
      ['Authorization', 'Bearer x'],
      ['Origin', 'null'],
      ['If-None-Match', '*'],
      ['Accept-Encoding', 'br;q=x'],
      ['X-Forwarded-For', '1.2.3.4, ::::'],
    ),
  },
  fc.tuple(bytes(12), bytes(40)),
)
const body = fc.oneof(
  jsonBody,
  fc.constantFrom(
    '',
    'v=0\r\n',
    '--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0\r\n--x--\r\n',
    '--x\r\n\r\n',
  ),
  fc.nat({ max: 300 }).map(kilobytes => 'a'.repeat(kilobytes * 1024)),
)

const asked: fc.Arbitrary<Asked> = fc.record({
  line,
  headers: fc.array(header, { maxLength: 6 }),
  body,
  framing: fc.constantFrom<Asked['framing'][]>(
    ...(['length', 'length', 'length', 'none', 'too short', 'too long', 'twice', 'empty'] as const),
    ...(['chunked', 'chunks broken', 'both'] as const),
  ),
})
/** A legal upgrade: whatever is written behind it are frames. */
const upgrade: fc.Arbitrary<Asked> = fc
  .tuple(fc.constantFrom('/chat', '/realtime', '/v1/realtime', '/sideband/control/x', '/healthz'), header)
  .map(([path, more]) => ({
    line: `GET ${path} HTTP/1.1`,
    headers: [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      more,
    ],
    body: '',
    framing: 'none',
  }))

export const requests: Surface<RequestInput> = {
  name: 'requests',
  batch: 30,
  inputs: fc.record({
    requests: fc.array(fc.oneof({ weight: 5, arbitrary: asked }, { weight: 1, arbitrary: upgrade }), {
      minLength: 1,
      maxLength: 4,
    }),
    pieces: fc.constantFrom(0, 0, 0, 11),
  }),
  start: async t => {
    const gateway = await startFuzzedGateway(t, await startSimulatorChild(t))
    const bystander = await converse(t, `${gateway.url.replace('http', 'ws')}/chat`)
    let asked = 0
    return {
      play: input => within(playRequests(gateway.port, input), answerMs, 'a client waits in vain'),
      check: async () => {
        asked += 1
        const { transcript } = await within(
          ask(bystander, `bystander ${asked}`),
          answerMs,
          'the bystander has no answer',
        )
        if (transcript !== `You said: bystander ${asked}`)
          throw new Error(`the bystander was answered ${transcript}`)
        await gateway.check()
      },
      finish: gateway.finish,
    }
  },
}

/** What is not whole may never be answered: its client goes after this time (ms). */
const patienceMs = 150

/** What may be answered: what is no refusal, the statuses of the table of errors, and the native server's own. */
const statuses: ReadonlySet<number> = new Set([
  ...[100, 101, 200, 204, 304],
  // RFC 9112 section 3, RFC 6585 section 5, RFC 9110 section 15.6.6: uWebSockets.js refuses what it cannot read.
  ...[400, 431, 505],
  ...Object.values(errorTable).map(({ status }) => status),
])

async function playRequests(port: number, { requests, pieces }: RequestInput): Promise<void> {
  const socket = await openSocket(port)
  const answers = readAnswers(socket)
  for (const request of requests) {
    const encoded = encodeRequest(request)
    for (const piece of encoded.length > 2000 ? [encoded] : cutInto(encoded, pieces)) {
      if (!socket.writable) break
      socket.write(piece)
      if (pieces > 0) await new Promise(resolve => setImmediate(resolve))
    }
  }
  const [first] = requests
  if (first !== undefined && isWhole(first))
    await within(answers.first, answerMs, `${first.line} is not answered`)
  else await Promise.race([answers.first, new Promise(resolve => setTimeout(resolve, patienceMs))])
  for (const answer of answers.read()) assertAnswer(answer)
  if (answers.peer === null) return reset(socket)
  // What followed the upgrade's head was no frame, or none that ends there: it may be cut.
  await answers.peer.write(
    encodeFrame({ opcode: opcodes.close, payload: closePayload(1000), isMasked: true }),
  )
  socket.end()
  assertEnding(await answers.peer.ended, true)
  socket.destroy()
}

/** Whether a request is one by RFC 9112, so that it must be answered. */
function isWhole({ line, headers, framing }: Asked): boolean {
  return (
    /^(?:GET|POST|DELETE|OPTIONS|PUT) \/[!-~]* HTTP\/1\.1$/.test(line) &&
    (framing === 'none' || framing === 'length' || framing === 'chunked') &&
    headers.every(([name, value]) => /^[A-Za-z0-9-]+$/.test(name) && /^[\t -~]*$/.test(value))
  )
}

interface HttpAnswer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

/** Follows what is answered on a connection: HTTP, and frames once an upgrade is answered with 101. */
function readAnswers(socket: Socket) {
  let text = ''
  const upgrade: { peer: Peer | null } = { peer: null }
  const first = new Promise<void>(resolve => {
    socket.once('close', () => resolve())
    socket.on('data', function take(chunk: Buffer) {
      const before = text.length
      text += chunk.toString('latin1')
      const upgraded = upgradeAnswered.exec(text)
      if (upgraded !== null) {
        socket.off('data', take)
        const at = upgraded.index + upgraded[0].length - before
        upgrade.peer = followFrames(socket, chunk.subarray(Math.max(0, at)))
        text = text.slice(0, upgraded.index + upgraded[0].length)
      }
      if (headEnd.test(text.replace(interim, ''))) resolve()
    })
  })
  return {
    /** Resolves with the head of an answer, or the end of the connection. */
    first,
    /** null while it speaks HTTP. */
    get peer() {
      return upgrade.peer
    },
    read: (): HttpAnswer[] => {
      if (text !== '' && !text.startsWith('HTTP/1.1 '))
        throw new Error(`what was answered is not HTTP: ${JSON.stringify(text.slice(0, shownChars))}`)
      return text
        .split(answerStart)
        .slice(1)
        .map(answer => {
          const [head = '', ...body] = answer.split('\r\n\r\n')
          const [status = '', ...headers] = head.split('\r\n')
          return {
            status: Number(status.slice(0, 3)),
            headers: headers.join('\n'),
            body: body.join('\r\n\r\n'),
          }
        })
    },
  }
}

/** RFC 9110 section 15.2.1: asked for by `Expect`, and followed by the answer. */
const interim = /HTTP\/1\.1 100 [^\r\n]*\r\n\r\n/
const headEnd = /\r\n\r\n/
const upgradeAnswered = /^HTTP\/1\.1 101 [\s\S]*?\r\n\r\n/m
/** Nothing within a body looks like it: what the gateway quotes of a request is JSON, in which line ends are escaped. */
const answerStart = /HTTP\/1\.1 (?=\d{3} [^\r\n]*\r\n)/
const shownChars = 300

/** @throws Error for a status that may not be answered, and for a refusal that says nothing */
function assertAnswer({ status, headers, body }: HttpAnswer): void {
  const shown = `${status} ${headers} ${body.slice(0, shownChars)}`
  if (status === errorTable.internal.status || !statuses.has(status))
    throw new Error(`answered with ${shown}`)
  if (status < 400 || !/^content-type: application\/json/im.test(headers) || body === '') return
  const { detail } = JSON.parse(body) as { detail?: unknown }
  if (typeof detail !== 'string' || detail === '') throw new Error(`a refusal that says nothing: ${shown}`)
}

function encodeRequest({ line, headers, body, framing }: Asked): Buffer {
  const payload = Buffer.from(body)
  const length = payload.length
  const framed: Record<Asked['framing'], { lines: string[]; bytes: Buffer }> = {
    none: { lines: [], bytes: Buffer.alloc(0) },
    length: { lines: [`Content-Length: ${length}`], bytes: payload },
    'too short': { lines: [`Content-Length: ${Math.floor(length / 2)}`], bytes: payload },
    'too long': { lines: [`Content-Length: ${length + 10}`], bytes: payload },
    twice: { lines: [`Content-Length: ${length}`, 'Content-Length: 0'], bytes: payload },
    empty: { lines: ['Content-Length: '], bytes: payload },
    chunked: { lines: ['Transfer-Encoding: chunked'], bytes: chunked(payload) },
    'chunks broken': {
      lines: ['Transfer-Encoding: chunked'],
      bytes: Buffer.concat([Buffer.from('ffffffffffffffff;x=y\r\n'), payload]),
    },
    both: { lines: ['Transfer-Encoding: chunked', `Content-Length: ${length}`], bytes: chunked(payload) },
  }
  const { lines, bytes } = framed[framing]
  const head = [line, 'Host: localhost', ...headers.map(([name, value]) => `${name}: ${value}`), ...lines]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes])
}

function chunked(payload: Buffer): Buffer {
  if (payload.length === 0) return Buffer.from('0\r\n\r\n')
  return Buffer.concat([
    Buffer.from(`${payload.length.toString(16)};a=b\r\n`),
    payload,
    Buffer.from('\r\n0\r\n\r\n'),
  ])
}
