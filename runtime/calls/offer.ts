/** Reads the body of `POST calls`: a bare offer, or a form with the offer and a session. */
import { GatewayError } from '../core/errors.ts'
import type { HttpRequest } from '../server/http.ts'

export interface Offer {
  readonly sdp: string
  /** JSON text; only a form has it. */
  readonly session?: string
}

/** An SDP description begins with its version (RFC 8866 section 5.1). */
export const sdpPattern = /^v=0\r?\n/

/** @throws GatewayError `unsupported_media_type`, or `bad_request` naming the field */
export async function readOffer({ headers, body }: HttpRequest): Promise<Offer> {
  const contentType = headers.get('content-type') ?? ''
  const offer = await readBody(contentType, body)
  if (sdpPattern.test(offer.sdp)) return offer
  throw new GatewayError('bad_request', '"sdp": is not an SDP offer')
}

async function readBody(contentType: string, body: Buffer): Promise<Offer> {
  if (/^application\/sdp\s*(;|$)/i.test(contentType)) return { sdp: body.toString() }
  if (/^multipart\/form-data\s*;/i.test(contentType)) return readForm(contentType, body)
  throw new GatewayError(
    'unsupported_media_type',
    'Send the offer as application/sdp, or as multipart/form-data with "sdp" and "session"',
  )
}

async function readForm(contentType: string, body: Buffer): Promise<Offer> {
  const form = await parseForm(contentType, body).catch(() => {
    throw new GatewayError('bad_request', 'The body is not the form that its Content-Type announces')
  })
  const [sdp, session] = await Promise.all([textOf(form.get('sdp')), textOf(form.get('session'))])
  return { sdp: sdp ?? '', ...(session !== undefined && { session }) }
}

/** Rejects also where the header cannot be one: its value must be Latin-1. */
async function parseForm(contentType: string, body: Buffer): Promise<FormData> {
  return new Response(new Uint8Array(body), { headers: { 'Content-Type': contentType } }).formData()
}

/** A part may be marked as a file, as SDKs do to give it a type. */
async function textOf(part: ReturnType<FormData['get']>): Promise<string | undefined> {
  return part === null ? undefined : typeof part === 'string' ? part : part.text()
}
