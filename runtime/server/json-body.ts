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
  return parseJson('The body', body.toString())
}

/** Deeper values are refused (levels): whatever reads or writes them calls itself once a level. */
export const maxDepth = 64

/** Parses JSON that came from outside. @param what names it in the refusal. @throws GatewayError `not_json`, `bad_request` */
export function parseJson(what: string, text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new GatewayError('not_json', `${what} is not JSON`)
  }
  if (isContainer(value) && isDeeper(value, maxDepth))
    throw new GatewayError('bad_request', `${what} is nested deeper than ${maxDepth} levels`)
  return value
}

/** Level by level, as a function that calls itself would run out of stack on what it looks for. */
export function isDeeper(value: object, depth: number): boolean {
  let level: object[] = [value]
  for (let at = 0; at < depth; at += 1) {
    level = level.flatMap(container => Object.values(container).filter(isContainer))
    if (level.length === 0) return false
  }
  return true
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
