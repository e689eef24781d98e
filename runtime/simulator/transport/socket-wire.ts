/** A WebSocket as a line into a session. */
import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../clock.ts'
import type { Dialect, Wire, WireKind } from '../session/wire.ts'

/** A client that leaves this much unread (bytes) is not read from either. */
const floodBytes = 8 * 1024 * 1024
const floodCheckMs = 50
const closeTimeoutMs = 5000

/** Bytes of one frame that a client may send: 15 MiB of audio as base64, and room for the rest. */
export const maxFrameBytes = 24 * 1024 * 1024

/** Makes a line of a socket. Frames are passed to the session by `listen`. */
export function createSocketWire(socket: WebSocket, kind: WireKind, dialect: Dialect): Wire {
  return {
    kind,
    dialect,
    send: text => {
      if (socket.readyState === socket.OPEN) socket.send(text)
    },
    buffered: () => socket.bufferedAmount,
    close: (code, reason) => {
      if (socket.readyState !== socket.OPEN) return
      socket.close(code, reason)
      setTimeout(() => socket.terminate(), closeTimeoutMs).unref()
    },
  }
}

/** What frames are passed to, each with the line that it came by. */
export interface Listener<W> {
  receive(text: string, from: W): void
  receiveBinary(from: W): void
}

/**
 * Gives what a socket receives to a session. A client that does not read its answers is not read from.
 *
 * @param closed called once, when the socket is gone
 */
export function listen<W>(
  socket: WebSocket,
  wire: W,
  session: Listener<W>,
  clock: Clock,
  closed: () => void,
): void {
  const resume = () => {
    if (socket.bufferedAmount > floodBytes) clock.at(clock.now() + floodCheckMs, resume)
    else socket.resume()
  }
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (isBinary) session.receiveBinary(wire)
    else session.receive(textOf(data), wire)
    if (socket.bufferedAmount <= floodBytes || socket.isPaused) return
    socket.pause()
    resume()
  })
  socket.on('error', () => socket.terminate())
  socket.once('close', closed)
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString()
  return data instanceof ArrayBuffer ? Buffer.from(data).toString() : data.toString()
}
