/** One attempt to reach upstream over WebSocket. */
import { type ClientOptions, WebSocket } from 'ws'
import { GatewayError } from '../errors.ts'
import { eventType } from '../events/type.ts'
import { startHeartbeat } from '../heartbeat.ts'
import type { Upstream, UpstreamListener } from '../types.ts'
import { DirectReader } from './direct-reader.ts'
import { refusalByEvent, refusalByStatus } from './refusal.ts'

export interface ConnectOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** The provider's name, for messages. */
  readonly label: string
  /** Whether upstream speaks first; it does not where a running call is joined (default true). */
  readonly greets?: boolean
  /** Time in which the session must exist (ms). */
  readonly timeoutMs: number
  readonly maxMessageBytes: number
  readonly heartbeatMs: number
  /** A listener failed: the session is given up, the process goes on. */
  readonly onFault: (fault: unknown) => void
}

/** OpenAI often answers a close frame with nothing but the end of the stream: do not wait long for it (ms). */
const closeTimeoutMs = 2000

/**
 * Connects, and waits for the first event: OpenAI refuses only after the upgrade, with an `error` event
 * and a close, so a session exists when its first event is something else. Where upstream does not speak
 * first, the upgrade is all there is to wait for.
 * @returns aborts the attempt; the listener is told nothing after that
 */
export function connect(options: ConnectOptions, listener: UpstreamListener): () => void {
  const { url, label } = options
  const reader = new DirectReader({
    maxMessageBytes: options.maxMessageBytes,
    onText: frame => {
      take(frame, false)
      return socket.readyState === WebSocket.OPEN
    },
  })
  const socketOptions: ClientOptions & { closeTimeout: number } = {
    headers: options.headers,
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    closeTimeout: closeTimeoutMs,
    createConnection: ((given: Parameters<typeof reader.connect>[0]) =>
      reader.connect(given, url.protocol === 'wss:')) as ClientOptions['createConnection'],
  }
  const socket = new WebSocket(url, [], socketOptions)
  let state: 'opening' | 'open' | 'over' = 'opening'
  let lost: GatewayError | undefined
  const deadline = setTimeout(() => {
    fail(new GatewayError('upstream_timeout', `${label} did not answer within ${options.timeoutMs} ms`))
  }, options.timeoutMs)
  const heartbeat = startHeartbeat(
    options.heartbeatMs,
    () => socket.readyState === WebSocket.OPEN && socket.ping(),
    () => giveUp(new GatewayError('upstream_silent', `${label} stopped answering`)),
  )

  function fail(error: GatewayError): void {
    if (state !== 'opening') return
    stop()
    listener.failed(error)
  }

  function stop(): void {
    state = 'over'
    clearTimeout(deadline)
    heartbeat.stop()
    socket.terminate()
  }

  function giveUp(error: GatewayError): void {
    lost ??= error
    if (state === 'opening') fail(lost)
    else socket.terminate()
  }

  function open(): void {
    clearTimeout(deadline)
    state = 'open'
    listener.opened(upstreamOver(socket, heartbeat.hold))
  }

  function receive(frame: Buffer, isBinary: boolean): void {
    heartbeat.heard()
    if (state === 'over') return
    if (state === 'opening') {
      if (!isBinary && eventType(frame) === 'error') return fail(refusalByEvent(label, frame))
      open()
    }
    listener.event(frame, isBinary)
  }

  function take(frame: Buffer, isBinary: boolean): void {
    try {
      receive(frame, isBinary)
    } catch (fault) {
      options.onFault(fault)
      giveUp(new GatewayError('internal', 'The gateway failed on an event of this session', { cause: fault }))
    }
  }

  socket.on('open', () => reader.opened())
  socket.on('message', take)
  if (options.greets === false) socket.on('open', () => state === 'opening' && open())
  socket.on('ping', heartbeat.heard)
  socket.on('pong', heartbeat.heard)
  socket.on('unexpected-response', (request, response) => {
    refusalByStatus(label, response).then(error => {
      fail(error)
      request.destroy()
    })
  })
  socket.on('error', (cause: Error & { code?: string }) => {
    if (state === 'opening') fail(unreachable(label, cause))
    else lost ??= brokenProtocol(label, cause)
  })
  socket.on('close', (code, reason) => {
    if (state === 'opening') {
      fail(
        new GatewayError(
          'upstream_unavailable',
          `${label} closed the connection (${code}) before a session existed`,
        ),
      )
    } else if (state === 'open') {
      stop()
      listener.closed(code, reason.toString(), lost)
    }
  })
  return stop
}

function unreachable(label: string, cause: Error & { code?: string }): GatewayError {
  const why = cause.code ?? 'handshake failed'
  return new GatewayError('upstream_unreachable', `${label} cannot be reached: ${why}`, { cause })
}

/** `ws` names what a peer did wrong with codes of its own; any other error is the network's. */
function brokenProtocol(label: string, cause: Error & { code?: string }): GatewayError {
  if (cause.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
    return new GatewayError('message_too_big', `${label} sent an event larger than REALTIME_MAX_MSG_MB`, {
      cause,
    })
  }
  if (cause.code?.startsWith('WS_ERR_')) {
    return new GatewayError(
      'upstream_broke_protocol',
      `${label} broke the WebSocket protocol: ${cause.code}`,
      { cause },
    )
  }
  return new GatewayError('upstream_lost', `The connection to ${label} was lost: ${cause.code ?? 'reset'}`, {
    cause,
  })
}

function upstreamOver(socket: WebSocket, hold: (held: boolean) => void): Upstream {
  return {
    send: (data, isBinary = false) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(data, { binary: isBinary })
    },
    buffered: () => socket.bufferedAmount,
    pause: () => {
      // Pongs stay unread while paused: that silence is ours, not upstream's.
      hold(true)
      socket.pause()
    },
    resume: () => {
      hold(false)
      socket.resume()
    },
    close: (code, reason) => {
      // A paused socket could never read the peer's answer to the close frame.
      socket.resume()
      socket.close(code, reason)
    },
  }
}
