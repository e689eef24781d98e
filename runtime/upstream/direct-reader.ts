/**
 * Reads upstream's sockets into one buffer that they all share, and hands out whole text frames from there.
 * A stream would take 64 kB of fresh memory for every read; collecting that costs more than relaying an
 * event does. Whatever is not a whole text frame goes the usual way, through `ws`.
 * What one turn of the event loop has no time for is kept, and nothing more is read before that is handed out.
 * Written here, as no library hands a frame out of a buffer that is used again; `npm run bench` has its row.
 */
import { isUtf8 } from 'node:buffer'
import net, { type OnReadOpts, type Socket } from 'node:net'
import tls from 'node:tls'
import { FrameBoundary, readFrameHead } from './frame-boundary.ts'
import { type ReadingShare, type ShareReader, sharedReading } from './reading-share.ts'

/** As much as one read may bring (bytes): a session's largest usual events in one piece. */
const sharedBytes = 256 * 1024
const shared = Buffer.allocUnsafeSlow(sharedBytes)

/** So much of one frame goes to `ws` at a time (bytes): of more it would pause the socket, as `highWaterMark` says. */
const mostPassedBytes = 8 * 1024

const nothing = Buffer.alloc(0)
const endOfHead = Buffer.from('\r\n\r\n')

/** Who reads. */
export interface Reading {
  /** Larger frames are left to `ws`, which refuses them. */
  readonly maxMessageBytes: number
  /** Whether frames may be handed out: `ws` has found no fault and nobody has closed. */
  readonly isOpen: boolean
  /** Takes one text frame, which is gone when this returns. */
  text(frame: Buffer): void
  /** What had been read is handed out: the socket may bring more. */
  caughtUp(): void
}

export class DirectReader implements ShareReader {
  readonly #reading: Reading
  readonly #share: ReadingShare
  readonly #boundary = new FrameBoundary()
  #socket: Socket | null = null
  #state: 'handshake' | 'frames' = 'handshake'
  #partial: PartialFrame | null = null
  /** Whether `ws` got some of what is handed out now: it gets the rest, too, as it tells only later that it refused a frame. */
  #goesToWs = false
  /** What was read and not handed out yet; null where the reader keeps up. */
  #rest: Buffer | null = null

  /** @param share of a turn of the event loop, one for all connections */
  constructor(reading: Reading, share: ReadingShare = sharedReading) {
    this.#reading = reading
    this.#share = share
  }

  get socket(): Socket | null {
    return this.#socket
  }

  /** Whether something was read and not handed out yet. Until `caughtUp` is called, the socket must not be resumed. */
  get isBehind(): boolean {
    return this.#rest !== null
  }

  /**
   * Opens the socket of a `ws` client, as its `createConnection` option.
   * @param tunnel carries TLS in place of a connection of its own
   */
  connect(
    options: tls.ConnectionOptions & net.TcpNetConnectOpts,
    secure: boolean,
    tunnel: Socket | null = null,
  ): Socket {
    const onread: OnReadOpts = { buffer: shared, callback: bytes => this.#read(bytes) }
    // A path would be that of a local socket.
    const given = { ...options, path: undefined, onread, ...(tunnel !== null && { socket: tunnel }) }
    this.#socket = secure ? tls.connect({ ...given, servername: serverName(options) }) : net.connect(given)
    return this.#socket
  }

  /** The upgrade was answered: from now on the socket brings frames. To be called when `ws` says that it is open. */
  opened(): void {
    this.#state = 'frames'
    this.#socket?.on('data', (chunk: Buffer) => this.#boundary.pass(chunk))
    // Before `ws` is told: what upstream said last comes before its end, and may be a close frame. TLS tells the end
    // of a stream also to who does not read.
    for (const end of ['end', 'close']) this.#socket?.prependListener(end, () => this.#handOutAll())
  }

  /** @returns whether the socket may bring more */
  #read(bytes: number): boolean {
    const chunk = shared.subarray(0, bytes)
    if (this.#rest !== null) {
      // TLS hands over what it has decrypted, also to who does not read.
      this.#rest = Buffer.concat([this.#rest, chunk])
      return false
    }
    if (this.#state === 'handshake') return this.#readHandshake(chunk)
    return this.#isNext() ? this.#handOut(chunk) : this.#push(chunk)
  }

  /** The answer to the upgrade is for `ws`; the frames that came with it are read like all others. */
  #readHandshake(chunk: Buffer): boolean {
    const end = chunk.indexOf(endOfHead)
    if (end === -1) return this.#push(chunk)
    const frames = chunk.subarray(end + endOfHead.length)
    const goesOn = this.#push(chunk.subarray(0, end + endOfHead.length))
    if (frames.length === 0) return goesOn
    return this.#isNext() ? this.#handOut(frames) : this.#push(frames)
  }

