/**
 * HTTP and WebSocket on one port. The only importer of uWebSockets.js.
 *
 * Its rules, from its own documents (index.d.ts): a request lives only until its handler returns or
 * first awaits; message bytes are gone after the callback; `onAborted` before anything asynchronous; a
 * socket is unusable after its close; writes outside a callback are corked.
 */

import uWS, {
  type HttpRequest as NativeRequest,
  type HttpResponse as NativeResponse,
  type us_listen_socket,
  type us_socket_context_t,
} from 'uWebSockets.js'
import { isLivePath, sdkPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { describeFault, enter, type FaultOwner } from '../core/fault-boundary.ts'
import { newIdentifier } from '../core/identifier.ts'
import { listenFault } from '../core/listen-fault.ts'
import type { UpgradeRequest } from '../core/ports.ts'
import type { Log } from '../observability/log.ts'
import { startUpgradeCork, type UpgradeCork } from './async-upgrade.ts'
import { Bodies, noBody } from './bodies.ts'
import { ClientSocket } from './client-socket.ts'
import type { Accepted, SocketRoute } from './handler.ts'
import { type RequestHeader, readHeader, upgradeBodyRefusal } from './header-fields.ts'
import {
  type ArrivingRoute,
  errorAnswer,
  type HttpAnswer,
  maxBodyBytesAt,
  securityHeaders,
  statusLine,
} from './http.ts'
import { type Accept, acceptThrough, type Layer, loopShareOf, refusalBy } from './layers.ts'
import { type ClientLoopTime, callBytes, LoopShare } from './loop-share.ts'

export interface ServerOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Other processes listen on the port too, and the kernel spreads connections (SO_REUSEPORT); not on port 0. */
  readonly sharesPort: boolean
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  readonly heartbeatMs: number
  readonly maxMessageBytes: number
  /** A client for whom more than this waits is cut by native code (bytes): a backstop above the session's own bounds. */
  readonly maxClientBufferBytes: number
  /** By path; where a path has `:id` as its last segment or the one before, it takes any there. */
  readonly http: ReadonlyMap<string, ArrivingRoute>
  /** By path, likewise. */
  readonly sockets: ReadonlyMap<string, SocketRoute>
  /** On every answer to an upgrade, so that clients see which replica serves them. */
  readonly upgradeHeaders: Readonly<Record<string, string>>
  /** What stands between a client's socket and the handler of its path, from the outside in. */
  readonly layers: readonly Layer[]
  readonly log: Log
}

/** The options, and what is read of them once: each message asks for it. */
interface ServerParts extends ServerOptions {
  readonly loopShare: LoopShare
}

