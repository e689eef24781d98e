/** Turns the environment into settings, or into the list of all its faults at once. */
import type { z } from 'zod'
import { type Environment, environment, type VariableMeta } from './environment.ts'
import type { SessionSettings } from './events/dialect.ts'
import { type RealtimeConfig, readRealtime } from './realtime-config.ts'
import { azureTarget, openaiTarget, type Target } from './target.ts'

export interface Config {
  readonly host: string
  readonly port: number
  readonly tls: { certFile: string; keyFile: string } | null
  readonly revision: string
  readonly replica: string
  /** Host that pages open sockets to: '' for their own, else `ws://host` or `wss://host`. */
  readonly socketHost: string
  readonly logLevel: Environment['LOG_LEVEL']
  /** null: the embedded simulator, whose address is known only once it listens. */
  readonly target: Target | null
  readonly simulator: { rate?: number; seed?: number; models: readonly [string, ...string[]] }
  /** Sent to upstream; never logged. */
  readonly apiKey: string
  readonly connectTimeoutMs: number
  readonly limits: Limits
  readonly chat: SessionSettings
  readonly realtime: RealtimeConfig
  readonly prompt: PromptPaths
  readonly drain: { lameDuckMs: number; deadlineMs: number }
}

/** Sizes in bytes, times in ms. */
export interface Limits {
  readonly heartbeatMs: number
  readonly maxMessageBytes: number
  readonly upstreamBufferBytes: number
  readonly clientBufferBytes: number
  readonly clientStallMs: number
}

/** Relative to `runtime/`; undefined means the default, which may be missing. */
export interface PromptPaths {
  readonly menu: string | undefined
  readonly template: string | undefined
  readonly schema: string | undefined
}

/** All faults of an environment, one sentence each. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map(fault => `  - ${fault}`).join('\n')}`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/**
 * Reads the settings.
 * @param variables the process's environment; empty values count as unset
 * @throws ConfigError naming every variable at fault, the shape of its value and what is allowed
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(variables).filter(([name, value]) => name in environment.shape && value?.trim()),
  )
  const faults: string[] = []
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    const names = new Set(parsed.error.issues.map(issue => String(issue.path[0])))
    for (const name of names) faults.push(describeFault(name, given[name] ?? ''))
    for (const name of names) delete given[name]
  }
  // Faulty variables fall back to their defaults here, so that the checks across variables run too.
  const env = parsed.data ?? environment.parse(given)
  const config = assemble(env, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  return config
}

/** Says what a variable may be, from its schema. */
export function variableMeta(name: string): VariableMeta | undefined {
  const schema: z.ZodType | undefined = environment.shape[name as keyof typeof environment.shape]
  return schema?.meta() as VariableMeta | undefined
}

/** A value's shape, not the value: a secret may stand in the wrong variable. */
function describeFault(name: string, value: string): string {
  const shape =
    value !== '' && Number.isFinite(Number(value))
      ? `the number ${value}`
      : `a text of ${value.length} characters`
  return `${name}: is ${shape}; allowed is ${variableMeta(name)?.allowed ?? 'something else'}`
}

