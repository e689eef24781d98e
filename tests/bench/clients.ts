/** The clients of the bench, a process of their own: hold sockets, count what arrives, send what they are told to. */
import { WebSocket } from 'ws'
import { answerCommands } from './command.ts'
import { makeEvent, nowMicros, stampAt, stampDigits } from './events.ts'
import type { Opened } from './opening.ts'
import { pace } from './pace.ts'
import type { Sending } from './source.ts'

interface Group {
  readonly sockets: WebSocket[]
  /** Events, without the first of each session. */
  received: number
  /** Delays of audio events (µs); null while nobody asks. */
  delays: number[] | null
}

const groups = new Map<string, Group>()
const openedAtOnce = 50

export interface Opening {
  readonly group: string
  readonly url: string
  readonly count: number
  /** What each client says once it is connected. */
  readonly greeting?: string
  /** The first message of this type is the end of the opening; without it, the first of any. */
  readonly until?: string
}

/** @returns how long it took until every session had greeted its client (ms) */
async function open(opening: Opening): Promise<number> {
  const { group: name, count } = opening
  const group: Group = groups.get(name) ?? { sockets: [], received: 0, delays: null }
  groups.set(name, group)
  const startedAt = performance.now()
  for (let first = 0; first < count; first += openedAtOnce)
    await Promise.all(
      Array.from({ length: Math.min(openedAtOnce, count - first) }, () => dial(group, opening)),
    )
  return performance.now() - startedAt
}

function dial(group: Group, { url, greeting, until }: Opening): Promise<void> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  group.sockets.push(socket)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    if (greeting !== undefined) socket.once('open', () => socket.send(greeting))
    const greeted = (data: Buffer) => {
      if (until !== undefined && !data.toString().startsWith(`{"type":"${until}"`)) return
      resolve()
      socket.off('message', greeted)
      socket.on('message', (data: Buffer) => take(group, data))
    }
    socket.on('message', greeted)
  })
}

function take(group: Group, data: Buffer): void {
  group.received += 1
  if (group.delays === null) return
  group.delays.push(nowMicros() - Number(data.toString('latin1', stampAt, stampAt + stampDigits)))
}

async function send({ group, kind, bytes, count, perSecond }: Sending): Promise<void> {
  const sockets = groups.get(group)?.sockets ?? []
  const event = makeEvent(kind, bytes)
  await pace(count, perSecond, index => sockets[index % sockets.length]?.send(event, { binary: false }))
}

function close(name: string): void {
  for (const socket of groups.get(name)?.sockets ?? []) socket.terminate()
  groups.delete(name)
}

/** Dials so often, one client after another. */
async function dialAlone({ url, count }: { url: string; count: number }): Promise<Opened[]> {
  const all: Opened[] = []
  for (let at = 0; at < count; at += 1) all.push(await openAlone(url))
  return all
}

function openAlone(url: string): Promise<Opened> {
  const startedAt = performance.now()
  const socket = new WebSocket(url, { perMessageDeflate: false })
  return new Promise((resolve, reject) => {
    let upgraded = 0
    socket.once('error', reject)
    socket.once('open', () => {
      upgraded = performance.now() - startedAt
    })
    socket.once('message', () => {
      const greeted = performance.now() - startedAt
      socket.once('close', () => resolve({ upgraded, greeted }))
      socket.close()
    })
  })
}

answerCommands({
  dial: dialAlone,
  open: async (opening: Opening) => open(opening),
  send: async (sending: Sending) => send(sending),
  received: async (group: string) => groups.get(group)?.received ?? 0,
  close: async (group: string) => close(group),
  listen: async (name: string) => {
    const group = groups.get(name)
    if (group !== undefined) group.delays = []
  },
  delays: async (name: string) => {
    const group = groups.get(name)
    const delays = group?.delays ?? []
    if (group !== undefined) group.delays = null
    return delays
  },
})
