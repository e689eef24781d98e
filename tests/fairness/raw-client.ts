/** A WebSocket client that is a bare TCP socket: it writes whatever bytes it likes, and reads only if it likes. */
import { connect, type Socket } from 'node:net'

/** RFC 6455 section 1.2, with the key of its example. */
const upgradeOf = (path: string) =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n')

/** How a connection ended: by a close frame, or without one. */
export interface Ending {
  /** 1006 where no close frame was read. */
  readonly code: number
  readonly reason: string
}

export interface RawClient {
  readonly socket: Socket
  /** Resolves when the gateway ends the connection, or cuts it. */
  readonly ended: Promise<Ending>
}

/** RFC 6455 section 7.4.1: ended without a close frame. */
const abnormalClosure = 1006
const answerEnd = '\r\n\r\n'

/**
 * Opens a connection.
 * @param isUpgrade false: it stays HTTP, and nothing is sent yet
 * @param reads false: after the answer to the upgrade, nothing is read any more
 * @returns null where the upgrade is refused, or the connection is
 */
export function openRaw(
  port: number,
  { path, isUpgrade, reads }: { path: string; isUpgrade: boolean; reads: boolean },
): Promise<RawClient | null> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const frames = new CloseReader()
  const ended = new Promise<Ending>(resolve => {
    const end = () => resolve({ code: abnormalClosure, reason: '' })
    frames.onClose = resolve
    // Who half-closes reads no more either.
    socket.once('end', end)
    socket.once('close', end)
    socket.on('error', end)
  })
  return new Promise(resolve => {
    const opened = () => {
      if (!reads) socket.pause()
      resolve({ socket, ended })
    }
    ended.then(() => resolve(null))
    if (!isUpgrade) {
      socket.once('connect', opened)
      if (reads) socket.resume()
      return
    }
    let answer = Buffer.alloc(0)
    const read = (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      const end = answer.indexOf(answerEnd)
      if (end < 0) return
      socket.off('data', read)
      if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) {
        socket.destroy()
        return
      }
      socket.on('data', data => frames.take(data))
      frames.take(answer.subarray(end + answerEnd.length))
      opened()
    }
    socket.on('data', read)
    socket.write(upgradeOf(path))
  })
}

const closeOpcode = 0x8

/** Passes over a server's frames, up to its close frame. */
class CloseReader {
  onClose: (ending: Ending) => void = () => undefined
  #left = 0
  #rest: Buffer = Buffer.alloc(0)

  take(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = Buffer.alloc(0)
    for (;;) {
      const passed = Math.min(this.#left, data.length)
      this.#left -= passed
      data = data.subarray(passed)
      if (data.length === 0) return
      const head = readHead(data)
      if (head === null) break
      if (head.opcode === closeOpcode) {
        if (data.length < head.bytes + head.payload) break
        return this.#closed(data.subarray(head.bytes, head.bytes + head.payload))
      }
      this.#left = head.payload
      data = data.subarray(head.bytes)
    }
    this.#rest = Buffer.from(data)
  }

  #closed(payload: Buffer): void {
    if (payload.length < 2) this.onClose({ code: abnormalClosure, reason: '' })
    else this.onClose({ code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) })
  }
}

/** @returns null where the head is not whole yet */
function readHead(data: Buffer): { opcode: number; bytes: number; payload: number } | null {
  const short = (data[1] ?? 0) & 0x7f
  const bytes = short === 126 ? 4 : short === 127 ? 10 : 2
  if (data.length < bytes) return null
  const payload =
    short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short
  return { opcode: (data[0] ?? 0) & 0xf, bytes, payload }
}
