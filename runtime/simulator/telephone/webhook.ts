/** Tells a server of a telephone call, as the vendors do: signed, at least once. */
import { createHmac } from 'node:crypto'
import type { PhoneCall } from './phone-call.ts'

export interface WebhookTarget {
  url: string
  /** `whsec_` and base64, or any text. */
  secret: string
}

/** One webhook, ready to be sent. */
export interface Webhook {
  headers: Record<string, string>
  body: string
}

const secretPrefix = 'whsec_'
const userAgent = 'OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)'

/** A delivery must be answered within this (ms; Azure's page on webhooks says 10 s). */
const answerWithinMs = 10_000

/** Waits before a delivery that failed is tried again (ms). The vendors go on for 72 hours, and a call does not. */
const retriesMs = [250, 500, 1000, 2000, 4000] as const

/**
 * Signs a webhook by Standard Webhooks 1.0: HMAC-SHA256 of `id.timestamp.body`.
 * @param timestamp Unix time (s)
 */
export function signWebhook(secret: string, id: string, timestamp: number, body: string): Webhook {
  const key = secret.startsWith(secretPrefix)
    ? Buffer.from(secret.slice(secretPrefix.length), 'base64')
    : Buffer.from(secret)
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  const headers = {
    'user-agent': userAgent,
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  }
  return { headers, body }
}

/** The event that says that a call rings. @param id of the event */
export function incomingCall({ id: callId, options }: PhoneCall, id: string): string {
  return JSON.stringify({
    object: 'event',
    id,
    type: 'realtime.call.incoming',
    created_at: Math.floor(Date.now() / 1000),
    data: { call_id: callId, sip_headers: options.sipHeaders, sip_media_security: 'srtp' },
  })
}

/**
 * Delivers a webhook, and tries again while it is not answered with 2xx and the call rings.
 * @param ids where the ids of webhook and event come from
 * @returns the statuses of all tries; 0 where there was no answer
 */
export async function deliver(
  call: PhoneCall,
  { url, secret }: WebhookTarget,
  { webhookId, eventId }: { webhookId: string; eventId: string },
): Promise<number[]> {
  const body = incomingCall(call, eventId)
  const statuses: number[] = []
  for (const waitMs of [0, ...retriesMs]) {
    await new Promise(resolve => setTimeout(resolve, waitMs))
    if (call.phase !== 'ringing' && statuses.length > 0) break
    const status = await send(url, signWebhook(secret, webhookId, Math.floor(Date.now() / 1000), body))
    statuses.push(status)
    if (status >= 200 && status < 300) break
  }
  return statuses
}

async function send(url: string, { headers, body }: Webhook): Promise<number> {
  const signal = AbortSignal.timeout(answerWithinMs)
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' })
    await answer.arrayBuffer()
    return answer.status
  } catch {
    return 0
  }
}
