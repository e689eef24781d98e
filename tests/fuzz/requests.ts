/** What clients write before there is a WebSocket: request lines, headers and bodies, one after the other. */
import fc from 'fast-check'
import { startSimulatorChild, within } from '../fairness/stage.ts'
import { ask, converse } from '../gateway/converse.ts'
import { openSocket, reset } from '../wire/peer.ts'
import { cutInto } from './frame-steps.ts'
import { answerMs, startFuzzedGateway } from './gateway-target.ts'
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
const target = fc
  .tuple(fc.constantFrom(...targets), fc.oneof(fc.constant(''), bytes(20)))
  .map(([path, query]) => (query === '' ? path : `${path}?${query.replace(/[\r\n ]/g, '+')}`))
const line = fc.oneof(
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

export const requests: Surface<RequestInput> = {
  name: 'requests',
  batch: 30,
  inputs: fc.record({
    requests: fc.array(
      fc.record({
        line,
        headers: fc.array(header, { maxLength: 6 }),
        body,
        framing: fc.constantFrom<Asked['framing'][]>(
          ...(['length', 'length', 'length', 'none', 'too short', 'too long', 'twice', 'empty'] as const),
          ...(['chunked', 'chunks broken', 'both'] as const),
        ),
      }),
      { minLength: 1, maxLength: 4 },
    ),
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

/** An answer to what is whole comes within this time (ms); what is not whole gets none. */
const patienceMs = 150

async function playRequests(port: number, { requests, pieces }: RequestInput): Promise<void> {
  const socket = await openSocket(port)
  let read = ''
  const answered = new Promise<void>(resolve => {
    socket.on('data', chunk => {
      read += chunk.toString('latin1')
      resolve()
    })
    socket.once('close', () => resolve())
  })
  for (const request of requests) {
    const encoded = encodeRequest(request)
    for (const piece of encoded.length > 2000 ? [encoded] : cutInto(encoded, pieces)) {
      if (!socket.writable) break
      socket.write(piece)
      if (pieces > 0) await new Promise(resolve => setImmediate(resolve))
    }
  }
  await Promise.race([answered, new Promise(resolve => setTimeout(resolve, patienceMs))])
  reset(socket)
  if (read === '') return
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(read)?.[1]
  if (status === undefined)
    throw new Error(`what was answered is not HTTP: ${JSON.stringify(read.slice(0, 80))}`)
  if (status === '500') throw new Error(`answered with 500: ${read.slice(0, 300)}`)
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
