/** Knocks at a path: asks for an upgrade, or sends a request, and tells the status alone. */
import { request } from 'node:http'
import { patienceMs, within } from '../gateway/within.ts'

export interface Knock {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly subprotocols?: readonly string[]
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

const upgradeHeaders = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
}

/** Asks for an upgrade; an opened socket is cut at once. */
export function knockSocket(url: string, { path, headers = {}, subprotocols = [] }: Knock): Promise<Answer> {
  const offered = subprotocols.length === 0 ? {} : { 'Sec-WebSocket-Protocol': subprotocols.join(', ') }
  return send(`${url}${path}`, 'GET', { ...upgradeHeaders, ...offered, ...headers }, '')
}

export function knockHttp(
  url: string,
  { method = 'GET', path, headers = {}, body = '' }: Knock,
): Promise<Answer> {
  return send(`${url}${path}`, method, headers, body)
}

function send(url: string, method: string, headers: Record<string, string>, body: string): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false })
    asked.on('upgrade', (response, socket) => {
      socket.on('error', () => undefined).destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
    })
    asked.on('response', async response => {
      const text = (await response.toArray()).join('')
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
    })
    asked.on('error', reject)
    asked.end(body)
  })
  return within(answered, patienceMs, `${method} ${url} is not answered`)
}