export interface Server {
  readonly port: number
  /** Takes no new connections; open ones go on. Safe to call twice. */
  stopListening(): void
  /** Ends everything at once. Safe to call twice. */
  close(): void
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT: a second process on the port fails, instead of quietly taking half of the connections. */
const exclusivePort = 1

/** LIBUS_LISTEN_DEFAULT: with SO_REUSEPORT, unless the port is 0. */
const sharedPort = 0

type NativeListen = (
  host: string,
  port: number,
  option: number,
  listened: (socket: us_listen_socket | false) => void,
) => void

/** What a native socket carries from the upgrade on. */
interface SocketState {
  readonly holder: Holder
  /** What it took of the event loop. */
  readonly loopUse: ClientLoopTime
  /** Once it has begun. Here and not in the holder: every message asks for it. */
  client: ClientSocket | null
}

/** The native socket as soon as it is open. */
interface Holder {
  native: uWS.WebSocket<SocketState> | null
  /** Set where it was closed before its handler had returned. */
  closedWith: { readonly code: number; readonly reason: string } | null
}

/** uWebSockets.js cuts the socket above its limit without a close frame: leave room to send 1009 ourselves. */
const nativeLimitFactor = 2

/** A backstop behind our own heartbeat (s); uWebSockets.js takes up to 960. */
const nativeIdleTimeoutSec = (heartbeatMs: number) =>
  Math.min(960, Math.max(16, Math.ceil(heartbeatMs / 1000) * 6))

/**
 * Listens.
 * @throws Error when the address cannot be listened on, or the certificate cannot be read
 */
export async function startServer(given: ServerOptions): Promise<Server> {
  const options: ServerParts = { ...given, loopShare: loopShareOf(given.layers) }
  const { tls, host, port } = options
  const app =
    tls === null ? uWS.App() : uWS.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile })
  const upgradeCork = await startUpgradeCork(uWS.App(), uWS.us_socket_local_port)
  for (const [path, route] of options.sockets) {
    const socketOptions = { ...options, maxMessageBytes: route.maxMessageBytes ?? options.maxMessageBytes }
    const accept = acceptThrough(options.layers, route)
    const behavior: uWS.WebSocketBehavior<SocketState> = {
      compression: uWS.DISABLED,
      maxPayloadLength: socketOptions.maxMessageBytes * nativeLimitFactor,
      // Also what native code sends by itself is bounded so: the pongs of a client that never reads.
      maxBackpressure: options.maxClientBufferBytes,
      closeOnBackpressureLimit: true,
      idleTimeout: nativeIdleTimeoutSec(options.heartbeatMs),
      sendPingsAutomatically: false,
      upgrade: (response, request, context) => {
        const state = watchAbort(response)
        const owner = requestOwner(options, response, state, path)
        enter(owner, () =>
          upgrade(socketOptions, upgradeCork, path, accept, response, request, context, state, owner),
        )
      },
      open: socket => {
        socket.getUserData().holder.native = socket
      },
      message: (socket, data, isBinary) => {
        const { client, loopUse } = socket.getUserData()
        if (!options.loopShare.admits(socket, loopUse, data.byteLength + callBytes.message)) cut(socket)
        else if (client !== null) receive(options, client, data, isBinary)
      },
      drain: socket => socket.getUserData().client?.drained(),
      ping: socket => controlFrame(options, socket, null),
      pong: (socket, payload) => controlFrame(options, socket, payload),
      close: (socket, code, reason) => {
        const { holder, client } = socket.getUserData()
        holder.native = null
        holder.closedWith = { code, reason: Buffer.from(reason).toString() }
        if (client !== null) closed(options, client, holder.closedWith)
      },
    }
    for (const pattern of [path, `${path}/`]) app.ws(pattern, behavior)
  }
  const bodies = new Bodies()
  app.any('/*', (response, request) => {
    const state = watchAbort(response)
    const owner = requestOwner(options, response, state, request.getUrl())
    enter(owner, () => serve(options, bodies, response, request, state, owner))
  })
  let listening: us_listen_socket | null = await new Promise((resolve, reject) => {
    const listened = (socket: us_listen_socket | false) =>
      socket ? resolve(socket) : reject(cannotListen(host, port, upgradeCork))
    // The types know the option for the port alone; the binding takes host, port and option.
    const listen = app.listen.bind(app) as unknown as NativeListen
    listen(host, port, options.sharesPort ? sharedPort : exclusivePort, listened)
  })
  const stopListening = () => {
    if (listening !== null) uWS.us_listen_socket_close(listening)
    listening = null
  }
  return {
    port: uWS.us_socket_local_port(listening as us_listen_socket),
    stopListening,
    close: () => {
      stopListening()
      upgradeCork.close()
      app.close()
    },
  }
}

function cannotListen(host: string, port: number, upgradeCork: UpgradeCork): Error {
  upgradeCork.close()
  return listenFault(host, port)
}

/** @param pong as of `ClientSocket.heard` */
function controlFrame(
  { loopShare }: ServerParts,
  socket: uWS.WebSocket<SocketState>,
  pong: ArrayBuffer | null,
): void {
  const { client, loopUse } = socket.getUserData()
  if (loopShare.admits(socket, loopUse, callBytes.message)) client?.heard(pong)
  else cut(socket)
}

/** A client that was ended by what it said, and has taken long for it, is remembered as one that was cut. */
function receive(
  { loopShare }: ServerParts,
  client: ClientSocket,
  data: ArrayBuffer,
  isBinary: boolean,
): void {
  client.receive(data, isBinary)
  if (client.phase !== 'open' && loopShare.isLong) client.cut(tooFast())
}

