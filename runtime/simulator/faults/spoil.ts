/** Faults of an open socket: what is done to the frames on their way out. */
import type { WebSocket } from 'ws'
import type { Clock } from '../clock.ts'
import type { Wire } from '../session/wire.ts'
import type { Fault } from './fault.ts'

const strikingDelta = 3
const trickleMs = 400
const maxTrickled = 10_000
const hugeBytes = 10 * 1024 * 1024
const typePlace = 100
/** A quoted string with bytes that no UTF-8 text has. */
const badUtf8 = Buffer.from([0x22, 0xc3, 0x28, 0xff, 0xfe, 0x22])

/** What a fault works with. */
interface Line {
  socket: WebSocket
  clock: Clock
  value: string
  /** Sends a frame as it should be. */
  pass(text: string): void
}

type Spoil = (line: Line) => (text: string) => void

const spoils: Record<string, Spoil> = {
  silence: () => () => {},
  stall: line => {
    let stalled = false
    return strikeMidAnswer(
      () => {
        stalled = true
      },
      text => {
        if (!stalled) line.pass(text)
      },
    )
  },
  drop: ({ socket, pass }) => strikeMidAnswer(() => socket.terminate(), pass),
  'drop-open': ({ socket, pass }) => {
    return text => {
      pass(text)
      // The frame must reach the network before the socket is cut.
      setImmediate(() => cut(socket))
    }
  },
  close: ({ socket, value, pass }) => strikeMidAnswer(() => socket.close(Number(value), 'fault'), pass),
  trickle: ({ clock, pass }) => {
    const held: string[] = []
    const release = () => {
      const text = held.shift()
      if (text !== undefined) pass(text)
      if (held.length > 0) clock.at(clock.now() + trickleMs, release)
    }
    return text => {
      if (held.length >= maxTrickled) return
      held.push(text)
      if (held.length === 1) clock.at(clock.now() + trickleMs, release)
    }
  },
  duplicate: ({ pass }) => {
    return text => {
      pass(text)
      pass(text)
    }
  },
  reorder: ({ pass }) => {
    let kept: string | null = null
    return text => {
      if (kept === null && isDelta(text)) {
        kept = text
        return
      }
      pass(text)
      if (kept !== null) pass(kept)
      kept = null
    }
  },
  huge: ({ pass }) =>
    strikeMidAnswer(
      () => pass(JSON.stringify({ type: 'response.huge', padding: 'x'.repeat(hugeBytes) })),
      pass,
    ),
  utf8: ({ socket, pass }) => strikeMidAnswer(() => socket.send(badUtf8, { binary: false }), pass),
  json: ({ pass }) => strikeMidAnswer(() => pass('{"type":"response.output_text.delta","delta":'), pass),
}

/** Puts a fault on a line; a fault of another kind leaves it as it is. */
export function spoil(wire: Wire, socket: WebSocket, fault: Fault | null, clock: Clock): Wire {
  if (fault?.name === 'no-close') return endWithoutClose(wire, socket)
  const made = fault === null ? undefined : spoils[fault.name]
  if (made === undefined) return wire
  const send = made({ socket, clock, value: fault?.value ?? '', pass: wire.send })
  return { ...wire, send }
}

/** Strikes once, in place of the third delta of the first answer that has so many. */
function strikeMidAnswer(strike: () => void, pass: (text: string) => void): (text: string) => void {
  let deltas = 0
  return text => {
    if (isDelta(text)) deltas++
    if (deltas === strikingDelta) {
      deltas++
      strike()
    } else pass(text)
  }
}

function isDelta(text: string): boolean {
  const head = text.slice(0, typePlace)
  return head.includes('"response.') && head.includes('.delta"')
}

function cut(socket: WebSocket): void {
  if (socket.readyState === socket.OPEN) socket.terminate()
}

/** Answers the client's close with nothing but the end of the stream, as OpenAI often does. */
function endWithoutClose(wire: Wire, socket: WebSocket): Wire {
  const close = socket.close.bind(socket)
  // `ws` answers a close frame by calling this method; our own closes keep the real one.
  socket.close = () => socket.terminate()
  return { ...wire, close: (code, reason) => close(code, reason) }
}
