/** Bodies of requests while they arrive: each is bounded, and so is what all of them together take. */
import { GatewayError } from '../core/errors.ts'

/** Of all requests that are not answered yet (bytes). */
export const maxBodiesBytes = 32 * 1024 * 1024

/**
 * So much more of a body that is too large is taken after its limit, and dropped, while the client reads the refusal (bytes):
 * a connection that is closed before loses what was answered on it.
 */
export const maxDroppedBytes = 16 * 1024 * 1024

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
  /** Resolves when nothing more of it comes, or it is too large. */
  readonly ended: Promise<void>
  /** Whether it is too large; no more of it is kept. */
  readonly isTooLarge: boolean
  /** Resolves when nothing more of it comes, or as much of it was dropped as may be. */
  readonly dropped: Promise<void>
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
    const dropped = Promise.withResolvers<void>()
    whole.promise.catch(() => undefined)
    let chunks: Buffer[] = []
    let arrivedBytes = 0
    let keptBytes = 0
    let state: 'collecting' | 'discarding' = 'collecting'
    const isTooLarge = () => arrivedBytes > maxBytes
    const end = () => {
      ended.resolve()
      dropped.resolve()
    }
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
      const wasTooLarge = isTooLarge()
      arrivedBytes += chunk.byteLength
      if (isTooLarge()) {
        if (!wasTooLarge)
          refuse(new GatewayError('message_too_big', `The body is larger than ${maxBytes} bytes`))
        ended.resolve()
        if (isLast || arrivedBytes > maxBytes + maxDroppedBytes) dropped.resolve()
        return
      }
      if (state === 'collecting' && this.#bytes + chunk.byteLength > maxBodiesBytes) refuse(noRoom())
      if (state === 'collecting') {
        chunks.push(Buffer.from(new Uint8Array(chunk)))
        keptBytes += chunk.byteLength
        this.#bytes += chunk.byteLength
      }
      if (!isLast) return
      if (state === 'collecting') whole.resolve(Buffer.concat(chunks))
      end()
    })
    const abandon = () => {
      refuse(new GatewayError('client_silent', 'The client went away before the end of its body'))
      end()
    }
    return {
      ...{ read: () => whole.promise, discard, abandon, ended: ended.promise, dropped: dropped.promise },
      get isTooLarge() {
        return isTooLarge()
      },
    }
  }
}

/** Of a request whose method carries none. */
export const noBody: Body = {
  read: () => Promise.resolve(Buffer.alloc(0)),
  discard: () => undefined,
  abandon: () => undefined,
  ended: Promise.resolve(),
  isTooLarge: false,
  dropped: Promise.resolve(),
}

function noRoom(): GatewayError {
  const message = 'The bodies of other requests leave no room for this one; try again'
  return new GatewayError('memory_exhausted', message, { retryAfterMs })
}
