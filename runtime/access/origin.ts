/** Which pages may connect. Browsers name the page's origin (RFC 6454 section 7); other clients name none. */
import { isLoopback } from '../config/variable.ts'

export interface OriginRule {
  /** Origins, or `*` for all. */
  readonly allowed: readonly string[]
  /** The server can be reached from this machine only. */
  readonly loopback: boolean
}

/** Headers that name the host a client dialled; the latter two are set by proxies, and no page can set them on a socket. */
const hostHeaders = ['host', 'x-forwarded-host', 'x-original-host'] as const

/**
 * Decides about a request by its headers: no `Origin` is no page, and passes; an allowed origin passes;
 * so does the gateway's own page. On loopback the page's host must be loopback as well, or a name that is
 * pointed at this machine (DNS rebinding) would make every page the gateway's own. A page names no origin when it
 * reads from what it takes for its own host, so on loopback the host that was dialled must be loopback, or allowed.
 */
export function isOriginAllowed(
  headers: ReadonlyMap<string, string>,
  { allowed, loopback }: OriginRule,
): boolean {
  const origin = headers.get('origin')
  if (origin === undefined) return !loopback || isOwnHost(headers.get('host'), allowed)
  if (allowed.includes('*') || allowed.includes(origin)) return true
  const page = URL.parse(origin)
  if (page === null || page.host === '') return false
  if (loopback) return isLoopback(page.hostname)
  return hostHeaders.some(name => hostOf(headers.get(name), page.protocol) === page.host)
}

/** Whether a `Host` header means this machine, or an allowed origin's. HTTP/1.0 has none, and no page speaks that. */
function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  if (host === undefined || host === '' || allowed.includes('*')) return true
  const dialled = URL.parse(`http://${host}`)
  if (dialled === null) return false
  return (
    isLoopback(dialled.hostname) || allowed.some(origin => URL.parse(origin)?.hostname === dialled.hostname)
  )
}

/** A host without the scheme's default port, as an origin has it. */
function hostOf(host: string | undefined, protocol: string): string | null {
  return host === undefined ? null : (URL.parse(`${protocol}//${host}`)?.host ?? null)
}