  /** A copy: the stream may keep it for longer than the shared buffer holds it. */
  #push(bytes: Buffer): boolean {
    return this.#socket?.push(Buffer.from(bytes)) ?? false
  }

  /** Whether the stream has nothing that must come first. */
  #isNext(): boolean {
    if (this.#partial !== null) return true
    const socket = this.#socket
    return this.#state === 'frames' && socket?.readableFlowing === true && socket.readableLength === 0
  }

  goOn(): void {
    if (this.#rest === null) return
    const rest = this.#rest
    this.#rest = null
    if (this.#handOut(rest)) this.#reading.caughtUp()
  }

  /** The stream is over, and with it the time to wait. */
  #handOutAll(): void {
    let rest = this.#rest ?? nothing
    this.#rest = null
    this.#goesToWs = false
    while (rest.length > 0) rest = rest.subarray(this.#handOutNext(rest))
  }

  /**
   * Hands out a chunk in the order of its frames. What this turn of the event loop has no time for is kept, also
   * while the socket is paused, as it was under way already.
   * @returns whether nothing is kept
   */
  #handOut(chunk: Buffer): boolean {
    let rest = chunk
    this.#goesToWs = false
    while (rest.length > 0) {
      const bytes = this.#handOutNext(rest)
      rest = rest.subarray(bytes)
      if (!this.#share.admits(this, bytes) && rest.length > 0) {
        this.#rest = rest.buffer === shared.buffer ? Buffer.from(rest) : rest
        this.#share.defer(this)
        return false
      }
    }
    return true
  }

  /** Hands out the frame at the start of a chunk, or what is there of it. @returns its bytes */
  #handOutNext(chunk: Buffer): number {
    return this.#goesToWs ? this.#passOn(chunk) : this.#takeText(chunk) || this.#passOn(chunk)
  }

  /** Hands out the text frame at the start of a chunk, or takes the part of one that is there. @returns its bytes; 0: none is there */
  #takeText(chunk: Buffer): number {
    if (this.#partial !== null) return this.#fill(this.#partial, chunk)
    if (!this.#boundary.isReached || !this.#reading.isOpen) return 0
    const head = readFrameHead(chunk)
    if (head === null || !head.isWholeText || head.payloadBytes > this.#reading.maxMessageBytes) return 0
    const end = head.bytes + head.payloadBytes
    if (end > chunk.length) {
      const bytes = Buffer.allocUnsafeSlow(end)
      this.#partial = { bytes, headBytes: head.bytes, filled: chunk.copy(bytes) }
      return chunk.length
    }
    const frame = chunk.subarray(head.bytes, end)
    if (!isUtf8(frame)) return 0
    this.#reading.text(frame)
    return end
  }

  /** Completes the frame that an earlier read began. @returns how many bytes of the chunk are its own */
  #fill(partial: PartialFrame, chunk: Buffer): number {
    const { bytes, headBytes, filled } = partial
    const copied = chunk.copy(bytes, filled)
    partial.filled += copied
    if (partial.filled < bytes.length) return copied
    this.#partial = null
    const frame = bytes.subarray(headBytes)
    if (!isUtf8(frame)) this.#emit(bytes)
    else if (this.#reading.isOpen) this.#reading.text(frame)
    return copied
  }

  /** Gives `ws` the frame at the start of a chunk, or a piece of it. @returns its bytes */
  #passOn(chunk: Buffer): number {
    const bytes = Math.min(this.#boundary.presentFrameBytes(chunk), mostPassedBytes)
    this.#emit(chunk.subarray(0, bytes))
    return bytes
  }

  /** A copy: `ws` may keep it for longer than the shared buffer holds it. */
  #emit(bytes: Buffer): void {
    this.#goesToWs = true
    this.#socket?.emit('data', Buffer.from(bytes))
  }
}

/** A frame that more than one read brings. */
interface PartialFrame {
  readonly bytes: Buffer
  readonly headBytes: number
  filled: number
}

/** What TLS asks for by name (RFC 6066 section 3): an address is none. */
function serverName({ servername, host = '' }: tls.ConnectionOptions): string {
  return servername ?? (net.isIP(host) === 0 ? host : '')
}
