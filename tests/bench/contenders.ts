/** What is compared: each a process of its own before the same upstream. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Child, lineOf, startChild, systemPath } from '../gateway/child.ts'
import { startCommand } from '../gateway/start-command.ts'
import { spawnHaproxy, untilListening } from './haproxy.ts'
import type { LoopDelay } from './loop-delay.ts'
import type { Certificate, Upstream } from './source.ts'

/**
 * `dialect` is a gateway before an upstream of the preview dialect, `chat` one whose clients are on `/chat`,
 * `workers` one of two workers; `direct` is nothing between clients and upstream.
 */
export type Name = GatewayName | 'bare' | 'parse' | 'haproxy' | 'direct'
type GatewayName = 'gateway' | 'dialect' | 'chat' | 'workers'

export interface Contender {
  readonly name: Name
  /** By which source and clients know its sessions: its name, unless there are several of that. */
  readonly group: string
  /** Where its clients dial. */
  readonly url: string
  /** What its clients say first, and the message from which on they count; without it, the first one is. */
  readonly opening?: { readonly greeting: string; readonly until: string }
  /** null for `direct`, where nothing stands between. */
  readonly pid: number | null
  /** How long its event loop was delayed since it was last asked; absent where that is not measured. */
  loopDelay?(): Promise<LoopDelay>
  stop(): void
}

type Started = Omit<Contender, 'group' | 'loopDelay'> & { readonly child: Child }

const root = join(import.meta.dirname, '../..')

const relays = join(import.meta.dirname, 'relays')
const sdkPath = '/openai/v1/realtime'

/** Everything on: an allow-list that admits, extraction, limits that are counted and not reached, logs. */
const gatewayEnvironment = {
  REALTIME_ALLOWED_EVENT_TYPES:
    'session.*,error,response.output_audio.*,response.content_part.*,conversation.*',
  REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: 'response.output_text.done',
  REALTIME_AUTO_CLOSE: 'false',
  LIMIT_SESSIONS_PER_CREDENTIAL: '100000',
  LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL: '1000000',
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: '1000000',
  LOG_LEVEL: 'info',
}

/** Whether this machine has what a contender needs. */
export function isPresent(name: Name): boolean {
  return (
    name !== 'haproxy' ||
    spawnSync('haproxy', ['-v'], { env: { ...process.env, PATH: systemPath } }).status === 0
  )
}

export interface Starting {
  /** By which source and clients know it (default: its name). */
  readonly group?: string
  /** What a gateway has in its environment besides. */
  readonly environment?: Readonly<Record<string, string>>
  /** The checkout whose gateway is started (default: this one). */
  readonly checkout?: string
  /** With which it serves its clients by TLS (default: it serves them without). */
  readonly clientCertificate?: Certificate | null
  /** A gateway or a relay says how long its event loop was delayed (default false). */
  readonly measuresLoopDelay?: boolean
  /** A gateway collects its garbage at SIGUSR2, and so does each of its workers (default false). */
  readonly collectsGarbage?: boolean
}

/** Starts a contender before an upstream. @returns once it listens */
export async function startContender(
  name: Name,
  upstream: Upstream,
  {
    group = name,
    environment = {},
    checkout = root,
    clientCertificate = null,
    measuresLoopDelay = false,
    collectsGarbage = false,
  }: Starting = {},
): Promise<Contender> {
  const query = `${sdkPath}?model=${group}`
  if (name === 'direct')
    return { name, group, url: `ws://127.0.0.1:${upstream.port}${query}`, pid: null, stop: () => undefined }
  const flags = [
    ...nodeArguments,
    ...(measuresLoopDelay ? ['--import', loopDelayFile] : []),
    ...(collectsGarbage ? ['--expose-gc', '--import', collectGarbageFile] : []),
  ]
  const started =
    name === 'haproxy'
      ? await startHaproxy(upstream, query, clientCertificate)
      : name === 'bare' || name === 'parse'
        ? await startRelay(name, upstream, query, { clientCertificate, flags })
        : await startGateway(
            name,
            upstream,
            { AZURE_OPENAI_DEPLOYMENT_NAME: group, ...environment },
            { checkout, clientCertificate, flags },
          )
  return { ...started, group, ...(measuresLoopDelay && { loopDelay: () => askLoopDelay(started.child) }) }
}

export const loopDelayFile = join(import.meta.dirname, 'loop-delay.ts')
export const collectGarbageFile = join(import.meta.dirname, 'collect-garbage.ts')

/** Asks a process into which `loop-delay.ts` was loaded. */
export async function askLoopDelay(child: Child): Promise<LoopDelay> {
  const line = lineOf(
    child,
    text => (text.startsWith('{"loopDelay"') ? text : undefined),
    'a contender does not tell how long its event loop was delayed',
  )
  child.kill('SIGUSR2')
  return (JSON.parse(await line) as { loopDelay: LoopDelay }).loopDelay
}

