/** What is compared: each a process of its own before the same upstream. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as rest } from 'node:timers/promises'
import { maxOpenFiles } from './process-tree.ts'

/**
 * `dialect` is a gateway before an upstream of the preview dialect, `chat` one whose clients are on `/chat`,
 * `workers` one of two workers; `direct` is nothing between clients and upstream.
 */
export type Name = GatewayName | 'bare' | 'parse' | 'haproxy' | 'direct'
type GatewayName = 'gateway' | 'dialect' | 'chat' | 'workers'

export interface Contender {
  readonly name: Name
  /** Where its clients dial. */
  readonly url: string
  /** What its clients say first, and the message from which on they count; without it, the first one is. */
  readonly opening?: { readonly greeting: string; readonly until: string }
  /** null for `direct`, where nothing stands between. */
  readonly pid: number | null
  stop(): void
}

const root = join(import.meta.dirname, '../..')
/** As `npm start` runs it, and the image. */
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: { start: string }
}
const start = scripts.start.split(' ').slice(1)
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
  return name !== 'haproxy' || spawnSync('haproxy', ['-v']).status === 0
}

/** @param port the upstream's */
export async function startContender(name: Name, port: number): Promise<Contender> {
  if (name === 'direct')
    return { name, url: `ws://127.0.0.1:${port}${sdkPath}?model=direct`, pid: null, stop: () => undefined }
  if (name === 'haproxy') return startHaproxy(port)
  if (name === 'bare' || name === 'parse') return startRelay(name, port)
  return startGateway(name, port)
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

async function startGateway(name: GatewayName, port: number): Promise<Contender> {
  const child = spawn(process.execPath, [...nodeArguments, ...start], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
      AZURE_OPENAI_API_KEY: 'none',
      AZURE_OPENAI_DEPLOYMENT_NAME: name,
      ...gatewayEnvironment,
      ...differences[name],
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let awaited = Number(differences[name].WORKERS ?? 1)
  // Each worker says so, of the one port.
  const isLast = (text: string) => {
    if (text.includes('"server.listening"')) awaited -= 1
    return awaited === 0
  }
  const { port: own } = JSON.parse(await firstLine(child, isLast)) as { port: number }
  if (name !== 'chat') return contenderOf(name, child, `ws://127.0.0.1:${own}/realtime`)
  return { ...contenderOf(name, child, `ws://127.0.0.1:${own}/chat`), opening: chatOpening }
}

/** BENCH_NODE_ARGS goes to the gateway and to the relays alike, for example `--cpu-prof --cpu-prof-dir=/tmp/profiles`. */
const nodeArguments = (process.env.BENCH_NODE_ARGS ?? '').split(' ').filter(word => word !== '')

async function startRelay(name: 'bare' | 'parse', port: number): Promise<Contender> {
  const child = spawn(
    process.execPath,
    [...nodeArguments, join(relays, `${name}.ts`), `ws://127.0.0.1:${port}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const own = await firstLine(child, text => /^\d+$/.test(text))
  return contenderOf(name, child, `ws://127.0.0.1:${own}${sdkPath}?model=${name}`)
}

async function startHaproxy(port: number): Promise<Contender> {
  const own = await freePort()
  const file = join(mkdtempSync(join(tmpdir(), 'bench-')), 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${haproxyConnections}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend relay
  bind 127.0.0.1:${own}
  default_backend upstream
backend upstream
  server upstream 127.0.0.1:${port}
`,
  )
  const child = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'ignore' })
  const contender = contenderOf('haproxy', child, `ws://127.0.0.1:${own}${sdkPath}?model=haproxy`)
  await untilListening(own)
  return contender
}

const ownFiles = 200

/** Sessions that one relay can hold here: each has two sockets, and the relay has files of its own. */
export function mostSessions(): number {
  return Math.floor((maxOpenFiles() - ownFiles) / 2)
}

/** More than any row opens. It does not start with more than the limit of open files allows. */
const haproxyConnections = Math.min(11_000, mostSessions())

/** HAProxy says nothing when it is ready. @throws Error when nobody listens in time */
async function untilListening(port: number): Promise<void> {
  for (const deadline = performance.now() + startMs; ; await rest(pollMs)) {
    const isThere = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isThere) return
    if (performance.now() > deadline) throw new Error(`nobody listens on port ${port}`)
  }
}

const startMs = 10_000
const pollMs = 20

/** A run that breaks off leaves nothing behind. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

function contenderOf(name: Name, child: ChildProcess, url: string): Contender {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return { name, url, pid: child.pid ?? null, stop: () => child.kill('SIGINT') && child.kill('SIGINT') }
}

function firstLine(child: ChildProcess, fits: (line: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`a contender ended with ${code}`)))
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', line => fits(line) && resolve(line))
  })
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
