/** Sockets that do what no client library would: bytes are written as they are. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import { patienceMs, within } from '../gateway/within.ts'

/** Connects; a socket that the server cuts is no error. */
export async function rawSocket(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** An upgrade request without its last line, so that it is never complete. */
export const halfUpgrade =
  'GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

/** Opens a WebSocket by hand. */
export async function rawWebSocket(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = await rawSocket(t, port)
  socket.write(`${halfUpgrade}\r\n`)
  await once(socket, 'data')
  return socket
}

/** Writes a frame's head (RFC 6455 section 5.2), masked with zeros. @param length claimed; the payload is up to the caller */
export function frameHead(opcode: number, isLast: boolean, length: number | bigint): Buffer {
  const first = (isLast ? 0x80 : 0) | opcode
  if (length < 126) return Buffer.from([first, 0x80 | Number(length), 0, 0, 0, 0])
  const head = Buffer.alloc(14)
  head[0] = first
  head[1] = 0xff
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

/** Resolves when the server has ended the socket. */
export async function ended(socket: Socket): Promise<void> {
  socket.resume()
  await closing(socket)
}

/** Reads the close frame that the server sends: its code, or null if the socket ends without one. */
export async function closeCode(socket: Socket): Promise<number | null> {
  let bytes = Buffer.alloc(0)
  socket.on('data', chunk => {
    bytes = Buffer.concat([bytes, chunk])
  })
  await closing(socket)
  for (let at = 0; at + 4 <= bytes.length; at += 2 + ((bytes[at + 1] ?? 0) & 0x7f)) {
    if (bytes[at] === 0x88) return bytes.readUInt16BE(at + 2)
  }
  return null
}

/** Writes, and waits where the network is full. */
export async function writeAll(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed) return
  if (socket.write(bytes)) return
  await Promise.race([new Promise(resolve => socket.once('drain', resolve)), closing(socket)])
}

/** A reset is an end like any other here. */
function closing(socket: Socket): Promise<unknown> {
  if (socket.closed) return Promise.resolve()
  const closed = new Promise(resolve => socket.once('close', resolve))
  return within(closed, patienceMs, 'the connection is not closed')
}
