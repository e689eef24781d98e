/** Bodies of requests while they arrive: each is bounded, and so is what all of them together take. */
import { GatewayError } from '../core/errors.ts'

/** Of all requests that are not answered yet (bytes). */
export const maxBodiesBytes = 32 * 1024 * 1024

/** What a request is told to wait that found no room (ms). */
const retryAfterMs = 1000

/** The part of uWebSockets.js's response that is used here. */
export interface Arriving {
  /** The chunk's memory is used again when `arrived` returns. */
  onData(arrived: (chunk: ArrayBuffer, isLast: boolean) => void): unknown
}

export interface Body {
  /**
   * Waits for all of it. @throws GatewayError `message_too_big`; `memory_exhausted` when the bodies of other requests
   * leave no room; `client_silent` when the client went away before its end
   */
  read(): Promise<Buffer>
  /** Nobody wants it any more: gives its memory back, and keeps nothing that still comes. Safe to call twice. */
  discard(): void
  /** The client is gone: as `discard`, and who waits for the body waits no more. Safe to call twice. */
  abandon(): void
  /** Resolves when nothing more of it comes, or nothing more is taken. */
  readonly ended: Promise<void>
}

/** The bodies of one server. */
export class Bodies {
  #bytes = 0

  /** What is kept of all of them (bytes). */
  get bytes(): number {
    return this.#bytes
  }

  /** Begins to collect a body; must be called before the request's handler returns. @param maxBytes a larger one is refused */
  collect(arriving: Arriving, maxBytes: number): Body {
    const whole = Promise.withResolvers<Buffer>()
    const ended = Promise.withResolvers<void>()
    whole.promise.catch(() => undefined)
    let chunks: Buffer[] = []
    let arrivedBytes = 0
    let keptBytes = 0
    let state: 'collecting' | 'discarding' = 'collecting'
    const discard = () => {
      state = 'discarding'
      chunks = []
      this.#bytes -= keptBytes
      keptBytes = 0
    }
    const refuse = (error: GatewayError) => {
      discard()
      whole.reject(error)
    }
    arriving.onData((chunk, isLast) => {
      arrivedBytes += chunk.byteLength
      if (arrivedBytes > maxBytes) {
        refuse(new GatewayError('message_too_big', `The body is larger than ${maxBytes} bytes`))
        return ended.resolve()
      }
      if (state === 'collecting' && this.#bytes + chunk.byteLength > maxBodiesBytes) refuse(noRoom())
      if (state === 'collecting') {
        chunks.push(Buffer.from(new Uint8Array(chunk)))
        keptBytes += chunk.byteLength
        this.#bytes += chunk.byteLength
      }
      if (!isLast) return
      if (state === 'collecting') whole.resolve(Buffer.concat(chunks))
      ended.resolve()
    })
    const abandon = () => {
      refuse(new GatewayError('client_silent', 'The client went away before the end of its body'))
      ended.resolve()
    }
    return { read: () => whole.promise, discard, abandon, ended: ended.promise }
  }
}

/** Of a request whose method carries none. */
export const noBody: Body = {
  read: () => Promise.resolve(Buffer.alloc(0)),
  discard: () => undefined,
  abandon: () => undefined,
  ended: Promise.resolve(),
}

function noRoom(): GatewayError {
  const message = 'The bodies of other requests leave no room for this one; try again'
  return new GatewayError('memory_exhausted', message, { retryAfterMs })
}
