/**
 * Clients of the bench that cost next to nothing, a process of their own: they count the bytes that come,
 * and look at no frame. What the machine has left is the contender's.
 */
import { connect, type OnReadOpts, type Socket } from 'node:net'
import type { Opening } from './clients.ts'
import { answerCommands } from './command.ts'

const openedAtOnce = 50
/** All read into one buffer: nobody looks at what is in it. */
const buffer = Buffer.alloc(256 * 1024)
/** An unsolicited pong, masked (RFC 6455 section 5.5.3): who reads no ping would be taken for silent. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const pongMs = 10_000

/** The last words of the source's `session.created`. */
const greetingEnd = '"sess_1"}}'

interface Group {
  readonly sockets: Socket[]
  bytes: number
}

const groups = new Map<string, Group>()

async function open({ group: name, url, count }: Opening): Promise<void> {
  const group: Group = { sockets: [], bytes: 0 }
  groups.set(name, group)
  for (let first = 0; first < count; first += openedAtOnce) {
    const dials = Array.from({ length: Math.min(openedAtOnce, count - first) }, () =>
      dial(group, new URL(url)),
    )
    await Promise.all(dials)
  }
  group.bytes = 0
}

function dial(group: Group, { hostname, port, pathname, search }: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    let greeted = ''
    const take = (bytes: number) => {
      group.bytes += bytes
      if (greeted.endsWith(greetingEnd)) return true
      greeted += buffer.toString('latin1', 0, bytes)
      if (greeted.endsWith(greetingEnd)) {
        group.sockets.push(socket)
        resolve()
      }
      return true
    }
    const onread: OnReadOpts = { buffer, callback: take }
    const socket = connect({ host: hostname, port: Number(port), onread })
    socket.once('error', reject)
    // RFC 6455 section 1.2, with the key of its example.
    socket.write(
      [
        `GET ${pathname}${search} HTTP/1.1`,
        `Host: ${hostname}:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        '\r\n',
      ].join('\r\n'),
    )
  })
}

setInterval(() => {
  for (const { sockets } of groups.values()) for (const socket of sockets) socket.write(pong)
}, pongMs)

function close(name: string): void {
  for (const socket of groups.get(name)?.sockets ?? []) socket.destroy()
  groups.delete(name)
}

answerCommands({
  open: async (opening: Opening) => open(opening),
  /** Bytes on the wire, frames' heads included, since the group was opened. */
  received: async (group: string) => groups.get(group)?.bytes ?? 0,
  close: async (group: string) => close(group),
})
