/** The upstream of the bench, a process of its own: sends what it is told to, and counts what it gets. */

import uWS, { type TemplatedApp, type WebSocket, type WebSocketBehavior } from 'uWebSockets.js'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '../../runtime/core/self-signed.ts'
import { answerCommands } from './command.ts'
import {
  callEvents,
  itemBegins,
  type Kind,
  makeEvent,
  nowMicros,
  stampAt,
  stampDigits,
  turnBegins,
} from './events.ts'
import { pace } from './pace.ts'

interface Session {
  /** The contender that dialled, by the model it asked for. */
  readonly group: string
  /** Ends the response behind a tool's output; null where none is called. */
  answer: Buffer | null
}

/** A self-signed certificate and its key, by the names of their files (PEM). */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** Where the source is dialled. */
export interface Upstream {
  readonly port: number
  /** null where it speaks no TLS. */
  readonly certificate: Certificate | null
}

export type Transport = 'plain' | 'tls'
export type Upstreams = Readonly<Record<Transport, Upstream>>

const groups = new Map<string, Set<WebSocket<Session>>>()
const received = new Map<string, number>()

const behavior: WebSocketBehavior<Session> = {
  compression: uWS.DISABLED,
  maxPayloadLength: 16 * 1024 * 1024,
  maxBackpressure: 0,
  idleTimeout: 0,
  upgrade: (response, request, context) => {
    const query = new URLSearchParams(request.getQuery())
    response.upgrade<Session>(
      { group: query.get('model') ?? '', answer: null },
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
    const { answer } = socket.getUserData()
    if (startsWith(data, '{"type":"response.create"')) {
      if (answer === null) socket.send(responseCreated)
      else for (const event of [turnBegins, itemBegins, answer]) socket.send(event, false)
    }
    // Tools are settings, and what they say an item: who sent them waits for both.
    const settled = settledBy(data)
    if (settled !== null) return void socket.send(settled)
    // A gateway's own `session.update` is no event of the bench.
    if (data.byteLength < smallestEvent || startsWith(data, '{"type":"session.update"')) return
    const { group } = socket.getUserData()
    received.set(group, (received.get(group) ?? 0) + 1)
  },
  close: socket => {
    groups.get(socket.getUserData().group)?.delete(socket)
  },
}

/** @returns what a message of the gateway's own about tools is answered with; null: nothing */
function settledBy(data: ArrayBuffer): string | null {
  if (startsWith(data, '{"type":"conversation.item.create"')) {
    const { item } = JSON.parse(Buffer.from(data).toString()) as { item: object }
    return JSON.stringify({ type: 'conversation.item.done', item })
  }
  if (!startsWith(data, '{"type":"session.update"')) return null
  const { session } = JSON.parse(Buffer.from(data).toString()) as { session: { tools?: unknown } }
  return session.tools === undefined ? null : JSON.stringify({ type: 'session.updated', session })
}

const smallestEvent = 100
const startsWith = (data: ArrayBuffer, text: string) =>
  Buffer.from(data, 0, Math.min(data.byteLength, text.length)).toString('latin1') === text

/** From here on a `/chat` session shows what is said. */
const responseCreated =
  '{"type":"response.created","event_id":"event_2","response":{"id":"resp_1","status":"in_progress"}}'

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
    const socket = sockets[index % sockets.length]
    if (kind === 'call') return call(socket, event)
    if (kind === 'turn') socket?.send(turnBegins, false)
    socket?.send(event, false)
  })
  // What was dropped leaves no trace: one event that is not dropped closes each session's row.
  if (kind === 'dropped') for (const socket of sockets) socket.send(makeEvent('end', 300), false)
}

let calls = 0

/** Calls a tool. @param answer is said once it has answered */
function call(socket: WebSocket<Session> | undefined, answer: Buffer): void {
  if (socket === undefined) return
  socket.getUserData().answer = answer
  calls += 1
  for (const event of callEvents(calls)) socket.send(event, false)
}

/** Kept in the source for each session, so that it is not the source that is short of work (bytes). */
const mostUnsent = 64 * 1024
const restMs = 1
const batchBytes = 64 * 1024

/** Sends as fast as it is taken. */
async function flood({ group, kind, bytes, count }: Sending): Promise<void> {
  const sockets = [...(groups.get(group) ?? [])]
  const event = makeEvent(kind, bytes)
  for (let sent = 0; sent < count; ) {
    const before = sent
    for (const socket of sockets) {
      if (socket.getBufferedAmount() > mostUnsent) continue
      const batch = Math.min(Math.floor(batchBytes / bytes), count - sent)
      // One write for all of them: the source should take as little of the machine as it can.
      socket.cork(() => {
        for (let each = 0; each < batch; each += 1) socket.send(event, false)
      })
      sent += batch
    }
    // All are full: the machine's time is the contender's and the clients'.
    await new Promise<void>(resolve =>
      sent === before ? setTimeout(resolve, restMs) : setImmediate(resolve),
    )
  }
}

/** The certificate, in files, as processes before the source are told of it by a file's name. */
async function writeCertificate(): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-source-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const { key, cert } = await makeCertificate()
  writeFileSync(keyFile, key, { mode: 0o600 })
  writeFileSync(certFile, cert)
  return { certFile, keyFile }
}

function listen(app: TemplatedApp): Promise<number> {
  return new Promise((resolve, reject) => {
    app.ws<Session>('/*', behavior).listen('127.0.0.1', 0, listening => {
      if (listening) resolve(uWS.us_socket_local_port(listening))
      else reject(new Error('no port can be had'))
    })
  })
}

const certificate = await writeCertificate()
const upstreams: Upstreams = {
  plain: { port: await listen(uWS.App()), certificate: null },
  tls: {
    port: await listen(
      uWS.SSLApp({ cert_file_name: certificate.certFile, key_file_name: certificate.keyFile }),
    ),
    certificate,
  },
}
answerCommands({
  upstreams: async () => upstreams,
  send: async (sending: Sending) => send(sending),
  flood: async (sending: Sending) => flood(sending),
  received: async (group: string) => received.get(group) ?? 0,
  sessions: async (group: string) => groups.get(group)?.size ?? 0,
})
