/** An upstream of calls whose every word the test speaks itself: keys, offers and hang-ups over HTTP, joins over WebSocket. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import { mailbox, type Stage } from '../gateway/start.ts'
import { request } from './caller.ts'

export interface CallUpstream {
  /** Settings that make a gateway use this upstream. */
  readonly env: Record<string, string>
  /** Path and query of each HTTP request. */
  readonly asked: string[]
  /** Headers of each of them. */
  readonly askedWith: IncomingHttpHeaders[]
  /** `Location` of answers to offers from now on; null leaves it out. */
  location: string | null
  /** Status of hang-ups from now on. */
  hangUpStatus: number
  /** Calls are made and accepted from now on when it resolves. */
  answering: Promise<void>
  /** Status of accepted telephone calls from now on. */
  acceptStatus: number
  /** What becomes of tries to join from now on: a status refuses. */
  joinStatus: number
  /** On answers that refuse to let join. */
  joinHeaders: Record<string, string>
  /** How many tries to join there were. */
  joins: number
  /** The next control connection that is opened. */
  joined(): Promise<JoinedCall>
  /** Resolves when a call is hung up. */
  hungUp(): Promise<string>
}

export interface JoinedCall {
  readonly headers: IncomingHttpHeaders
  readonly socket: WebSocket
  send(event: object | string): void
  /** The next message of the gateway. */
  next(): Promise<string>
}

export async function callUpstream(t: Stage): Promise<CallUpstream> {
  const joined = mailbox<JoinedCall>('nobody joins the call')
  const hungUp = mailbox<string>('nobody hangs up')
  const http = createServer(async (incoming, response) => {
    const path = incoming.url ?? ''
    upstream.asked.push(path)
    upstream.askedWith.push(incoming.headers)
    if (path.endsWith('/client_secrets')) response.end('{"value":"ek_minted","expires_at":2000000000}')
    else if (path.endsWith('/hangup')) {
      response.writeHead(upstream.hangUpStatus).end()
      hungUp.put(path)
    } else if (path.endsWith('/accept')) {
      await upstream.answering
      response.writeHead(upstream.acceptStatus).end()
    } else {
      await upstream.answering
      const { location } = upstream
      response.writeHead(201, location === null ? {} : { Location: location }).end('v=0\r\nanswer')
    }
  })
  const sockets = new WebSocketServer({
    server: http,
    verifyClient: (_info, answer) => {
      upstream.joins += 1
      answer(upstream.joinStatus === 101, upstream.joinStatus, '', upstream.joinHeaders)
    },
  })
  sockets.on('connection', (socket, { headers }) => {
    const messages = mailbox<string>('the call gets no message')
    socket.on('message', data => messages.put(data.toString()))
    socket.on('error', () => undefined)
    const send = (event: object | string) =>
      socket.send(typeof event === 'string' ? event : JSON.stringify(event))
    joined.put({ headers, socket, send, next: messages.take })
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    http.closeAllConnections()
    http.close()
  })
  const { port } = http.address() as { port: number }
  const upstream: CallUpstream = {
    env: { AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`, AZURE_OPENAI_API_KEY: 'a-test-key' },
    asked: [],
    askedWith: [],
    location: '/v1/realtime/calls/rtc_abc',
    hangUpStatus: 200,
    answering: Promise.resolve(),
    acceptStatus: 200,
    joinStatus: 101,
    joinHeaders: {},
    joins: 0,
    joined: joined.take,
    hungUp: hungUp.take,
  }
  return upstream
}

/** Makes a session with a call of nobody's. @returns its id */
export async function placeCall(gatewayUrl: string, headers: Record<string, string> = {}): Promise<string> {
  const init = { method: 'POST', headers }
  const made = await request<{ session_id: string }>(`${gatewayUrl}/sideband/session`, init)
  const { session_id } = made.body
  const body = { sdp: 'v=0\r\n', session_id }
  const { status, body: said } = await request(`${gatewayUrl}/sideband/offer`, { ...init, body })
  if (status !== 200) throw new Error(`offer refused: ${status} ${JSON.stringify(said)}`)
  return session_id
}
