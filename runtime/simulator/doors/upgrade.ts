/** WebSocket upgrades: admission, then a line into a new session or into a running call. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Fault } from '../faults/fault.ts'
import { spoil } from '../faults/spoil.ts'
import type { House, SessionTraits } from '../house.ts'
import { azureSocketDialect, gaDialect } from '../protocol/ga-dialect.ts'
import { createPreviewDialect } from '../protocol/preview-dialect.ts'
import type { SessionConfig } from '../protocol/types.ts'
import { Player } from '../replay/player.ts'
import type { Session } from '../session/session.ts'
import type { Dialect } from '../session/wire.ts'
import { admit } from './admission.ts'
import { type Door, doorAt, urlOf } from './door.ts'
import { type HttpRefusal, httpRefusal, refuseUpgrade, type SocketRefusal, statusRefusal } from './refusal.ts'
import { createSocketWire, listen, maxFrameBytes } from './socket-wire.ts'
import { admitTranslation, openTranslation } from './translation.ts'

const pingIntervalMs = 20_000
const closeTimeoutMs = 5000
const msPerSec = 1000

export interface UpgradeDoor {
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Closes every socket; those that do not answer are cut. */
  close(): void
}

/** Makes the door of one house. */
export function createUpgradeDoor(house: House): UpgradeDoor {
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
      const url = urlOf(request)
      const fault = house.faults.faultFor(url, request.headers)
      const entry = entryFor(house, request, url, fault)
      if (entry === 'cut') return socket.destroy()
      if (typeof entry === 'object') return refuseUpgrade(socket, entry)
      const enter = () => sockets.handleUpgrade(request, socket, head, entry)
      if (fault?.name === 'slow') house.clock.at(house.clock.now() + Number(fault.value) * msPerSec, enter)
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
  house: House,
  request: IncomingMessage,
  url: URL,
  fault: Fault | null,
): HttpRefusal | 'cut' | ((socket: WebSocket) => void) {
  const door = doorAt(url.pathname)
  if (door?.purpose !== 'session' && door?.purpose !== 'translation')
    return httpRefusal('openai', 404, null, 'Not found')
  const { searchParams: query } = url
  if (fault?.name === 'refuse') return 'cut'
  if (fault?.name === 'status') return statusRefusal(door.vendor, Number(fault.value))
  const presented = { headers: request.headers, query, subprotocols: subprotocolsOf(request) }
  if (door.purpose === 'translation') {
    const admitted = admitTranslation(house, door, presented)
    if (!('kind' in admitted)) return socket => openTranslation(house, socket, admitted)
    return admitted.kind === 'http' ? admitted : socket => turnAway(socket, admitted, house)
  }
  const admission = admit(door, presented, house.secrets, id => house.calls.get(id))
  const { recording } = house
  switch (admission.kind) {
    case 'http':
      return admission
    case 'socket':
      return socket => turnAway(socket, admission, house)
    case 'joined':
      return socket => join(house, socket, admission.session, fault)
    case 'admitted':
      if (recording !== null) return socket => void new Player(recording, socket, house.clock)
      return socket => open(house, socket, door, admission.config, fault)
  }
}

function open(house: House, socket: WebSocket, door: Door, config: SessionConfig, fault: Fault | null): void {
  const session = house.open(door.vendor, config, traitsOf(fault))
  const dialect = dialectOf(door, () => session.config)
  const wire = spoil(createSocketWire(socket, 'socket', dialect), socket, fault, house.clock)
  session.attach(wire)
  listen(socket, wire, session, house.clock, () => session.end(1000, ''))
  session.start()
}

function dialectOf({ dialect, vendor }: Door, config: () => SessionConfig): Dialect {
  if (dialect === 'preview') return createPreviewDialect(config)
  return vendor === 'azure' ? azureSocketDialect : gaDialect
}

function join(house: House, socket: WebSocket, session: Session, fault: Fault | null): void {
  const wire = spoil(createSocketWire(socket, 'sideband', gaDialect), socket, fault, house.clock)
  session.attach(wire)
  listen(socket, wire, session, house.clock, () => session.detach(wire))
}

function traitsOf(fault: Fault | null): SessionTraits {
  if (fault?.name === 'expire') return { lifetimeSec: Number(fault.value) }
  return fault?.name === 'fail' ? { failure: fault.value } : {}
}

/** OpenAI's way of refusing: the socket opens, says what is wrong, and closes. */
function turnAway(socket: WebSocket, refusal: SocketRefusal, house: House): void {
  const type = 'invalid_request_error'
  const { code, message, param } = refusal
  const error = { type, code, message, param, event_id: null }
  socket.on('error', () => socket.terminate())
  socket.send(JSON.stringify({ type: 'error', event_id: house.ids.next('event'), error }))
  socket.close(refusal.closeCode, `${type}.${code}`)
}

function subprotocolsOf(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? ''
  return header
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
}
