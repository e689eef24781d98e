/**
 * The settings of telephone calls: who may control calls that the gateway did not make, what signs the webhooks that
 * tell of calls, what becomes of a call. A part of `config.ts`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileGlob } from '../events/glob.ts'
import { chooseModel } from '../upstream/model-choice.ts'
import { findForbiddenModel, type ModelPermit } from '../upstream/model-permit.ts'
import type { AccessConfig } from './access.ts'
import type { Environment } from './environment.ts'
import { describeFault, splitList } from './variable.ts'

export interface CallsConfig {
  /** Names of principals that may control calls which the gateway did not make, and those that came by webhook. */
  readonly controllers: ReadonlySet<string>
  /** Keys of the webhooks' signatures; with none there is no webhook. */
  readonly webhookKeys: readonly Buffer[]
  /** The first that fits a call counts; a call that none fits was dialled by mistake. */
  readonly rules: readonly CallRule[]
}

/** What becomes of a call that comes in. */
export type CallPolicy =
  | { readonly kind: 'reject'; readonly status: number }
  | {
      readonly kind: 'accept'
      /** As upstream's `accept` takes it. */
      readonly session: TelephoneSession
      /** Instructions of the first answer; null where the caller speaks first. */
      readonly greeting: string | null
    }
  /** The call is a session of an assistant, with its settings and its greeting. */
  | { readonly kind: 'assistant'; readonly name: string }

/** What becomes of calls whose header fits. */
export interface CallRule {
  /** Lower-case name of a SIP header, whose whole value counts; null: the number that was dialled. */
  readonly header: string | null
  readonly matches: (value: string) => boolean
  readonly policy: CallPolicy
}

export interface TelephoneSession {
  readonly type: 'realtime'
  readonly model: string
  readonly instructions?: unknown
  readonly tools?: unknown
  readonly prompt?: unknown
}

/** SIP's word for a call that nobody wants to take anywhere (RFC 3261 section 21.6.2). */
const declined = 603

/** Final SIP responses that refuse (RFC 3261 section 21): redirections, failures of the request, the server, or all. */
export const sipRefusal = { min: 300, max: 699 } as const

/** Reads the settings. @param permit holds for the models of a session file too @param faults takes a sentence for each fault */
export function readCalls(
  env: Environment,
  access: Pick<AccessConfig, 'modes' | 'keys'>,
  permit: ModelPermit,
  faults: string[],
): CallsConfig {
  return {
    controllers: new Set(readCallers(env.CALLS_CONTROL, 'CALLS_CONTROL', access, faults)),
    webhookKeys: readSecrets(env.OPENAI_WEBHOOK_SECRET, 'OPENAI_WEBHOOK_SECRET', faults),
    rules: readRules(env, permit, faults),
  }
}

const entraPattern = /^entra:[0-9a-f-]{36}\/[0-9a-f-]{36}$/

/** Reads names of callers. @param faults takes a sentence for each that is never let in */
export function readCallers(
  names: readonly string[],
  variable: string,
  access: Pick<AccessConfig, 'modes' | 'keys'>,
  faults: string[],
): string[] {
  return names.filter(name => isCaller(name, variable, access, faults))
}

function isCaller(
  name: string,
  variable: string,
  { modes, keys }: Pick<AccessConfig, 'modes' | 'keys'>,
  faults: string[],
): boolean {
  const isOpen = modes.length === 0
  if (name === 'anonymous' && isOpen) return true
  if (modes.includes('entra') && entraPattern.test(name)) return true
  if (modes.includes('key') && keys.some(key => `key:${key.name}` === name)) return true
  const known = isOpen
    ? ['anonymous, as GATEWAY_AUTH asks for no credential']
    : [
        ...keys.map(key => `key:${key.name}`),
        ...(modes.includes('entra') ? ['entra:TENANT/OBJECT (two GUIDs in small letters)'] : []),
      ]
  faults.push(`${variable}: names a caller that GATEWAY_AUTH never lets in; allowed is ${known.join(', ')}`)
  return false
}

const secretPrefix = 'whsec_'

/** A shorter one can be guessed (bytes). Standard Webhooks asks for 24; the vendors' have 32. */
const minSecretBytes = 16

