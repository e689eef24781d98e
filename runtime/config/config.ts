/** Turns the environment into settings, or into the list of all its faults at once. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { AudioInputSettings, SessionSettings } from '../dialect/dialect.ts'
import type { TracingSettings } from '../observability/tracing/tracing.ts'
import type { Limits } from '../session/session.ts'
import type { UpstreamConfig } from '../upstream/endpoints.ts'
import type { ProxySettings } from '../upstream/proxy.ts'
import { type AccessConfig, readAccess } from './access.ts'
import { type CallsConfig, readCalls } from './calls.ts'
import { type Environment, environment } from './environment.ts'
import { type ModelsConfig, permitModels, readModels } from './models.ts'
import { type RealtimeConfig, readAudioInput, readRealtime } from './realtime.ts'
import { readTracing } from './tracing.ts'
import { readNameList, readProxy, readUpstream } from './upstream.ts'
import { readUsage, type UsageConfig } from './usage.ts'
import { describeFault, isLoopback, misspelled, readNamedFile } from './variable.ts'

export { isLoopback, variableMeta } from './variable.ts'

export interface Config extends UpstreamConfig {
  /** Variables that are nearly settings and may be another program's, a sentence each. */
  readonly warnings: readonly string[]
  readonly host: string
  readonly port: number
  /** Processes on the port; `auto` is one a core. */
  readonly workers: number | 'auto'
  /** Of all processes together (bytes); 0: no limit; null: a part of what the container, or the machine, has. */
  readonly memoryBudgetBytes: number | null
  /** Open sessions of a full replica, for an autoscaler; 0 publishes nothing. */
  readonly scaleSessionsPerReplica: number
  readonly tls: { certFile: string; keyFile: string } | null
  readonly revision: string
  readonly replica: string
  /** Host that pages open sockets to: '' for their own, else `ws://host` or `wss://host`. */
  readonly socketHost: string
  readonly logLevel: Environment['LOG_LEVEL']
  readonly access: AccessConfig
  readonly simulator: { rate?: number; seed?: number; models: readonly [string, ...string[]] }
  readonly models: ModelsConfig
  readonly connectTimeoutMs: number
  /** Through which upstream is dialled; null: directly. */
  readonly proxy: ProxySettings | null
  /** What upstream is told of the people behind one key. */
  readonly safety: Environment['SAFETY_IDENTIFIER']
  /** An upstream that failed is passed over for this long while there are others (ms). */
  readonly circuitPauseMs: number
  readonly limits: Limits
  /** How long one client may keep the event loop without a pause (ms); 0: no limit. */
  readonly clientTurnMs: number
  readonly chat: SessionSettings
  /** How `/chat` listens where the client's microphone stays open. */
  readonly audioInput: AudioInputSettings
  readonly realtime: RealtimeConfig
  readonly prompt: PromptPaths
  readonly assistants: AssistantsConfig
  /** Resident memory of the process that runs the tools of one assistant. */
  readonly toolsMemoryBytes: number
  /** Reads a variable of the environment that is no setting of the gateway: an assistant declares it for its tools. */
  readonly readVariable: (name: string) => string | undefined
  readonly calls: CallsConfig
  readonly usage: UsageConfig
  /** null: tracing is off. */
  readonly tracing: TracingSettings | null
  readonly sideband: {
    webrtcFilter: boolean
    pinSession: boolean
    sessionTtlMs: number
    /** Calls that translate are joined, and their seconds counted. */
    metersTranslations: boolean
  }
  /** null: memory. The address may hold a password. */
  readonly redis: { url: string; auth: 'url' | 'entra' } | null
  /** null records nothing. */
  readonly record: { folder: string; words: boolean } | null
  readonly drain: { lameDuckMs: number; deadlineMs: number }
}

