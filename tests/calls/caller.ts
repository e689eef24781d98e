/** A WebRTC caller in Node, standing for a browser where no real one is needed. */
import { RTCPeerConnection, type RTCPeerConnectionConfig, RTCSessionDescription } from 'werift'
import { mailbox, type Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'

/**
 * A handshake takes a fraction of a second, or does not come to its end: where this machine holds both
 * ends up for half a second, the library sends its first flight again, and the other end begins anew.
 */
const openWithinMs = 15_000

/** Without this the library opens sockets for a second transport that it never closes. */
const oneTransport: RTCPeerConnectionConfig = { bundlePolicy: 'max-bundle', iceServers: [] }

export interface Answer<T = Record<string, unknown>> {
  readonly status: number
  readonly body: T
}

/** Sends a request with a JSON body and reads the JSON answer. */
export async function request<T = Record<string, unknown>>(
  url: string,
  {
    method = 'GET',
    body,
    headers = {},
  }: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer<T>> {
  const answer = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: answer.status, body: (await answer.json()) as T }
}

export interface Peer {
  /** The offer. */
  readonly sdp: string
  /** Takes the answer; resolves when the data channel is open. @throws Error when it does not open in time */
  connect(answer: string): Promise<void>
  /** Sends an event over the data channel, as a browser does. */
  send(event: object): void
  /** Reads the data channel up to an event of a type. */
  until(type: string): Promise<Record<string, unknown>[]>
  /** Resolves when the data channel closes. */
  readonly closed: Promise<void>
  /** Leaves without a word. */
  leave(): Promise<void>
}

export interface Call extends Omit<Peer, 'sdp' | 'connect'> {
  readonly sessionId: string
  readonly callId: string
}

/** Makes a session. @returns its id */
export async function makeSession(gatewayUrl: string, headers: Record<string, string> = {}): Promise<string> {
  const { body } = await request<{ session_id: string }>(`${gatewayUrl}/sideband/session`, {
    method: 'POST',
    headers,
  })
  return body.session_id
}

/** Calls through the gateway: session, offer, answer, open data channel. */
export async function makeCall(
  t: Stage,
  gatewayUrl: string,
  {
    sessionId,
    offerUrl = gatewayUrl,
    settings = {},
  }: { sessionId?: string; offerUrl?: string; settings?: object } = {},
): Promise<Call> {
  const session_id = sessionId ?? (await makeSession(gatewayUrl))
  const peer = await openPeer(t)
  const { status, body } = await request<{ sdp: string; call_id: string }>(`${offerUrl}/sideband/offer`, {
    method: 'POST',
    body: { sdp: peer.sdp, session_id, ...settings },
  })
  if (status !== 200) throw new Error(`offer refused: ${status} ${JSON.stringify(body)}`)
  await peer.connect(body.sdp)
  return Object.assign(peer, { sessionId: session_id, callId: body.call_id })
}

/** A peer with a microphone's track and the data channel, and its offer. */
export async function openPeer(t: Stage): Promise<Peer> {
  const peer = new RTCPeerConnection(oneTransport)
  t.teardown(() => peer.close())
  const channel = peer.createDataChannel('oai-events')
  const became = (wanted: string) =>
    new Promise<void>(resolve => channel.stateChanged.subscribe(state => state === wanted && resolve()))
  const [opened, closed] = [became('open'), became('closed')]
  const events = mailbox<Record<string, unknown>>('the caller gets no event')
  channel.onMessage.subscribe(data => events.put(JSON.parse(data.toString())))
  peer.addTransceiver('audio', { direction: 'sendrecv' })
  await peer.setLocalDescription(await peer.createOffer())
  return {
    sdp: peer.localDescription?.sdp ?? '',
    connect: async answer => {
      await peer.setRemoteDescription(new RTCSessionDescription(answer, 'answer'))
      await within(opened, openWithinMs, 'the call does not open')
    },
    send: event => channel.send(JSON.stringify(event)),
    until: async type => {
      const seen: Record<string, unknown>[] = []
      do seen.push(await events.take())
      while (seen.at(-1)?.type !== type)
      return seen
    },
    get closed() {
      return within(closed, patienceMs, 'the data channel is not closed')
    },
    leave: () => peer.close(),
  }
}

/** A valid offer without anything behind it. */
export async function someOffer(t: Stage): Promise<string> {
  const peer = new RTCPeerConnection(oneTransport)
  t.teardown(() => peer.close())
  peer.createDataChannel('oai-events')
  await peer.setLocalDescription(await peer.createOffer())
  return peer.localDescription?.sdp ?? ''
}