/** Reads secrets of webhooks' signatures. @param faults takes a sentence for each that is malformed or too short */
export function readSecrets(text: string | undefined, variable: string, faults: string[]): Buffer[] {
  return splitList(text ?? '').map((secret, index) => {
    const encoded = secret.startsWith(secretPrefix) ? secret.slice(secretPrefix.length) : null
    const key = encoded === null ? Buffer.from(secret) : Buffer.from(encoded, 'base64')
    const isBase64 = encoded === null || /^[A-Za-z0-9+/]+={0,2}$/.test(encoded)
    if (!isBase64 || key.length < minSecretBytes)
      faults.push(
        `${variable}: secret ${index + 1} is not whsec_ and base64, or a text, of ${minSecretBytes} bytes or more`,
      )
    return key
  })
}

/** One policy for all calls, or rules, separated by commas: `[HEADER:]GLOB=POLICY`. */
function readRules(env: Environment, permit: ModelPermit, faults: string[]): CallRule[] {
  const texts = env.CALLS_POLICY.includes('=') ? splitList(env.CALLS_POLICY) : [`*=${env.CALLS_POLICY}`]
  const parsed = texts.map(text => {
    const [, header, value, number, action = ''] = /^(?:([\w-]+):([^=]+)|([^=:\s]+))=(.+)$/.exec(text) ?? []
    const policy = policyOf(action)
    if (policy === null) faults.push(describeFault('CALLS_POLICY', env.CALLS_POLICY))
    return { header: header?.toLowerCase() ?? null, matches: compileGlob(value ?? number ?? ''), policy }
  })
  const isAccepting = parsed.some(({ policy }) => policy === 'accept')
  for (const name of ['CALLS_SESSION_PATH', 'CALLS_GREETING'] as const)
    if (!isAccepting && env[name] !== undefined)
      faults.push(`${name}: is set, but only CALLS_POLICY=accept uses it`)
  const accept = isAccepting
    ? {
        kind: 'accept' as const,
        session: readSession(env, permit, faults),
        greeting: env.CALLS_GREETING ?? null,
      }
    : null
  return parsed.flatMap(({ policy, ...rule }) => {
    const found = policy === 'accept' ? accept : policy
    return found === null ? [] : [{ ...rule, policy: found }]
  })
}

/** @returns null for what is none */
function policyOf(text: string): Exclude<CallPolicy, { kind: 'accept' }> | 'accept' | null {
  if (text === 'accept') return text
  const [, name] = /^assistant:([\w-]+)$/.exec(text) ?? []
  if (name !== undefined) return { kind: 'assistant', name }
  const rejection = /^reject(?::(\d{3}))?$/.exec(text)
  const status = Number(rejection?.[1] ?? declined)
  if (rejection === null || status < sipRefusal.min || status > sipRefusal.max) return null
  return { kind: 'reject', status }
}

/** The file is read at the start, so that one that is missing or malformed stops it. */
function readSession(env: Environment, permit: ModelPermit, faults: string[]): TelephoneSession {
  const { choice } = permit
  const plain = {
    type: 'realtime',
    model: choice.deployments[0],
    instructions: env.CHAT_INSTRUCTIONS,
    audio: { output: { voice: env.REALTIME_VOICE } },
  } as const
  const path = env.CALLS_SESSION_PATH
  if (path === undefined) return plain
  try {
    const given: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', path), 'utf8'))
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new Error('it is no JSON object')
    const { type = 'realtime', model = null, ...rest } = given as Record<string, unknown>
    if (type !== 'realtime') throw new Error('"type" must be "realtime"')
    if (model !== null && typeof model !== 'string') throw new Error('"model" must be a text')
    const forbidden = findForbiddenModel(permit, rest, 'conversation')
    if (forbidden !== null)
      throw new Error(`"${forbidden.param.replace(/^session\./, '')}": ${forbidden.error.message}`)
    return { ...rest, type, model: chooseModel(choice, model).deployment }
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault)
    faults.push(`CALLS_SESSION_PATH: "${path}" below runtime/ is no session of a call: ${reason}`)
    return plain
  }
}
