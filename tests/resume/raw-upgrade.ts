/** A WebSocket upgrade over a bare TCP socket, which breaks where a test wants it to. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { encodeFrame, opcodes } from '../wire/frames.ts'

export interface RawUpgrade {
  readonly socket: Socket
  /** Resolves when the 101 has come. @throws Error when something else does */
  readonly answered: Promise<void>
  /** All texts that came after the 101, put together. */
  texts(): string
  /** The code of the close frame that came; null when none did. */
  closeCode(): number | null
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>
  /** Pongs that came. */
  pongs(): number
  /** Sends a text. */
  say(text: string): void
  /** Sends a ping of its own. */
  ping(): void
  /** Sends a pong that answers no ping, as it has no payload. */
  pong(): void
  /** Breaks the connection without a close frame (RST). */
  reset(): void
}

/** Sends an upgrade request, and from then on nothing by itself: no pong either. */
export async function rawUpgrade(t: Stage, url: string): Promise<RawUpgrade> {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await new Promise(resolve => socket.once('connect', resolve))
  let bytes = Buffer.alloc(0)
  const headerEnd = () => bytes.indexOf('\r\n\r\n')
  const answered = new Promise<void>((resolve, reject) => {
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      if (headerEnd() < 0) return
      if (bytes.toString().startsWith('HTTP/1.1 101')) resolve()
      else reject(new Error(bytes.toString()))
    })
  })
  answered.catch(() => undefined)
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  const lines = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
  ]
  await new Promise(resolve => socket.write(`${lines.join('\r\n')}\r\n\r\n`, resolve))
  const write = (opcode: number, text = '') =>
    void socket.write(encodeFrame({ opcode, payload: Buffer.from(text), isMasked: true }))
  const received = (opcode: number) =>
    framesOf(bytes.subarray(headerEnd() + 4)).filter(frame => frame.opcode === opcode)
  return {
    socket,
    get answered() {
      return within(answered, patienceMs, 'the upgrade is not answered')
    },
    get closed() {
      return within(closed, patienceMs, 'the connection is not closed')
    },
    texts: () =>
      received(opcodes.text)
        .map(({ payload }) => payload.toString())
        .join('\n'),
    closeCode: () => {
      const [close] = received(opcodes.close)
      return close === undefined ? null : close.payload.readUInt16BE()
    },
    pongs: () => received(opcodes.pong).length,
    say: text => write(opcodes.text, text),
    ping: () => write(opcodes.ping),
    pong: () => write(opcodes.pong),
    reset: () => void socket.resetAndDestroy(),
  }
}

/** Reads the frames of a server, which are not masked (RFC 6455 section 5.2); here none has 64 KiB. */
function framesOf(bytes: Buffer): { opcode: number; payload: Buffer }[] {
  const frames = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = (bytes[at + 1] ?? 0) & 0x7f
    const start = at + (short < 126 ? 2 : 4)
    const length = short < 126 ? short : bytes.readUInt16BE(at + 2)
    frames.push({ opcode: (bytes[at] ?? 0) & 0x0f, payload: bytes.subarray(start, start + length) })
    at = start + length
  }
  return frames
}
