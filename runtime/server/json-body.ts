/** Reads and checks the JSON body of a request. */
import type { z } from 'zod'
import { GatewayError } from '../core/errors.ts'
import type { HttpRequest } from './http.ts'

/**
 * Reads a body as a schema says; no body at all reads as an empty object.
 * @throws GatewayError `unsupported_media_type`, `not_json`, or `bad_request` naming the field
 */
export function readJsonBody<T extends z.ZodType>({ headers, body }: HttpRequest, schema: T): z.output<T> {
  return checkedBy(schema, body.length === 0 ? {} : parse(headers.get('content-type') ?? '', body))
}

/** Holds a value against a schema. @throws GatewayError `bad_request` naming the field */
export function checkedBy<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const field = issue?.path.join('.') || 'body'
  throw new GatewayError('bad_request', `"${field}": ${issue?.message ?? 'is not valid'}`)
}

function parse(contentType: string, body: Buffer): unknown {
  if (!/^application\/json\s*(;|$)/i.test(contentType)) {
    throw new GatewayError('unsupported_media_type', 'Send the body as application/json')
  }
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new GatewayError('not_json', 'The body is not JSON')
  }
}