/** Ends a client that keeps the event loop for itself. */
function cut(socket: uWS.WebSocket<SocketState>): void {
  const { client } = socket.getUserData()
  if (client === null) socket.close()
  else client.cut(tooFast())
}

function tooFast(): GatewayError {
  return new GatewayError(
    'client_too_fast',
    'This connection left the server no time for others (CLIENT_TURN_MS); send with pauses',
  )
}

function closed(
  { layers }: ServerOptions,
  client: ClientSocket,
  { code, reason }: NonNullable<Holder['closedWith']>,
): void {
  client.closed(code, reason)
  for (const layer of layers) layer.over?.(client)
}

/** Answers a request whose own code failed. */
function requestOwner(
  { log }: ServerOptions,
  response: NativeResponse,
  state: RequestState,
  path: string,
): FaultOwner {
  return {
    onFault: fault => {
      log.error('connection.failed', { route: path, ...describeFault(fault) })
      if (state.aborted) return
      state.aborted = true
      response.close()
    },
  }
}

function serve(
  options: ServerParts,
  bodies: Bodies,
  response: NativeResponse,
  request: NativeRequest,
  state: RequestState,
  owner: FaultOwner,
): void {
  const address = remoteAddress(response)
  if (!options.loopShare.admits(address, null, callBytes.request)) {
    state.aborted = true
    response.close()
    return
  }
  const path = pathOf(request)
  const method = request.getMethod().toUpperCase()
  const { fields: headers, refusal, isLast } = readHeader(each => request.forEach(each))
  state.isLast = isLast
  const query = new URLSearchParams(request.getQuery())
  const reply = (answer: HttpAnswer) => answerRequest(owner, response, state, answer, method === 'HEAD')
  if (refusal !== null) return reply(errorAnswer(refusal, path))
  const { found: route, id } = lookUp(options.http, path)
  if (route === undefined) return reply(refusalOf(options, path, method))
  const handler = route[(method === 'HEAD' ? 'GET' : method) as keyof ArrivingRoute]
  if (handler === undefined)
    return reply(errorAnswer(methodNotAllowed(method, path), path, { Allow: allowedBy(route) }))
  const body = method === 'POST' ? bodies.collect(response, maxBodyBytesAt(path)) : noBody
  state.onAborted = () => body.abandon()
  const answer = async () => {
    const answered = await ask(options, path, () =>
      handler({ method, path, id, query, headers, address, readBody: () => body.read() }),
    )
    // A client that is refused early still sends, and reads the answer only then.
    body.discard()
    await body.ended
    reply(answered)
  }
  enter(owner, answer)
}

/** Asks a handler. @returns a refusal as the answer that it is */
async function ask(
  options: ServerOptions,
  path: string,
  handle: () => HttpAnswer | Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  try {
    return await handle()
  } catch (fault) {
    return errorAnswer(asGatewayError(options, fault, path), path)
  }
}

/** Reads a request's path. A slash at its end says nothing: base URLs are written with and without one. */
function pathOf(request: NativeRequest): string {
  const url = request.getUrl()
  return url.length > 1 && url.endsWith('/') ? url.slice(0, -1) : url
}

/** Finds what serves a path: by the path itself, else by its pattern with the last segment, or the one before, as `:id`. */
function lookUp<T>(routes: ReadonlyMap<string, T>, path: string): { found: T | undefined; id: string } {
  const exact = routes.get(path)
  if (exact !== undefined) return { found: exact, id: '' }
  const [, start = '', id = '', end = ''] = /^(.*)\/([^/]+)(\/[^/]+)$/.exec(path) ?? []
  const inside = routes.get(`${start}/:id${end}`)
  if (inside !== undefined) return { found: inside, id }
  const slash = path.lastIndexOf('/')
  return { found: routes.get(`${path.slice(0, slash)}/:id`), id: path.slice(slash + 1) }
}

function allowedBy(route: ArrivingRoute): string {
  return Object.keys(route)
    .flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .join(', ')
}

