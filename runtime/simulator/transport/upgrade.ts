/** WebSocket upgrades: admission, then a line into a new session or into a running call. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Fault } from '../faults/fault.ts'
import { spoil } from '../faults/spoil.ts'
import { azureSocketDialect, gaDialect } from '../protocol/ga-dialect.ts'
import { createPreviewDialect } from '../protocol/preview-dialect.ts'
import type { SessionConfig } from '../protocol/types.ts'
import { Player } from '../replay/player.ts'
import type { Session } from '../session/session.ts'
import type { Dialect } from '../session/wire.ts'
import type { SessionTraits, SimulatorState } from '../state.ts'
import { TranslationSession } from '../translation/session.ts'
import { type Address, addressAt, requestUrl } from './address.ts'
import { admit } from './admission.ts'
import { type HttpRefusal, httpRefusal, refuseUpgrade, type SocketRefusal, statusRefusal } from './refusal.ts'
import { createSocketWire, listen, maxFrameBytes } from './socket-wire.ts'
import { admitTranslation, joinTranslation, openTranslation } from './translation.ts'

const pingIntervalMs = 20_000
/** Whoever has not ended by then is cut (ms after the close). */
export const closeTimeoutMs = 5000
const msPerSec = 1000

export interface UpgradeTransport {
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Closes every socket; those that do not answer are cut. */
  close(): void
}

/** Makes the address of one simulator. */
export function createUpgradeTransport(simulator: SimulatorState): UpgradeTransport {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    // A key may be among the subprotocols: only the plain name is ever echoed.
    handleProtocols: names => (names.has('realtime') ? 'realtime' : false),
  })
  const pings = setInterval(() => {
    for (const socket of sockets.clients) if (socket.readyState === socket.OPEN) socket.ping()
  }, pingIntervalMs)
  pings.unref()

  return {
    handle: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      const url = requestUrl(request)
      const fault = simulator.faults.faultFor(url, request.headers)
      const entry = entryFor(simulator, request, url, fault)
      if (entry === 'cut') return socket.destroy()
      if (typeof entry === 'object') return refuseUpgrade(socket, entry)
      const enter = () => sockets.handleUpgrade(request, socket, head, entry)
      if (fault?.name === 'slow')
        simulator.clock.at(simulator.clock.now() + Number(fault.value) * msPerSec, enter)
      else enter()
    },
    close: () => {
      clearInterval(pings)
      for (const socket of sockets.clients) if (socket.readyState === socket.OPEN) socket.close(1001, '')
      setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate()
      }, closeTimeoutMs).unref()
    },
  }
}

/** What becomes of an upgrade: a refusal, a cut, or what is done with the open socket. */
function entryFor(
  simulator: SimulatorState,
  request: IncomingMessage,
  url: URL,
  fault: Fault | null,
): HttpRefusal | 'cut' | ((socket: WebSocket) => void) {
  const address = addressAt(url.pathname)
  if (address?.purpose !== 'session' && address?.purpose !== 'translation')
    return httpRefusal('openai', 404, null, 'Not found')
  const { searchParams: query } = url
  if (fault?.name === 'refuse') return 'cut'
  if (fault?.name === 'status') return statusRefusal(address.vendor, Number(fault.value))
  const presented = { headers: request.headers, query, subprotocols: subprotocolsOf(request) }
  if (address.purpose === 'translation') {
    const admitted = admitTranslation(simulator, address, presented)
    if (admitted instanceof TranslationSession) return socket => joinTranslation(simulator, socket, admitted)
    if (!('kind' in admitted)) return socket => openTranslation(simulator, socket, admitted)
    return admitted.kind === 'http' ? admitted : socket => turnAway(socket, admitted, simulator)
  }
  const admission = admit(address, presented, simulator.secrets, id => simulator.calls.get(id))
  const { recording } = simulator
  switch (admission.kind) {
    case 'http':
      return admission
    case 'socket':
      return socket => turnAway(socket, admission, simulator)
    case 'joined':
      return socket => join(simulator, socket, admission.session, fault)
    case 'admitted':
      if (recording !== null) return socket => void new Player(recording, socket, simulator.clock)
      return socket => open(simulator, socket, address, admission.config, fault)
  }
}

function open(
  simulator: SimulatorState,
  socket: WebSocket,
  address: Address,
  config: SessionConfig,
  fault: Fault | null,
): void {
  const session = simulator.open(address.vendor, config, traitsOf(fault))
  const dialect = dialectOf(address, () => session.config)
  const wire = spoil(createSocketWire(socket, 'socket', dialect), socket, fault, simulator.clock)
  session.attach(wire)
  listen(socket, wire, session, simulator.clock, () => session.end(1000, ''))
  session.start()
}

function dialectOf({ dialect, vendor }: Address, config: () => SessionConfig): Dialect {
  if (dialect === 'preview') return createPreviewDialect(config)
  return vendor === 'azure' ? azureSocketDialect : gaDialect
}

function join(simulator: SimulatorState, socket: WebSocket, session: Session, fault: Fault | null): void {
  const wire = spoil(createSocketWire(socket, 'sideband', gaDialect), socket, fault, simulator.clock)
  session.attach(wire)
  listen(socket, wire, session, simulator.clock, () => session.detach(wire))
}

function traitsOf(fault: Fault | null): SessionTraits {
  if (fault?.name === 'expire') return { lifetimeSec: Number(fault.value) }
  return fault?.name === 'fail' ? { failure: fault.value } : {}
}

/** OpenAI's way of refusing: the socket opens, says what is wrong, and closes. */
function turnAway(socket: WebSocket, refusal: SocketRefusal, simulator: SimulatorState): void {
  const type = 'invalid_request_error'
  const { code, message, param } = refusal
  const error = { type, code, message, param, event_id: null }
  socket.on('error', () => socket.terminate())
  socket.send(JSON.stringify({ type: 'error', event_id: simulator.ids.next('event'), error }))
  socket.close(refusal.closeCode, `${type}.${code}`)
}

function subprotocolsOf(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? ''
  return header
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
}
