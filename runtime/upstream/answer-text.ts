/** The text of upstream's HTTP answers, of which no more than a limit is read. */
import { GatewayError } from '../core/errors.ts'

/**
 * Reads the body of an answer as UTF-8.
 * @param label of upstream, for the error
 * @param maxBytes a longer body is given up, and its connection with it
 * @throws GatewayError `upstream_broke_protocol` when it is longer; what `fetch` throws when the connection breaks
 */
export async function readAnswerText(label: string, { body }: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the rest.
    if (bytes > maxBytes)
      throw new GatewayError('upstream_broke_protocol', `${label} answered with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