function assemble(env: Environment, faults: string[]): Config {
  const target = chooseTarget(env, faults)
  return {
    host: env.HOST,
    port: env.PORT,
    tls: readTls(env, faults),
    revision: env.CONTAINER_APP_REVISION,
    replica: env.CONTAINER_APP_REPLICA_NAME,
    socketHost: socketHost(env.APPLICATION_GATEWAY_HOST, faults),
    logLevel: env.LOG_LEVEL,
    target,
    simulator: {
      ...(env.SIMULATOR_RATE !== undefined && { rate: env.SIMULATOR_RATE }),
      ...(env.SIMULATOR_SEED !== undefined && { seed: env.SIMULATOR_SEED }),
      models: names(env.OPENAI_REALTIME_MODEL, 'OPENAI_REALTIME_MODEL', faults),
    },
    apiKey: (target?.provider === 'azure' ? env.AZURE_OPENAI_API_KEY : env.OPENAI_API_KEY) ?? '',
    connectTimeoutMs: env.UPSTREAM_CONNECT_TIMEOUT_MS,
    limits: {
      heartbeatMs: env.REALTIME_HEARTBEAT_SEC * 1000,
      maxMessageBytes: env.REALTIME_MAX_MSG_MB * mebibyte,
      upstreamBufferBytes: env.UPSTREAM_BUFFER_MB * mebibyte,
      clientBufferBytes: env.CLIENT_BUFFER_KB * kibibyte,
      clientStallMs: env.CLIENT_STALL_TIMEOUT_MS,
    },
    chat: {
      instructions: env.CHAT_INSTRUCTIONS,
      voice: env.REALTIME_VOICE,
      textOnly: env.REALTIME_TEXT_ONLY,
    },
    realtime: readRealtime(env, faults),
    prompt: {
      menu: env.REALTIME_MENU_PATH,
      template: env.REALTIME_TEMPLATE_PATH,
      schema: env.REALTIME_SCHEMA_PATH,
    },
    drain: { lameDuckMs: env.DRAIN_LAME_DUCK_MS, deadlineMs: env.DRAIN_DEADLINE_MS },
  }
}

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

function chooseTarget(env: Environment, faults: string[]): Target | null {
  if (env.AZURE_OPENAI_ENDPOINT !== undefined) {
    const endpoint = readAddress(env.AZURE_OPENAI_ENDPOINT, 'AZURE_OPENAI_ENDPOINT', faults)
    if (!env.AZURE_OPENAI_API_KEY)
      faults.push('AZURE_OPENAI_API_KEY: is unset; AZURE_OPENAI_ENDPOINT needs it')
    const list =
      env.AZURE_OPENAI_DEPLOYMENT_NAME ?? env.AZURE_OPENAI_DEPLOYMENT ?? env.OPENAI_REALTIME_MODEL.join(',')
    const deployments = names(
      list.split(',').map(name => name.trim()),
      'AZURE_OPENAI_DEPLOYMENT_NAME',
      faults,
    )
    return azureTarget(endpoint, deployments, env.AZURE_OPENAI_API_VERSION)
  }
  if (env.OPENAI_API_KEY === undefined) return null
  const baseUrl = readAddress(env.OPENAI_BASE_URL, 'OPENAI_BASE_URL', faults)
  return openaiTarget(baseUrl, names(env.OPENAI_REALTIME_MODEL, 'OPENAI_REALTIME_MODEL', faults))
}

function names(list: readonly string[], variable: string, faults: string[]): [string, ...string[]] {
  const [first, ...rest] = list.filter(name => name !== '')
  if (first === undefined) faults.push(`${variable}: is an empty list; allowed is at least one name`)
  return [first ?? '', ...rest]
}

/** `https:` anywhere, `http:` on loopback only: a key must not travel in the clear. */
function readAddress(text: string, variable: string, faults: string[]): URL {
  const url = URL.parse(text.replace(/^ws(s?):/i, 'http$1:'))
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  faults.push(describeFault(variable, text))
  return new URL('https://invalid.example')
}

/** Whether a host name can only mean this machine (RFC 6761 section 6.3, RFC 5735 section 3). */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '::1' ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  )
}

function readTls(env: Environment, faults: string[]): Config['tls'] {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = env
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile }
  if (certFile !== undefined) faults.push('TLS_KEY_FILE: is unset; TLS_CERT_FILE needs it')
  if (keyFile !== undefined) faults.push('TLS_CERT_FILE: is unset; TLS_KEY_FILE needs it')
  return null
}

function socketHost(host: string | undefined, faults: string[]): string {
  if (host === undefined) return ''
  const url = URL.parse(/^https?:\/\//i.test(host) ? host : `http://${host}`)
  if (url === null || url.pathname !== '/') {
    faults.push(describeFault('APPLICATION_GATEWAY_HOST', host))
    return ''
  }
  return `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}`
}