/** Refuses a path that is no page; its headers say what would do. */
function refusalOf(options: ServerOptions, path: string, method: string): HttpAnswer {
  if (lookUp(options.sockets, path).found === undefined) return errorAnswer(nothingAt(path), path)
  if (method !== 'GET') return errorAnswer(methodNotAllowed(method, path), path, { Allow: 'GET' })
  const error = new GatewayError('upgrade_required', `${path} takes WebSocket connections only`)
  return errorAnswer(error, path, { Upgrade: 'websocket', Connection: 'Upgrade' })
}

/** An address of GPT-Live is refused by name: it is right, and nothing that its user sets makes it work. */
function nothingAt(path: string): GatewayError {
  const [realtime] = sdkPaths
  return isLivePath(path)
    ? new GatewayError(
        'not_found',
        `GPT-Live is not served by this gateway; use the Realtime API at ${realtime}`,
      )
    : new GatewayError('not_found', `There is nothing at ${path}`)
}

function methodNotAllowed(method: string, path: string): GatewayError {
  return new GatewayError('method_not_allowed', `${method} is not allowed on ${path}`)
}

function upgrade(
  options: ServerOptions,
  upgradeCork: UpgradeCork,
  path: string,
  accept: Accept,
  response: NativeResponse,
  request: NativeRequest,
  context: us_socket_context_t,
  state: RequestState,
  owner: FaultOwner,
): void {
  const key = request.getHeader('sec-websocket-key')
  const extensions = request.getHeader('sec-websocket-extensions')
  const version = request.getHeader('sec-websocket-version')
  const { asked, header } = readUpgrade(response, request, () => signalOf(state))
  state.isLast = header.isLast
  const refuse = (fault: unknown) => {
    const error = asGatewayError(options, fault, asked.path)
    options.log.info('upgrade.refused', { route: asked.path, code: error.code })
    const headers: Record<string, string> = error.status === 426 ? { 'Sec-WebSocket-Version': '13' } : {}
    answerRequest(owner, response, state, errorAnswer(error, asked.path, headers), false)
  }
  const admit = (accepted: Accepted) => {
    const refusal = refusalBy(options.layers)
    if (refusal !== null || state.aborted) accepted.abandon?.()
    if (refusal !== null) return refuse(refusal)
    if (state.aborted) return
    state.aborted = true
    const holder: Holder = { native: null, closedWith: null }
    upgradeCork.cork(() => {
      response.writeStatus('101 Switching Protocols')
      for (const [name, value] of Object.entries({ ...options.upgradeHeaders, ...accepted.headers }))
        response.writeHeader(name, value)
      response.upgrade<SocketState>(
        { holder, loopUse: LoopShare.use(), client: null },
        key,
        accepted.subprotocol ?? '',
        extensions,
        context,
      )
    })
    begin(options, path, asked, accepted, holder)
  }
  const decide = async () => {
    const headerRefusal = header.refusal ?? upgradeBodyRefusal(header.fields)
    if (headerRefusal !== null) throw headerRefusal
    if (version !== '13')
      throw new GatewayError('upgrade_required', 'Only WebSocket version 13 is spoken here')
    const refusal = refusalBy(options.layers)
    if (refusal !== null) throw refusal
    return accept(asked)
  }
  enter(owner, () => decide().then(admit, refuse))
}

/** Hands an open socket to its handler. */
function begin(
  options: ServerOptions,
  route: string,
  request: UpgradeRequest,
  accepted: Accepted,
  holder: Holder,
): void {
  const { native } = holder
  if (native === null) return accepted.abandon?.()
  const { log, layers } = options
  const id = newIdentifier()
  const owner: FaultOwner = {
    onFault: fault => {
      log.error('connection.failed', { connection: id, route, ...describeFault(fault) })
      const { code, close } = new GatewayError('internal', 'The handler failed before it began')
      holder.native?.end(close, code)
    },
  }
  enter(owner, () => {
    const query = [...request.query.keys()]
    log.info('client.connected', { connection: id, route, query, principal: accepted.context.principal.name })
    const client = new ClientSocket(native, id, accepted, options)
    if (holder.closedWith !== null) return closed(options, client, holder.closedWith)
    native.getUserData().client = client
    for (const layer of layers) layer.began?.(client)
  })
}

