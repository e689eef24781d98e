/** A client that a test reads like a conversation: `send`, then `await next()`. */
import { type ClientOptions, WebSocket } from 'ws'
import { mailbox, type Stage } from './start.ts'
import { patienceMs, within } from './within.ts'

export type Message = { type: string; [field: string]: unknown }

export interface Talk {
  readonly socket: WebSocket
  /** The subprotocol that was answered with. */
  readonly subprotocol: string
  /** Headers of the 101 answer. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Sends text or bytes as they are, and objects as JSON. */
  send(message: object | string | Uint8Array): void
  /** The next message, read as JSON. */
  next(): Promise<Message>
  /** The next message as it came. */
  nextFrame(): Promise<{ text: string; isBinary: boolean }>
  /** Everything up to the first message of a type, that one last. */
  until(type: string, fits?: (message: Message) => boolean): Promise<Message[]>
  /** The close frame's code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>
}

/** An answer is over within this time, also where each of its parts comes in time (ms). */
const untilMs = 150_000

/** Opens a socket. @throws the refusal's status and body when there is no 101 */
export async function converse(
  t: Stage,
  url: string,
  { subprotocols = [], ...options }: ClientOptions & { subprotocols?: string[] } = {},
): Promise<Talk> {
  const socket = new WebSocket(url, subprotocols, options)
  t.teardown(() => socket.terminate())
  const frames = mailbox<{ text: string; isBinary: boolean } | { code: number; reason: string }>(
    'the client gets nothing',
  )
  socket.on('message', (data, isBinary) => frames.put({ text: data.toString(), isBinary }))
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.on('close', (code, reason) => {
      const end = { code, reason: reason.toString() }
      frames.put(end)
      resolve(end)
    })
  })
  let headers: Talk['headers'] = {}
  socket.on('upgrade', response => {
    headers = response.headers
  })
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', async (_request, response) => {
      const body = (await response.toArray()).join('')
      reject(
        Object.assign(new Error(`${response.statusCode} ${body}`), {
          status: response.statusCode,
          body,
          headers: response.headers,
        }),
      )
    })
  })
  await within(opened, patienceMs, 'the upgrade is not answered')
  socket.on('error', () => undefined)
  const nextFrame = async () => {
    const frame = await frames.take()
    if ('code' in frame) throw new Error(`closed with ${frame.code} ${frame.reason}`)
    return frame
  }
  const next = async () => JSON.parse((await nextFrame()).text) as Message
  return {
    socket,
    subprotocol: socket.protocol,
    headers,
    send: message =>
      socket.send(
        typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message),
      ),
    next,
    nextFrame,
    until: async (type, fits = () => true) => {
      const seen: Message[] = []
      const endsAt = performance.now() + untilMs
      while (performance.now() < endsAt) {
        const message = await next()
        seen.push(message)
        if (message.type === type && fits(message)) return seen
      }
      throw new Error(`${seen.length} messages come within ${untilMs} ms, and no ${type} that fits`)
    },
    get closed() {
      return within(closed, patienceMs, 'the client is not closed')
    },
  }
}

/** Says something on `/chat` and reads to the end of the answer. @returns what was streamed, put together */
export async function ask(
  talk: Talk,
  text: string,
): Promise<{ text: string; transcript: string; bytes: number; messages: Message[] }> {
  talk.send({ text })
  const messages = await talk.until('status', ({ message }) => message === 'Model ready')
  const joined = (type: string) =>
    messages
      .filter(message => message.type === type)
      .map(message => message.value)
      .join('')
  const bytes = messages.reduce(
    (sum, message) => sum + (message.type === 'audio-chunk' ? Number(message.bytes) : 0),
    0,
  )
  return { text: joined('text-delta'), transcript: joined('transcript-delta'), bytes, messages }
}