export interface AssistantsConfig {
  /** Absolute path. */
  readonly folder: string
  /** It was named, so it must be there. */
  readonly isRequired: boolean
  /** It is read again when its files change. */
  readonly isWatched: boolean
  /** Whether `access` of an assistant counts; false in a terminal, whose person owns the folder. */
  readonly checksAccess: boolean
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
 * @param variables the process's environment; white space around values is left out, and empty ones count as unset
 * @param today the day by which models count as retired
 * @throws ConfigError naming every variable at fault, the shape of its value and what is allowed
 */
export function readConfig(
  variables: Readonly<Record<string, string | undefined>>,
  today = new Date(),
): Config {
  const given = Object.fromEntries(
    Object.entries(variables)
      .map(([name, value = '']) => [name, value.trim()] as const)
      .filter(([name, value]) => name in environment.shape && value !== ''),
  )
  const named = Object.keys(variables).filter(name => (variables[name] ?? '').trim() !== '')
  const faults: string[] = []
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    const names = new Set(parsed.error.issues.map(issue => String(issue.path[0])))
    for (const name of names) faults.push(describeFault(name, given[name] ?? ''))
    for (const name of names) delete given[name]
  }
  // Faulty variables fall back to their defaults here, so that the checks across variables run too.
  const env = parsed.data ?? environment.parse(given)
  const config = {
    ...assemble(env, new Set(Object.keys(given)), today, faults),
    readVariable: (name: string) => (name in environment.shape ? undefined : variables[name]),
    warnings: misspelled(named, faults),
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return config
}

function assemble(
  env: Environment,
  given: ReadonlySet<string>,
  today: Date,
  faults: string[],
): Omit<Config, 'warnings' | 'readVariable'> {
  const upstream = readUpstream(env, faults)
  const simulated = readNameList(env.OPENAI_REALTIME_MODEL, 'OPENAI_REALTIME_MODEL', faults)
  const models = readModels(env, upstream.target, simulated, faults)
  const permit = permitModels(models, upstream.target?.provider ?? 'simulator', today)
  const access = readAccess(env, given, faults)
  return {
    ...upstream,
    models,
    access,
    calls: readCalls(env, access, permit, faults),
    tracing: readTracing(env, faults),
    usage: readUsage(env, access, models, upstream.target, faults),
    host: env.HOST,
    port: env.PORT,
    workers: env.WORKERS,
    scaleSessionsPerReplica: env.SCALE_SESSIONS_PER_REPLICA,
    memoryBudgetBytes: env.MEMORY_BUDGET_MB === undefined ? null : env.MEMORY_BUDGET_MB * mebibyte,
    tls: readTls(env, faults),
    revision: env.CONTAINER_APP_REVISION,
    replica: env.CONTAINER_APP_REPLICA_NAME,
    socketHost: socketHost(env.APPLICATION_GATEWAY_HOST, faults),
    logLevel: env.LOG_LEVEL,
    simulator: {
      ...(env.SIMULATOR_RATE !== undefined && { rate: env.SIMULATOR_RATE }),
      ...(env.SIMULATOR_SEED !== undefined && { seed: env.SIMULATOR_SEED }),
      models: simulated,
    },
    connectTimeoutMs: env.UPSTREAM_CONNECT_TIMEOUT_MS,
    proxy: readProxy(env, faults),
    safety: env.SAFETY_IDENTIFIER,
    circuitPauseMs: env.UPSTREAM_CIRCUIT_PAUSE_SEC * 1000,
    limits: {
      heartbeatMs: env.REALTIME_HEARTBEAT_SEC * 1000,
      maxMessageBytes: env.REALTIME_MAX_MSG_MB * mebibyte,
      upstreamBufferBytes: env.UPSTREAM_BUFFER_MB * mebibyte,
      clientBufferBytes: env.CLIENT_BUFFER_KB * kibibyte,
      clientStallMs: env.CLIENT_STALL_TIMEOUT_MS,
      upstreamStallMs: env.UPSTREAM_STALL_TIMEOUT_MS,
    },
    clientTurnMs: env.CLIENT_TURN_MS,
    chat: {
      instructions: env.CHAT_INSTRUCTIONS,
      voice: env.REALTIME_VOICE,
      textOnly: env.REALTIME_TEXT_ONLY,
    },
    audioInput: readAudioInput(env),
    realtime: readRealtime(env, faults),
    prompt: {
      menu: env.REALTIME_MENU_PATH,
      template: env.REALTIME_TEMPLATE_PATH,
      schema: env.REALTIME_SCHEMA_PATH,
    },
    assistants: {
      folder: resolve(projectFolder, env.ASSISTANTS_DIR ?? defaultAssistantsFolder),
      isRequired: env.ASSISTANTS_DIR !== undefined,
      isWatched: env.ASSISTANTS_WATCH ?? isLoopback(env.HOST),
      checksAccess: true,
    },
    toolsMemoryBytes: env.TOOLS_MEMORY_MB * mebibyte,
    sideband: {
      webrtcFilter: env.SIDEBAND_WEBRTC_FILTER === 'on',
      pinSession: env.SIDEBAND_PIN_SESSION,
      sessionTtlMs: env.SIDEBAND_SESSION_TTL_SEC * 1000,
      metersTranslations: env.TRANSLATION_CALLS_METERED,
    },
    redis: readRedis(env, faults),
    record: env.RECORD_DIR === undefined ? null : { folder: env.RECORD_DIR, words: env.RECORD_WORDS },
    drain: { lameDuckMs: env.DRAIN_LAME_DUCK_MS, deadlineMs: env.DRAIN_DEADLINE_MS },
  }
}

const projectFolder = join(import.meta.dirname, '../..')
const defaultAssistantsFolder = 'assistants'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

function readRedis(env: Environment, faults: string[]): Config['redis'] {
  if (env.REDIS_URL === undefined) {
    if (env.SCALE_SESSIONS_PER_REPLICA > 0)
      faults.push('REDIS_URL: is unset; SCALE_SESSIONS_PER_REPLICA needs it')
    return null
  }
  const url = URL.parse(env.REDIS_URL)
  if (url?.protocol !== 'redis:' && url?.protocol !== 'rediss:')
    faults.push(describeFault('REDIS_URL', env.REDIS_URL))
  return { url: env.REDIS_URL, auth: env.REDIS_AUTH }
}

function readTls(env: Environment, faults: string[]): Config['tls'] {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = env
  if (certFile !== undefined && keyFile !== undefined) {
    checkCertificate(certFile, keyFile, faults)
    return { certFile, keyFile }
  }
  if (certFile !== undefined) faults.push('TLS_KEY_FILE: is unset; TLS_CERT_FILE needs it')
  if (keyFile !== undefined) faults.push('TLS_CERT_FILE: is unset; TLS_KEY_FILE needs it')
  return null
}

/** The file may hold certificates or parameters before the key. */
const keyBlock = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----/s

/** The native code says of a faulty pair only that it does not start. */
function checkCertificate(certFile: string, keyFile: string, faults: string[]): void {
  const certText = readNamedFile(certFile, 'TLS_CERT_FILE', faults)
  const keyText = readNamedFile(keyFile, 'TLS_KEY_FILE', faults)
  const cert = certText && parsed(() => new X509Certificate(certText.toString()))
  const key = keyText && parsed(() => createPrivateKey(keyBlock.exec(keyText.toString())?.[0] ?? ''))
  if (certText !== null && cert === null)
    faults.push(`TLS_CERT_FILE: "${certFile}" has no certificate in PEM form`)
  if (keyText !== null && key === null)
    faults.push(`TLS_KEY_FILE: "${keyFile}" has no private key in PEM form, or one with a passphrase`)
  if (cert !== null && key !== null && !cert.checkPrivateKey(key))
    faults.push(`TLS_KEY_FILE: "${keyFile}" is not the key of the certificate in TLS_CERT_FILE`)
}

/** @returns null for what is malformed */
function parsed<T>(parse: () => T): T | null {
  try {
    return parse()
  } catch {
    return null
  }
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
