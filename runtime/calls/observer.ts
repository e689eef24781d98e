/** One client of a control connection: its commands, and the events it sends to the call itself. */

import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { asBuffer } from '../core/bytes.ts'
import { GatewayError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import type { Client, Connection } from '../core/ports.ts'
import { messageItem, ownEventIdPrefix, responseCreate } from '../events/compose.ts'
import type { Log } from '../observability/log.ts'
import { isDeeper, maxDepth } from '../server/json-body.ts'
import type { Receipt } from '../session/sent-messages.ts'
import { MessageCheck, type MessageRules } from '../upstream/message-check.ts'
import type { CallControl } from './control.ts'

export const controlPath = '/sideband/control/:id'

export interface ObserverParts {
  readonly log: Log
  readonly client: Client
  readonly control: CallControl
  /** What clients may not say to the call. */
  readonly rules: MessageRules
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

/** So many messages in a row that are none end the connection. */
const maxBadMessages = 100

const event = z.looseObject({ type: z.string().min(1) })

export class Observer implements Connection {
  readonly #parts: ObserverParts
  readonly #check: MessageCheck
  #badMessages = 0

  constructor(parts: ObserverParts) {
    this.#parts = parts
    this.#check = new MessageCheck(parts.rules)
  }

  message(data: Uint8Array, isBinary: boolean): void {
    const text = asBuffer(data).toString()
    const given = event.safeParse(isBinary ? null : parseJson(text))
    if (!given.success) return this.#refuseMessage('Send a command or an event: a JSON object with a "type"')
    if (isDeeper(given.data, maxDepth))
      return this.#refuseMessage(`The message is nested deeper than ${maxDepth} levels`)
    const known = commandNames.has(given.data.type) ? command.safeParse(given.data) : null
    if (known?.success === false)
      return this.#refuseMessage(`"${known.error.issues[0]?.path.join('.')}" is missing or not a text`)
    this.#badMessages = 0
    const checked = known === null ? this.#check.judge(data, given.data.type) : null
    if (checked?.kind === 'refused') this.#refuse(checked.error.code, checked.error.message)
    else if (known === null) this.#forward(text, given.data)
    else this.#obey(known.data)
  }

  /** An observer that sends nothing but garbage is not answered for ever. */
  #refuseMessage(message: string): void {
    this.#badMessages += 1
    if (this.#badMessages >= maxBadMessages) this.fault(new GatewayError('bad_request', message))
    else this.#refuse('bad_request', message)
  }

  held(): number {
    return this.#parts.control.held()
  }

  writable(): void {}

  announce(deadlineMs: number): void {
    this.#tell({ type: 'server.draining', deadline_ms: deadlineMs })
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
    const { hangUp } = this.#parts
    switch (order.type) {
      case 'update_instructions': {
        if (this.#parts.rules.policy.fields.includes('instructions'))
          return this.#refuse('forbidden', 'The instructions are set by this gateway and cannot be replaced')
        const update = {
          type: 'session.update',
          // Not to be guessed: a browser's own messages are refused on this connection, too.
          event_id: `${ownEventIdPrefix}${randomUUID()}`,
          session: { type: 'realtime', instructions: order.instructions },
        }
        return this.#forward(JSON.stringify(update), update)
      }
      case 'send_message':
        this.#send(messageItem('user', order.text, 'ga'), 'conversation.item.create')
        return this.#send(responseCreate, 'response.create')
      case 'hang_up':
        return void hangUp().catch(fault => this.#notHungUp(fault))
      case 'heartbeat':
        this.#tell({ type: 'heartbeat-ack' })
    }
  }

  #forward(text: string, message: { type: string; session?: unknown; event_id?: unknown }): void {
    this.#send(text, message.type, this.#parts.control.pinnedSession?.ask(message) ?? undefined)
  }

  /** Only whoever sent it is told that it was not. */
  #send(message: string, type: string, receipt?: Receipt): void {
    if (this.#parts.control.send(message, type, receipt)) return
    receipt?.onRefused?.()
    this.#refuse('upstream_too_slow', 'Too much waits; send it again later')
  }

  #notHungUp(fault: unknown): void {
    const { code, message } =
      fault instanceof GatewayError ? fault : new GatewayError('internal', 'The call could not be hung up')
    this.#refuse(code, message)
  }

  #refuse(code: GatewayError['code'], message: string): void {
    this.#tell({ type: 'error', code, message })
  }

  #tell(message: object): void {
    const { control, client } = this.#parts
    control.tell(client, JSON.stringify(message))
  }
}