/** What makes one gateway another. */
const differences: Readonly<Record<GatewayName, Record<string, string>>> = {
  gateway: {},
  dialect: { REALTIME_DIALECT: 'preview' },
  // Its sessions are in the middle of an answer from their beginning, and the row comes minutes later.
  chat: { UPSTREAM_STALL_TIMEOUT_MS: '3600000' },
  workers: { WORKERS: '2' },
}

/** A session of `/chat` dials upstream when its client first says something, and shows an answer once it began. */
const chatOpening = { greeting: '{"text":"Hello."}', until: 'transcript-reset' }

async function startGateway(
  name: GatewayName,
  upstream: Upstream,
  environment: Readonly<Record<string, string>>,
  { checkout, clientCertificate, flags }: { checkout: string } & RelayOptions,
): Promise<Started> {
  const scheme = upstream.certificate === null ? 'http' : 'https'
  const { env, args } = startCommand(checkout)
  const child = startChild(null, process.execPath, [...flags, ...args], {
    cwd: checkout,
    env: {
      ...env,
      PATH: process.env.PATH,
      PORT: '0',
      ...trusting(upstream),
      AZURE_OPENAI_ENDPOINT: `${scheme}://127.0.0.1:${upstream.port}`,
      AZURE_OPENAI_API_KEY: 'none',
      ...(clientCertificate !== null && {
        TLS_CERT_FILE: clientCertificate.certFile,
        TLS_KEY_FILE: clientCertificate.keyFile,
      }),
      ...gatewayEnvironment,
      ...differences[name],
      ...environment,
    },
  })
  let awaited = Number(differences[name].WORKERS ?? 1)
  // Each worker says so, of the one port.
  const isLast = (text: string) => {
    if (text.includes('"server.listening"')) awaited -= 1
    return awaited === 0
  }
  const { port: own } = JSON.parse(
    await lineOf(child, line => (isLast(line) ? line : undefined), `${name} does not listen`),
  ) as { port: number }
  const address = `${socketScheme(clientCertificate)}://127.0.0.1:${own}`
  if (name !== 'chat') return contenderOf(name, child, `${address}/realtime`)
  return { ...contenderOf(name, child, `${address}/chat`), opening: chatOpening }
}

/** BENCH_NODE_ARGS goes to the gateway and to the relays alike, for example `--cpu-prof --cpu-prof-dir=/tmp/profiles`. */
const nodeArguments = (process.env.BENCH_NODE_ARGS ?? '').split(' ').filter(word => word !== '')

/** Makes Node trust the upstream's own certificate besides those of the authorities it knows. */
function trusting({ certificate }: Upstream): Record<string, string> {
  return certificate === null ? {} : { NODE_EXTRA_CA_CERTS: certificate.certFile }
}

const socketScheme = (certificate: Certificate | null) => (certificate === null ? 'ws' : 'wss')

interface RelayOptions {
  readonly clientCertificate: Certificate | null
  /** Arguments of Node before the program's own. */
  readonly flags: readonly string[]
}

async function startRelay(
  name: 'bare' | 'parse',
  upstream: Upstream,
  query: string,
  { clientCertificate, flags }: RelayOptions,
): Promise<Started> {
  const origin = `${socketScheme(upstream.certificate)}://127.0.0.1:${upstream.port}`
  const files = clientCertificate === null ? [] : [clientCertificate.certFile, clientCertificate.keyFile]
  if (name === 'parse' && files.length > 0) throw new TypeError('"parse" serves no clients by TLS')
  const child = startChild(
    null,
    process.execPath,
    [...flags, join(relays, `${name}.ts`), origin, '0', ...files],
    { env: { ...process.env, ...trusting(upstream) } },
  )
  const own = await lineOf(child, text => /^\d+$/.exec(text)?.[0], `${name} does not listen`)
  return contenderOf(name, child, `${socketScheme(clientCertificate)}://127.0.0.1:${own}${query}`)
}

async function startHaproxy(
  upstream: Upstream,
  query: string,
  clientCertificate: Certificate | null,
): Promise<Started> {
  const { child, port: own } = await spawnHaproxy(upstream, clientCertificate)
  const url = `${socketScheme(clientCertificate)}://127.0.0.1:${own}${query}`
  const contender = contenderOf('haproxy', child, url)
  await untilListening(own)
  return contender
}

function contenderOf(name: Name, child: Child, url: string): Started {
  return {
    name,
    url,
    child,
    pid: child.pid ?? null,
    stop: () => child.kill('SIGINT') && child.kill('SIGINT'),
  }
}
