/** One client of a control connection: its commands, and the events it sends to the call itself. */
import { z } from 'zod'
import type { CallControl } from '../calls/control.ts'
import { GatewayError } from '../errors.ts'
import { messageItem, responseCreate } from '../events/compose.ts'
import type { Log } from '../log.ts'
import type { Client, Connection } from '../types.ts'

export const controlPath = '/sideband/control/:id'

export interface ObserverParts {
  readonly log: Log
  readonly client: Client
  readonly control: CallControl
  /** Ends the call. @throws GatewayError as upstream's calls do */
  readonly hangUp: () => Promise<void>
}

/** Commands in the gateway's own words; everything else with a `type` is an event for the call. */
const command = z.discriminatedUnion('type', [
  z.object({ type: z.literal('update_instructions'), instructions: z.string() }),
  z.object({ type: z.literal('send_message'), text: z.string().min(1) }),
  z.object({ type: z.literal('hang_up') }),
  z.object({ type: z.literal('heartbeat') }),
])
const commandNames = new Set(command.options.map(option => option.shape.type.value as string))

const event = z.looseObject({ type: z.string().min(1) })

export class Observer implements Connection {
  readonly #parts: ObserverParts

  constructor(parts: ObserverParts) {
    this.#parts = parts
  }

  message(data: Uint8Array, isBinary: boolean): void {
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()
    const given = event.safeParse(isBinary ? null : parse(text))
    if (!given.success)
      return this.#refuse('bad_request', 'Send a command or an event: a JSON object with a "type"')
    if (!commandNames.has(given.data.type)) return this.#forward(text, given.data)
    const known = command.safeParse(given.data)
    if (known.success) this.#obey(known.data)
    else this.#refuse('bad_request', `"${known.error.issues[0]?.path.join('.')}" is missing or not a text`)
  }

  writable(): void {}

  announce(deadlineMs: number): void {
    this.#parts.client.send(JSON.stringify({ type: 'server.draining', deadline_ms: deadlineMs }))
  }

  /** The call goes on; another replica takes control of it when the client connects there. */
  drain(): void {
    const { client, control } = this.#parts
    control.leave(client)
    client.close(1012, 'draining')
  }

  fault({ code, close, message }: GatewayError): void {
    this.#refuse(code, message)
    this.#parts.control.leave(this.#parts.client)
    this.#parts.client.close(close, code)
  }

  closed(code: number, reason: string): void {
    const { client, control, log } = this.#parts
    control.leave(client)
    log.info('connection.closed', { connection: client.id, route: controlPath, code, reason })
  }

  #obey(order: z.output<typeof command>): void {
    const { client, control, hangUp } = this.#parts
    switch (order.type) {
      case 'update_instructions': {
        const update = {
          type: 'session.update',
          session: { type: 'realtime', instructions: order.instructions },
        }
        return this.#forward(JSON.stringify(update), update)
      }
      case 'send_message':
        control.send(messageItem('user', order.text, 'ga'))
        return control.send(responseCreate)
      case 'hang_up':
        return void hangUp().catch(fault => this.#notHungUp(fault))
      case 'heartbeat':
        client.send('{"type":"heartbeat-ack"}')
    }
  }

  #forward(text: string, message: { type: string; session?: unknown }): void {
    const { control } = this.#parts
    control.guard?.ask(message)
    control.send(text)
  }

  #notHungUp(fault: unknown): void {
    const { code, message } =
      fault instanceof GatewayError ? fault : new GatewayError('internal', 'The call could not be hung up')
    this.#refuse(code, message)
  }

  #refuse(code: GatewayError['code'], message: string): void {
    this.#parts.client.send(JSON.stringify({ type: 'error', code, message }))
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