function readUpgrade(
  response: NativeResponse,
  request: NativeRequest,
  gone: () => AbortSignal,
): { asked: UpgradeRequest; header: RequestHeader } {
  const header = readHeader(each => request.forEach(each))
  const { fields: headers } = header
  const asked = {
    path: pathOf(request),
    query: new URLSearchParams(request.getQuery()),
    subprotocols: subprotocolsIn(headers.get('sec-websocket-protocol')),
    headers,
    address: remoteAddress(response),
    gone,
  }
  return { asked, header }
}

const noSubprotocols: readonly string[] = []

function subprotocolsIn(header: string | undefined): readonly string[] {
  if (header === undefined) return noSubprotocols
  return header
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
}

function remoteAddress(response: NativeResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString()
}

/** `aborted`: the response must not be touched any more; it was answered, or the client is gone. */
interface RequestState {
  aborted: boolean
  /** The connection ends with the answer. */
  isLast: boolean
  /** Called when the client is gone. */
  onAborted: () => void
}

/** Makes the signal that tells that a client is gone whose request is not answered yet. */
function signalOf(state: RequestState): AbortSignal {
  const leaving = new AbortController()
  if (state.aborted) leaving.abort()
  const told = state.onAborted
  state.onAborted = () => {
    told()
    leaving.abort()
  }
  return leaving.signal
}

function watchAbort(response: NativeResponse): RequestState {
  const state: RequestState = { aborted: false, isLast: false, onAborted: () => undefined }
  response.onAborted(() => {
    state.aborted = true
    state.onAborted()
  })
  return state
}

/**
 * Answers a request. The native parser cuts a connection on which more is sent before the answer, and serves it after
 * the answer: the last request of a connection is answered when all that came with it has been parsed.
 */
function answerRequest(
  owner: FaultOwner,
  response: NativeResponse,
  state: RequestState,
  answer: HttpAnswer,
  withoutBody: boolean,
): void {
  if (!state.isLast) write(response, state, answer, withoutBody)
  else setImmediate(() => enter(owner, () => write(response, state, answer, withoutBody)))
}

function write(
  response: NativeResponse,
  state: RequestState,
  answer: HttpAnswer,
  withoutBody: boolean,
): void {
  if (state.aborted) return
  state.aborted = true
  response.cork(() => {
    response.writeStatus(statusLine(answer.status))
    const headers = { ...securityHeaders, ...answer.headers }
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value)
    const body = answer.body ?? ''
    // The rest of a body that was refused would be read as the next request.
    const ends = state.isLast || answer.status === 413
    if (answer.status === 304) endWithoutBody(response, null, ends)
    else if (withoutBody)
      endWithoutBody(response, typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength, ends)
    else if (ends) response.end(body, true)
    else endWhenTaken(response, typeof body === 'string' ? Buffer.from(body) : body)
  })
}

/**
 * Writes a body as the client takes it. `end` would have native code keep all of it, and the answers of all requests that
 * follow; an answer that is not over has the native parser cut a connection on which the next request comes.
 */
function endWhenTaken(response: NativeResponse, body: Uint8Array): void {
  const size = body.byteLength
  const [isTaken] = response.tryEnd(body, size)
  if (isTaken) return
  response.onWritable(offset => response.tryEnd(body.subarray(offset), size)[0])
}

/**
 * Ends an answer that has no body.
 * @param bytes length of the body that is left out; null says none
 */
function endWithoutBody(response: NativeResponse, bytes: number | null, ends: boolean): void {
  if (ends) return void response.endWithoutBody(bytes ?? 0, ends)
  // The native code waits for a body of any length that it is told, and ends the connection at the next request;
  // undefined it takes for a length of 2 to the power of 63, which proxies refuse.
  if (bytes !== null) response.writeHeader('Content-Length', String(bytes))
  response.endWithoutBody()
}

/** A fault of our own is logged with its cause and answered without it. */
function asGatewayError({ log }: ServerOptions, fault: unknown, path: string): GatewayError {
  if (fault instanceof GatewayError) return fault
  log.error('connection.failed', { route: path, ...describeFault(fault) })
  return new GatewayError('internal', 'The gateway failed on this request')
}
