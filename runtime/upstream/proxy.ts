/**
 * The way to upstream through a forward proxy, for networks that let nothing else out. WebSocket connections go through a
 * tunnel that is asked for here; requests by `fetch` take the same variables from the environment (`node --use-env-proxy`).
 */
import http from 'node:http'
import https from 'node:https'
import { isIPv6, type Socket } from 'node:net'

/** As `HTTPS_PROXY` and `NO_PROXY` have it. */
export interface ProxySettings {
  /** `http:` or `https:`; with a name and a password where the proxy asks for them. */
  readonly url: URL
  /** Hosts that are reached without it. */
  readonly except: readonly string[]
}

/**
 * Whether a host is reached through the proxy.
 * @param except as `NO_PROXY` lists them: `*`, a host, or a domain (`.example.com`, `example.com`), with a port or without
 */
export function isProxied(except: readonly string[], host: string, port: number): boolean {
  const name = withoutBrackets(host.toLowerCase())
  return !except.some(entry => {
    const [, given = '', only] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (only !== undefined && !isIPv6(entry) && Number(only) !== port) return false
    const domain = withoutBrackets(isIPv6(entry) ? entry.toLowerCase() : given).replace(/^\*?\./, '')
    return given === '*' || (domain !== '' && (name === domain || name.endsWith(`.${domain}`)))
  })
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/**
 * Asks a proxy for a tunnel to a host (RFC 9110 section 9.3.6).
 * @param timeoutMs after which the attempt is over
 * @throws Error with `code`: `PROXY_REFUSED` where the proxy answers with another status than 200, `PROXY_TIMEOUT` where it
 *   does not answer, or the network's own. No message has the proxy's name or password
 */
export function openTunnel(proxy: URL, host: string, port: number, timeoutMs: number): Promise<Socket> {
  const path = `${isIPv6(host) ? `[${host}]` : host}:${port}`
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const asked = (proxy.protocol === 'https:' ? https : http).request({
    host: withoutBrackets(proxy.hostname),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    method: 'CONNECT',
    path,
    headers: { Host: path, ...authorizationOf(proxy) },
    agent: false,
  })
  const timer = setTimeout(() => {
    asked.destroy(proxyError('PROXY_TIMEOUT', `The proxy did not answer within ${timeoutMs} ms`))
  }, timeoutMs)
  asked.once('connect', ({ statusCode }, socket, head) => {
    clearTimeout(timer)
    if (statusCode === 200 && head.length === 0) return resolve(socket as Socket)
    socket.destroy()
    reject(proxyError('PROXY_REFUSED', `The proxy answered CONNECT with ${statusCode}`))
  })
  asked.once('error', fault => {
    clearTimeout(timer)
    reject(fault)
  })
  asked.end()
  return promise
}

function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

function proxyError(code: 'PROXY_REFUSED' | 'PROXY_TIMEOUT', message: string): Error {
  return Object.assign(new Error(message), { code })
}
