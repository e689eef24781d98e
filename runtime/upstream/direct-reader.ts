/**
 * Reads upstream's sockets into one buffer that they all share, and hands out whole text frames from there.
 * A stream would take 64 kB of fresh memory for every read; collecting that costs more than relaying an
 * event does. Whatever is not a whole text frame goes the usual way, through `ws`.
 * Written here, as no library hands a frame out of a buffer that is used again; `npm run bench` has its row.
 */
import { isUtf8 } from 'node:buffer'
import net, { type OnReadOpts, type Socket } from 'node:net'
import tls from 'node:tls'
import { FrameBoundary, readFrameHead } from './frame-boundary.ts'

/** As much as one read may bring (bytes): a session's largest usual events in one piece. */
const sharedBytes = 256 * 1024
const shared = Buffer.allocUnsafeSlow(sharedBytes)

/** Who reads. */
export interface Reading {
  /** Larger frames are left to `ws`, which refuses them. */
  readonly maxMessageBytes: number
  /** Whether frames may be handed out: `ws` has found no fault and nobody has closed. */
  readonly isOpen: boolean
  /** Takes one text frame, which is gone when this returns. */
  text(frame: Buffer): void
}

export class DirectReader {
  readonly #reading: Reading
  readonly #boundary = new FrameBoundary()
  #socket: Socket | null = null
  #state: 'handshake' | 'frames' = 'handshake'
  /** A frame that more than one read brings. */
  #partial: { readonly bytes: Buffer; readonly headBytes: number; filled: number } | null = null

  constructor(reading: Reading) {
    this.#reading = reading
  }

  get socket(): Socket | null {
    return this.#socket
  }

  /** Opens the socket of a `ws` client, as its `createConnection` option. */
  connect(options: tls.ConnectionOptions & net.TcpNetConnectOpts, secure: boolean): Socket {
    const onread: OnReadOpts = { buffer: shared, callback: bytes => this.#read(bytes) }
    // A path would be that of a local socket.
    const given = { ...options, path: undefined, onread }
    this.#socket = secure ? tls.connect({ ...given, servername: serverName(options) }) : net.connect(given)
    return this.#socket
  }

  /** The upgrade was answered: from now on the socket brings frames. To be called when `ws` says that it is open. */
  opened(): void {
    this.#state = 'frames'
    this.#socket?.on('data', (chunk: Buffer) => this.#boundary.pass(chunk))
  }

  /** @returns whether the socket may bring more */
  #read(bytes: number): boolean {
    const socket = this.#socket
    if (socket === null) return false
    const left = this.#isDirect(socket) ? this.#take(shared.subarray(0, bytes)) : shared.subarray(0, bytes)
    // A copy: the stream may keep it for longer than the shared buffer holds it.
    return left.length === 0 || socket.push(Buffer.from(left))
  }

  /** Whether `ws` has nothing of the stream that must come first. */
  #isDirect(socket: Socket): boolean {
    if (this.#partial !== null) return true
    if (this.#state !== 'frames' || !this.#boundary.isReached) return false
    return socket.readableFlowing === true && socket.readableLength === 0
  }

  /** Hands out the frames at the start of a chunk. @returns what is left for `ws` */
  #take(chunk: Buffer): Buffer {
    let rest = this.#fill(chunk)
    while (rest.length > 0 && this.#reading.isOpen) {
      const head = readFrameHead(rest)
      if (head === null || !head.isWholeText || head.payloadBytes > this.#reading.maxMessageBytes) break
      const end = head.bytes + head.payloadBytes
      if (end > rest.length) {
        const bytes = Buffer.allocUnsafeSlow(end)
        this.#partial = { bytes, headBytes: head.bytes, filled: rest.copy(bytes) }
        return rest.subarray(rest.length)
      }
      const frame = rest.subarray(head.bytes, end)
      if (!isUtf8(frame)) break
      rest = rest.subarray(end)
      this.#reading.text(frame)
    }
    return rest
  }

  /** Completes the frame that an earlier read began. @returns what comes after it */
  #fill(chunk: Buffer): Buffer {
    if (this.#partial === null) return chunk
    const { bytes, headBytes, filled } = this.#partial
    const copied = chunk.copy(bytes, filled)
    this.#partial.filled += copied
    const rest = chunk.subarray(copied)
    if (this.#partial.filled < bytes.length) return rest
    this.#partial = null
    const frame = bytes.subarray(headBytes)
    if (!isUtf8(frame)) return Buffer.concat([bytes, rest])
    if (this.#reading.isOpen) this.#reading.text(frame)
    return rest
  }
}

/** What TLS asks for by name (RFC 6066 section 3): an address is none. */
function serverName({ servername, host = '' }: tls.ConnectionOptions): string {
  return servername ?? (net.isIP(host) === 0 ? host : '')
}
