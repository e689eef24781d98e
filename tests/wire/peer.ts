/** A WebSocket peer over a bare TCP socket, as client or as server: it writes any bytes, and says all that it reads. */
import { createHash } from 'node:crypto'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'
import { closePayload, encodeFrame, FrameReader, opcodes, type Received } from './frames.ts'

/** How a connection ended. */
export interface Ending {
  /** Of the close frame that was read; null where none was. 1005: one without a code. */
  readonly code: number | null
  readonly reason: string
  /** What was read is no stream of frames; null where it is. */
  readonly fault: string | null
}

export const noCode = 1005

export interface Peer {
  readonly socket: Socket
  /** All messages and control frames so far, the close frame included. */
  readonly received: readonly Received[]
  /** Resolves when the other side has ended the connection, or cut it. */
  readonly ended: Promise<Ending>
  /** Resolves with the first thing received that fits, past or future; null once the connection has ended. */
  first(fits: (received: Received) => boolean): Promise<Received | null>
  /** Writes, each piece by a write of its own; whether the other side still takes it is its own affair. */
  write(...pieces: readonly Buffer[]): Promise<void>
}

const headEnd = '\r\n\r\n'
/** RFC 6455 section 1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The `Sec-WebSocket-Accept` of a key (RFC 6455 section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64')
}

/** Follows frames on a socket whose upgrade is done. @param first bytes that came with the upgrade's head */
export function followFrames(socket: Socket, first: Buffer): Peer {
  const reader = new FrameReader()
  const received: Received[] = []
  const looks = new Set<() => void>()
  let ending: Ending | null = null
  let fault: string | null = null
  const changed = () => {
    for (const look of [...looks]) look()
  }
  const ended = new Promise<Ending>(resolve => {
    const end = () => {
      if (ending !== null) return
      const close = received.find(({ opcode }) => opcode === opcodes.close)
      ending = { ...(close === undefined ? { code: null, reason: '' } : endingOf(close.payload)), fault }
      changed()
      resolve(ending)
    }
    socket.once('end', end)
    socket.once('close', end)
  })
  const take = (chunk: Buffer) => {
    try {
      received.push(...reader.take(chunk))
    } catch (error) {
      fault = (error as Error).message
      socket.destroy()
    }
    changed()
  }
  socket.on('data', take)
  if (first.length > 0) take(first)
  return {
    socket,
    received,
    get ended() {
      return within(ended, patienceMs, 'the connection does not end')
    },
    first: fits => {
      const found = new Promise<Received | null>(resolve => {
        const look = () => {
          const found = received.find(fits)
          if (found === undefined && ending === null) return
          looks.delete(look)
          resolve(found ?? null)
        }
        looks.add(look)
        look()
      })
      return within(found, patienceMs, 'nothing that fits is received')
    },
    write: async (...pieces) => {
      for (const piece of pieces) {
        if (socket.destroyed || !socket.writable) return
        socket.write(piece)
        if (pieces.length > 1) await new Promise(resolve => setImmediate(resolve))
      }
    },
  }
}

function endingOf(payload: Buffer): Omit<Ending, 'fault'> {
  if (payload.length < 2) return { code: noCode, reason: '' }
  return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
}

/** Opens a TCP connection on which errors are ends like any other. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => undefined)
  await new Promise(resolve => {
    socket.once('connect', resolve)
    socket.once('close', resolve)
  })
  return socket
}

/** Reads an HTTP message's head. @returns null where the connection ends before it does */
export function readHead(socket: Socket): Promise<{ head: string; rest: Buffer } | null> {
  const read = new Promise<{ head: string; rest: Buffer } | null>(resolve => {
    let bytes = Buffer.alloc(0)
    const end = () => resolve(null)
    const take = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      const at = bytes.indexOf(headEnd)
      if (at < 0) return
      socket.off('data', take)
      socket.off('close', end)
      resolve({ head: bytes.toString('latin1', 0, at), rest: bytes.subarray(at + headEnd.length) })
    }
    socket.on('data', take)
    socket.once('close', end)
  })
  return within(read, patienceMs, 'no head is received')
}

/** Opens a WebSocket as a client. @returns the status where it is refused; null: cut before any */
export async function openPeer(port: number, path: string): Promise<Peer | number | null> {
  const socket = await openSocket(port)
  socket.write(
    [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n'),
  )
  const answer = await readHead(socket)
  if (answer === null) return null
  const status = Number(answer.head.split(' ')[1])
  if (status === 101) return followFrames(socket, answer.rest)
  socket.destroy()
  return status
}

export interface Dialled {
  readonly socket: Socket
  /** Request target, as it was asked for. */
  readonly target: string
  /** `Sec-WebSocket-Key`. */
  readonly key: string
}

/** Listens for upgrade requests, and hands over the bare socket once a head is read. It is closed with the stage. */
export async function listenRaw(t: Stage, dialled: (given: Dialled) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, async socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    const request = await readHead(socket)
    if (request === null) return
    const key = /^sec-websocket-key: *(\S+)/im.exec(request.head)?.[1] ?? ''
    dialled({ socket, target: request.head.split(' ')[1] ?? '', key })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Answers an upgrade as RFC 6455 section 4.2.2 asks. */
export function acceptUpgrade({ socket, key }: Dialled): Peer {
  socket.write(upgradeAnswer(key))
  return followFrames(socket, Buffer.alloc(0))
}

export function upgradeAnswer(key: string): string {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    '\r\n',
  ].join('\r\n')
}

/** Resets a connection. One that is ending already is dropped: Node 22 keeps the handle of such a one for ever. */
export function reset(socket: Socket): void {
  if (socket.writable && socket.readable) socket.resetAndDestroy()
  else socket.destroy()
}

/** Closes in good order (RFC 6455 section 7.1.2). */
export function closePeer({ socket }: Peer, isMasked: boolean): void {
  if (socket.destroyed) return
  socket.end(encodeFrame({ opcode: opcodes.close, payload: closePayload(1000), isMasked }))
  socket.destroySoon()
}
