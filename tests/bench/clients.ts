/** The clients of the bench, a process of their own: hold sockets, count what arrives, send what they are told to. */
import { setTimeout as rest } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { answerCommands } from './command.ts'
import type { Following, FollowOutcome } from './drain.ts'
import { makeEvent, nowMicros, stampAt, stampDigits } from './events.ts'
import type { Opened } from './opening.ts'
import { pace } from './pace.ts'
import type { Sending } from './source.ts'
import type { Storm, StormOutcome } from './storm.ts'

interface Group {
  readonly sockets: WebSocket[]
  /** Events, without the first of each session. */
  received: number
  /** Delays of audio events (µs); null while nobody asks. */
  delays: number[] | null
  /** The latest resume ticket of each session that has one. */
  readonly tickets: Map<WebSocket, string>
}

const groups = new Map<string, Group>()
const openedAtOnce = 50

/** The certificate is this machine's own; who checks it does so once a connection, which no row measures. */
const socketOptions = { perMessageDeflate: false, rejectUnauthorized: false }

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
  const group: Group = groups.get(name) ?? newGroup()
  groups.set(name, group)
  const startedAt = performance.now()
  for (let first = 0; first < count; first += openedAtOnce)
    await Promise.all(
      Array.from({ length: Math.min(openedAtOnce, count - first) }, () => dial(group, opening)),
    )
  return performance.now() - startedAt
}

function dial(group: Group, { url, greeting, until }: Opening): Promise<void> {
  const socket = new WebSocket(url, socketOptions)
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

function newGroup(): Group {
  return { sockets: [], received: 0, delays: null, tickets: new Map() }
}

/** What is not served by then is told as missing (ms). */
const stormMs = 120_000

/**
 * So many clients at most are not served yet. uWebSockets.js, in the source and in every contender but HAProxy, has 512
 * sockets wait to be accepted; the kernel resets those beyond, and the storm would measure that.
 */
const mostAccepted = 400

/** Dials with as many clients at once as can wait. A client is served when upstream's first event has come through to it. */
async function storm({ group: name, urls, mostUnserved = mostAccepted }: Storm): Promise<StormOutcome> {
  const group = groups.get(name) ?? newGroup()
  groups.set(name, group)
  const startedAt = performance.now()
  const served: number[] = []
  const refused = new Map<string, number>()
  let resumed = 0
  let failed = 0
  await new Promise<void>(resolve => {
    const deadline = setTimeout(resolve, stormMs)
    let dialed = 0
    const count = () => {
      while (dialed < urls.length && dialed - served.length - failed < mostUnserved)
        dialOne(urls[dialed++] ?? '')
      if (served.length + failed < urls.length) return
      clearTimeout(deadline)
      resolve()
    }
    const dialOne = (url: string) => {
      const socket = new WebSocket(url, socketOptions)
      group.sockets.push(socket)
      let isServed = false
      let error = ''
      socket.on('error', fault => {
        error ||= fault.message
      })
      socket.on('close', code => {
        if (isServed) return
        failed += 1
        const reason = `${code} ${error}`
        refused.set(reason, (refused.get(reason) ?? 0) + 1)
        count()
      })
      socket.on('message', (data: Buffer) => {
        const type = typeOf(data)
        if (type === 'session.ticket') keepTicket(group, socket, data)
        else if (type === 'session.resumed') resumed += 1
        else if (type === 'error') error ||= data.toString()
        else if (type === 'session.created') {
          isServed = true
          served.push(performance.now() - startedAt)
          count()
        }
      })
    }
    count()
  })
  return { served, resumed, refused: [...refused].map(([reason, times]) => `${times} times ${reason}`) }
}

/** A client that is refused comes again after this time (ms), as the refusals ask for. */
const comesAgainMs = 1000

/** A session is served before it is told what it goes on with, by so much at most (ms). */
const resumedMs = 5000
const pollMs = 20

/** Waits until every client of a group was sent away, and has come back with its latest ticket. */
async function follow({ group: name, url }: Following): Promise<FollowOutcome> {
  const group = groups.get(name) ?? newGroup()
  const leaving = [...group.sockets]
  const away: number[] = []
  const refused = new Map<string, number>()
  let [lastAt, resumed] = [0, 0]
  let state: 'following' | 'over' = 'following'
  await new Promise<void>(resolve => {
    const deadline = setTimeout(resolve, stormMs)
    const count = () => {
      if (away.length < leaving.length) return
      clearTimeout(deadline)
      resolve()
    }
    const comeBack = (ticket: string, leftAt: number) => {
      const socket = new WebSocket(`${url}${ticket}`, socketOptions)
      group.sockets.push(socket)
      let isServed = false
      let error = ''
      socket.on('error', fault => {
        error ||= fault.message
      })
      socket.on('close', code => {
        if (isServed || state === 'over') return
        const reason = `${code} ${error}`
        refused.set(reason, (refused.get(reason) ?? 0) + 1)
        setTimeout(() => state === 'following' && comeBack(ticket, leftAt), comesAgainMs)
      })
      socket.on('message', (data: Buffer) => {
        const type = typeOf(data)
        if (type === 'error') error ||= data.toString()
        else if (type === 'session.resumed') resumed += 1
        else if (type === 'session.created') {
          isServed = true
          away.push(performance.now() - leftAt)
          lastAt = nowMicros() / 1000
          count()
        }
      })
    }
    for (const socket of leaving) {
      socket.on('message', (data: Buffer) => {
        if (typeOf(data) === 'server.draining') keepTicket(group, socket, data)
      })
      socket.once('close', () => comeBack(group.tickets.get(socket) ?? '', performance.now()))
    }
  })
  state = 'over'
  for (const deadline = performance.now() + resumedMs; resumed < leaving.length; await rest(pollMs))
    if (performance.now() > deadline) break
  return { away, lastAt, resumed, refused: [...refused].map(([reason, times]) => `${times} times ${reason}`) }
}

function typeOf(data: Buffer): string | undefined {
  return /^\{"type":"([^"]+)"/.exec(data.toString('latin1', 0, longestType))?.[1]
}

const longestType = 64

/** Of a `session.ticket`, which always has one, or a `server.draining`. */
function keepTicket({ tickets }: Group, socket: WebSocket, data: Buffer): void {
  const { resume } = JSON.parse(data.toString()) as { resume?: string }
  if (resume !== undefined) tickets.set(socket, resume)
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
  const socket = new WebSocket(url, socketOptions)
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
  storm: async (given: Storm) => storm(given),
  follow: async (following: Following) => follow(following),
  tickets: async (group: string) => [...(groups.get(group)?.tickets.values() ?? [])],
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
