/** Answers for pages of other origins that are allowed (Fetch standard, "HTTP-CORS protocol"). */
import type { HttpAnswer, HttpRequest } from '../server/http.ts'

/** How long a browser may remember what a preflight told it (s). */
const maxAgeSec = 600

/** Lets the page read the answer. Its origin was checked before; a credential is never ambient here, so none is allowed to be. */
export function allowOrigin(answer: HttpAnswer, { headers }: Pick<HttpRequest, 'headers'>): HttpAnswer {
  const origin = headers.get('origin')
  if (origin === undefined) return answer
  return {
    ...answer,
    headers: {
      ...answer.headers,
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers': 'Location, Retry-After, X-Request-Id',
      Vary: 'Origin',
    },
  }
}

/** Answers a preflight. @param methods those that the path takes */
export function preflight(request: Pick<HttpRequest, 'headers'>, methods: readonly string[]): HttpAnswer {
  const headers = {
    'Access-Control-Allow-Methods': methods.join(', '),
    // SDKs add headers of their own; the asterisk stands for all but Authorization.
    'Access-Control-Allow-Headers': 'Authorization, api-key, Content-Type, *',
    'Access-Control-Max-Age': String(maxAgeSec),
  }
  return allowOrigin({ status: 204, headers }, request)
}
