/** Makes telephone calls come in. */

import type { Vendor } from '../session/context.ts'
import type { SimulatorState } from '../state.ts'
import { PhoneCall } from './phone-call.ts'
import { deliver, type WebhookTarget } from './webhook.ts'

export interface RingOptions {
  /** Where the call is announced; nobody is told without it. */
  webhook?: WebhookTarget
  /** Deliveries of the one webhook, at the same time. Default 1. */
  deliveries?: number
  /** Whose ids and addresses the call has. Default openai. */
  vendor?: Vendor
  /** SIP address of the caller. */
  from?: string
  /** SIP address that was called. */
  to?: string
  /** Further SIP headers. */
  headers?: readonly { readonly name: string; readonly value: string }[]
  /** The caller hangs up after this (ms), decided or not. */
  hangUpAfterMs?: number
  /** A call that nobody decides on ends after this (ms). Default 30,000. */
  ringMs?: number
  /** Time after `accept` in which the call cannot be joined yet (ms). Default 50. */
  setUpMs?: number
}

export interface Ringing {
  call: PhoneCall
  /** Resolves with the statuses that each delivery was answered with. */
  delivered: Promise<number[][]>
}

const defaultRingMs = 30_000
const defaultSetUpMs = 50
const webhookIdLength = 32

/** Lets a call ring. */
export function ring(simulator: SimulatorState, options: RingOptions = {}): Ringing {
  const { webhook, deliveries = 1, vendor = 'openai', hangUpAfterMs } = options
  const { from = 'sip:+15550100@carrier.example', to = 'sip:+15550199@sip.example' } = options
  const { headers = [], ringMs = defaultRingMs, setUpMs = defaultSetUpMs } = options
  const sipHeaders = [
    { name: 'From', value: from },
    { name: 'To', value: to },
    { name: 'Call-ID', value: `${simulator.ids.hex(16)}@carrier.example` },
    ...headers,
  ]
  const call = new PhoneCall(simulator, { vendor, sipHeaders, ringMs, setUpMs })
  simulator.phoneCalls.set(call.id, call)
  if (hangUpAfterMs !== undefined)
    simulator.clock.at(simulator.clock.now() + hangUpAfterMs, () => call.leave())
  const ids = {
    webhookId: `wh_${simulator.ids.hex(webhookIdLength)}`,
    eventId: `evt_${simulator.ids.hex(webhookIdLength)}`,
  }
  const each = webhook === undefined ? [] : Array.from({ length: deliveries }, () => webhook)
  return { call, delivered: Promise.all(each.map(target => deliver(call, target, ids))) }
}
