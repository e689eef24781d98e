/** A client for tests: it sends events and awaits what comes, without a clock. */
import { WebSocket } from 'ws'

export interface Received {
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape
  [field: string]: any
}

export interface Conversation {
  readonly socket: WebSocket
  /** Every event so far, in order. */
  readonly seen: readonly Received[]
  send(...events: object[]): void
  /** The next event not yet taken; with `type`, fails when that is another. */
  next(type?: string): Promise<Received>
  /** Takes events up to and including the first of this type; gives them all. */
  until(type: string): Promise<Received[]>
  /** Takes events up to and including the first of this type; gives that one. */
  reach(type: string): Promise<Received>
  /** Code and reason of the close, once it has come. */
  closed(): Promise<{ code: number; reason: string }>
  close(): Promise<void>
}

export interface ConnectOptions {
  headers?: Record<string, string>
  subprotocols?: string[]
  insecure?: boolean
}

const giveUpMs = 20_000

/** Connects and holds what comes until it is asked for. Rejects with the HTTP status when the upgrade is refused. */
export function connect(url: string, options: ConnectOptions = {}): Promise<Conversation> {
  const headers = options.headers ?? { authorization: 'Bearer sk-test', 'api-key': 'test' }
  const socket = new WebSocket(url.replace(/^http/, 'ws'), options.subprotocols ?? [], {
    headers,
    rejectUnauthorized: options.insecure !== true,
    maxPayload: 64 * 1024 * 1024,
  })
  const inbox = createInbox(socket)
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(createConversation(socket, inbox)))
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      const parts: Buffer[] = []
      response.on('data', part => parts.push(part))
      response.on('end', () => {
        const { statusCode = 0, headers } = response
        reject(new Refused(statusCode, Buffer.concat(parts).toString(), headers))
      })
    })
  })
}

/** An upgrade that was answered with a plain response. */
export class Refused extends Error {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, unknown>

  constructor(status: number, body: string, headers: Record<string, unknown>) {
    super(`refused with ${status}: ${body}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

interface Inbox {
  seen: Received[]
  take(): Promise<Received>
  closed: Promise<{ code: number; reason: string }>
}

function createInbox(socket: WebSocket): Inbox {
  const seen: Received[] = []
  let taken = 0
  let waiting: (() => void) | null = null
  let over: string | null = null
  const wake = () => {
    waiting?.()
    waiting = null
  }
  socket.on('message', data => {
    seen.push(JSON.parse(String(data)))
    wake()
  })
  socket.on('error', () => {})
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.once('close', (code, reason) => {
      over = `closed with ${code} ${reason}`
      resolve({ code, reason: String(reason) })
      wake()
    })
  })
  const take = async (): Promise<Received> => {
    const stopAt = performance.now() + giveUpMs
    while (seen[taken] === undefined) {
      if (over !== null) throw new Error(`no more events: ${over}; last: ${lastTypes(seen)}`)
      await within(
        new Promise<void>(resolve => {
          waiting = resolve
        }),
        stopAt - performance.now(),
        () => `no event came; last: ${lastTypes(seen)}`,
      )
    }
    return seen[taken++] as Received
  }
  return { seen, take, closed }
}

function createConversation(socket: WebSocket, inbox: Inbox): Conversation {
  return {
    socket,
    seen: inbox.seen,
    send: (...events) => {
      for (const event of events) socket.send(JSON.stringify(event))
    },
    next: async type => {
      const event = await inbox.take()
      if (type !== undefined && event.type !== type) {
        throw new Error(`expected ${type}, got ${JSON.stringify(event).slice(0, 400)}`)
      }
      return event
    },
    until: async type => {
      const events: Received[] = []
      for (;;) {
        const event = await inbox.take()
        events.push(event)
        if (event.type === type) return events
      }
    },
    reach: async type => {
      for (;;) {
        const event = await inbox.take()
        if (event.type === type) return event
      }
    },
    closed: () => within(inbox.closed, giveUpMs, () => `not closed; last: ${lastTypes(inbox.seen)}`),
    close: async () => {
      socket.close()
      await inbox.closed
    },
  }
}

function lastTypes(seen: readonly Received[]): string {
  return seen
    .slice(-5)
    .map(event => (event.type === 'error' ? JSON.stringify(event) : event.type))
    .join(', ')
}

function within<T>(promise: Promise<T>, ms: number, problem: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(problem())), ms)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}
