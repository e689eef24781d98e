/** Floods a gateway, as a process of its own: what it takes of the machine is not the bystander's. */
import { setTimeout as rest } from 'node:timers/promises'
import { answerCommands } from '../bench/command.ts'
import { allKinds, floodOf, preludeOf } from './kinds.ts'
import { openRaw, type RawClient } from './raw-client.ts'

export interface Flooding {
  readonly port: number
  /** Name of a kind. */
  readonly kind: string
  readonly reads: boolean
  /** It floods for so long at least (ms), */
  readonly leastMs: number
  /** and so long at most, if it has not been cut by then (ms). */
  readonly mostMs: number
}

export interface Flooded {
  /** Connections that were opened, one after the other. */
  readonly connections: number
  /** Connections that were refused. */
  readonly refused: number
  /** Connections that the gateway ended, by code and reason. */
  readonly ends: Readonly<Record<string, number>>
  /** Bytes that were handed to the system. */
  readonly bytes: number
  /** The longest that a connection lasted before it was ended (ms). */
  readonly longestMs: number
}

/** How a flood is told what it cannot see: it is over, or the gateway has ended a connection that is not read. */
const told = { isOver: false, isCut: false }

async function flood({ port, kind: name, reads, leastMs, mostMs }: Flooding): Promise<Flooded> {
  const kind = allKinds.find(other => other.name === name)
  if (kind === undefined) throw new Error(`no kind "${name}"`)
  Object.assign(told, { isOver: false, isCut: false })
  const startedAt = performance.now()
  const ends: Record<string, number> = {}
  const total = { connections: 0, refused: 0, bytes: 0, longestMs: 0 }
  const goesOn = () => {
    const ms = performance.now() - startedAt
    const isCut = told.isCut || Object.keys(ends).length > 0
    return !told.isOver && (ms < leastMs || (ms < mostMs && !isCut))
  }
  const written = floodOf(kind)
  while (goesOn()) {
    const client = await openRaw(port, { path: kind.path, isUpgrade: kind.frame !== null, reads })
    if (client === null) {
      total.refused += 1
      await rest(retryMs)
      continue
    }
    total.connections += 1
    const { bytes, ms, end } = await floodOver(client, preludeOf(kind), written, goesOn)
    total.bytes += bytes
    if (end !== null) {
      ends[end] = (ends[end] ?? 0) + 1
      total.longestMs = Math.max(total.longestMs, ms)
    }
  }
  return { ...total, ends }
}

/** Where a connection is refused, the next one waits a moment (ms). */
const retryMs = 10
/** How often a flood looks whether it is over, while nothing is taken (ms). */
const lookMs = 50

/** Writes for as long as the connection lasts. Never is more in this process than one buffer. */
function floodOver(
  { socket, ended }: RawClient,
  prelude: Buffer,
  written: Buffer,
  goesOn: () => boolean,
): Promise<{ bytes: number; ms: number; end: string | null }> {
  const startedAt = performance.now()
  return new Promise(resolve => {
    let isFinished = false
    const finish = (end: string | null) => {
      clearInterval(timer)
      isFinished = true
      const bytes = socket.bytesWritten - socket.writableLength
      socket.destroy()
      resolve({ bytes, ms: performance.now() - startedAt, end })
    }
    // One buffer at a time: the next is written once the system has all of the last.
    const write = (fault?: Error | null) => {
      // After a reset the socket calls back at once, before it says that it is closed.
      if (isFinished || socket.destroyed || (fault ?? null) !== null) return
      if (goesOn()) socket.write(written, write)
      else finish(null)
    }
    const timer = setInterval(() => goesOn() || finish(null), lookMs)
    ended.then(({ code, reason }) => finish(`${code} ${reason}`.trim()))
    socket.write(prelude)
    write()
  })
}

answerCommands({
  flood: async (flooding: Flooding) => flood(flooding),
  tell: async (what: keyof typeof told) => {
    told[what] = true
  },
})
