/** Sends one event to a webhook, signed by Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks). */
import { createHmac } from 'node:crypto'

export interface WebhookTarget {
  readonly url: URL
  /** Every key signs, so that a receiver can rotate its secret. */
  readonly keys: readonly Buffer[]
}

/** A receiver that has not answered within this has not taken the event (ms). */
const answerMs = 10_000

/**
 * Signs a body: HMAC-SHA256 of `id.timestamp.body`, base64.
 * @param timestamp Unix time (s)
 */
export function signatureOf(id: string, timestamp: number, body: string, keys: readonly Buffer[]): string {
  return keys
    .map(key => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`)
    .join(' ')
}

/**
 * Posts an event. Redirects are not followed: the event would go to whom nobody named.
 * @param now Unix time (ms)
 * @returns null when the receiver took it (2xx); else why not
 */
export async function sendWebhook(
  { url, keys }: WebhookTarget,
  id: string,
  body: string,
  now: number,
): Promise<string | null> {
  const timestamp = Math.floor(now / 1000)
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signatureOf(id, timestamp, body, keys),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(answerMs),
    })
    await answer.body?.cancel()
    return answer.ok ? null : `status ${answer.status}`
  } catch (fault) {
    return fault instanceof Error ? fault.name : 'unknown'
  }
}
