/** The upstream of the bench, a process of its own: sends what it is told to, and counts what it gets. */
import uWS, { type WebSocket } from 'uWebSockets.js'
import { answerCommands } from './command.ts'
import { type Kind, makeEvent, nowMicros, stampAt, stampDigits } from './events.ts'
import { pace } from './pace.ts'

interface Session {
  /** The contender that dialled, by the model it asked for. */
  readonly group: string
}

const groups = new Map<string, Set<WebSocket<Session>>>()
const received = new Map<string, number>()

const app = uWS.App().ws<Session>('/*', {
  compression: uWS.DISABLED,
  maxPayloadLength: 16 * 1024 * 1024,
  maxBackpressure: 0,
  idleTimeout: 0,
  upgrade: (response, request, context) => {
    const query = new URLSearchParams(request.getQuery())
    response.upgrade<Session>(
      { group: query.get('model') ?? '' },
      request.getHeader('sec-websocket-key'),
      '',
      '',
      context,
    )
  },
  open: socket => {
    const { group } = socket.getUserData()
    const sockets = groups.get(group) ?? new Set()
    groups.set(group, sockets.add(socket))
    socket.send('{"type":"session.created","event_id":"event_1","session":{"id":"sess_1"}}')
  },
  message: (socket, data) => {
    // A gateway's own `session.update` is no event of the bench.
    if (data.byteLength < smallestEvent || isUpdate(data)) return
    const { group } = socket.getUserData()
    received.set(group, (received.get(group) ?? 0) + 1)
  },
  close: socket => {
    groups.get(socket.getUserData().group)?.delete(socket)
  },
})

const smallestEvent = 100
const isUpdate = (data: ArrayBuffer) =>
  Buffer.from(data, 0, 24).toString().startsWith('{"type":"session.update"')

export interface Sending {
  readonly group: string
  readonly kind: Kind
  readonly bytes: number
  readonly count: number
  readonly perSecond: number
}

async function send({ group, kind, bytes, count, perSecond }: Sending): Promise<void> {
  const sockets = [...(groups.get(group) ?? [])]
  const event = makeEvent(kind, bytes)
  await pace(count, perSecond, index => {
    if (kind === 'audio') event.write(String(nowMicros()).padStart(stampDigits, '0'), stampAt, 'latin1')
    sockets[index % sockets.length]?.send(event, false)
  })
  // What was dropped leaves no trace: one event that is not dropped closes each session's row.
  if (kind === 'dropped') for (const socket of sockets) socket.send(makeEvent('end', 300), false)
}

app.listen('127.0.0.1', 0, listening => {
  if (!listening) throw new Error('no port can be had')
  const port = uWS.us_socket_local_port(listening)
  answerCommands({
    port: async () => port,
    send: async (sending: Sending) => send(sending),
    received: async (group: string) => received.get(group) ?? 0,
    sessions: async (group: string) => groups.get(group)?.size ?? 0,
  })
})
