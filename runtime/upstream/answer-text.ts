/** The text of upstream's HTTP answers, of which no more than a limit is read, and for no longer than it is waited for. */
import { GatewayError } from '../core/errors.ts'

/**
 * Reads the body of an answer as UTF-8.
 * @param label of upstream, for the error
 * @param maxBytes a longer body is given up, and its connection with it
 * @param signal of the request: aborted, the body is given up in the same way
 * @throws GatewayError `upstream_broke_protocol` when it is longer; the signal's reason; what `fetch` throws when the
 *   connection breaks
 */
export async function readAnswerText(
  label: string,
  { body }: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let bytes = 0
  // What `fetch` itself does at the signal may be collected while a body is read: it would be waited for without end.
  const giveUp = () => void reader.cancel().catch(() => undefined)
  signal.addEventListener('abort', giveUp)
  try {
    for (;;) {
      signal.throwIfAborted()
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return Buffer.concat(chunks).toString()
      bytes += value.byteLength
      if (bytes > maxBytes)
        throw new GatewayError(
          'upstream_broke_protocol',
          `${label} answered with more than ${maxBytes} bytes`,
        )
      chunks.push(value)
    }
  } finally {
    signal.removeEventListener('abort', giveUp)
    giveUp()
  }
}
