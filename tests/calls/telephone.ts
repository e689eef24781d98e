/** Telephone calls for tests: a simulator that they come in at, and gateways before it. */

import type { Script } from '../../runtime/simulator/model/script.ts'
import { type Simulator, startSimulator } from '../../runtime/simulator/server.ts'
import type { PhoneCall } from '../../runtime/simulator/telephone/phone-call.ts'
import type { RingOptions } from '../../runtime/simulator/telephone/ring.ts'
import { gatewayFor, type Stage, type TestGateway } from '../gateway/start.ts'
import { request } from './caller.ts'

export const secret = `whsec_${Buffer.from('the signing secret of these tests').toString('base64')}`

/** Callers: `desk` may control telephone calls, `clerk` may not. */
export const desk = { 'api-key': 'the-secret-of-the-desk' }
export const clerk = { 'api-key': 'the-secret-of-the-clerk' }

const settings = {
  GATEWAY_AUTH: 'key',
  GATEWAY_API_KEYS: 'desk:the-secret-of-the-desk,clerk:the-secret-of-the-clerk',
  CALLS_CONTROL: 'key:desk',
  OPENAI_WEBHOOK_SECRET: secret,
  CALLS_POLICY: 'accept',
  CHAT_INSTRUCTIONS: 'Always begin with "Reception."',
}

export interface Exchange {
  readonly simulator: Simulator
  /** Settings of a gateway before the simulator. */
  readonly env: Record<string, string>
  /** Lets a call ring, and tells a gateway of it. @returns the call, and what the gateway answered */
  ring(gateway: TestGateway, options?: RingOptions): { call: PhoneCall; delivered: Promise<number[][]> }
}

/** Starts a simulator that telephone calls come in at. @param script what the model says and calls; default: its rules */
export async function exchangeFor(t: Stage, script?: Script): Promise<Exchange> {
  const simulator = await startSimulator({ rate: 200, seed: 11, ...(script !== undefined && { script }) })
  t.teardown(() => simulator.close())
  const upstream = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${simulator.url}/v1` }
  return {
    simulator,
    env: { ...settings, ...upstream },
    ring: ({ url }, options = {}) =>
      simulator.ring({ webhook: { url: `${url}/webhooks/realtime`, secret }, ...options }),
  }
}

/** A gateway before a simulator that telephone calls come in at. */
export async function receptionFor(
  t: Stage,
  env: Record<string, string> = {},
): Promise<Exchange & { gateway: TestGateway }> {
  const exchange = await exchangeFor(t)
  return { ...exchange, gateway: await gatewayFor(t, { ...exchange.env, ...env }) }
}

export interface Listed {
  session_id: string
  call_id: string
  origin: 'browser' | 'telephone'
  ended_reason: string | null
  websocket_connected: boolean
  events_from_openai: number
  usage: { input_tokens: number; output_tokens: number; seconds: number }
}

/** The sessions that a caller sees. */
export async function sessionsOf(
  { url }: { url: string },
  headers: Record<string, string>,
): Promise<Listed[]> {
  const { body } = await request<{ sessions: Listed[]; total: number }>(`${url}/sideband/sessions`, {
    headers,
  })
  if (body.total !== body.sessions.length) throw new Error(`${body.total} in ${JSON.stringify(body)}`)
  return body.sessions
}
