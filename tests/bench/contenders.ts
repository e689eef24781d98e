/** What is compared: each a process of its own before the same upstream. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type Name = 'gateway' | 'dialect' | 'bare' | 'parse' | 'haproxy' | 'direct'

export interface Contender {
  readonly name: Name
  /** Where its clients dial. */
  readonly url: string
  /** null for `direct`, where nothing stands between. */
  readonly pid: number | null
  stop(): void
}

const runtime = join(import.meta.dirname, '../../runtime/main.ts')
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

async function startGateway(name: 'gateway' | 'dialect', port: number): Promise<Contender> {
  const child = spawn(process.execPath, [...nodeArguments, runtime], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      AZURE_OPENAI_ENDPOINT: `http://127.0.0.1:${port}`,
      AZURE_OPENAI_API_KEY: 'none',
      AZURE_OPENAI_DEPLOYMENT_NAME: name,
      ...gatewayEnvironment,
      ...(name === 'dialect' && { REALTIME_DIALECT: 'preview' }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await firstLine(child, text => text.includes('"server.listening"'))
  const { port: own } = JSON.parse(line) as { port: number }
  return contenderOf(name, child, `ws://127.0.0.1:${own}/realtime`)
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
  maxconn 9000
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
  await new Promise(resolve => setTimeout(resolve, haproxyStartMs))
  return contenderOf('haproxy', child, `ws://127.0.0.1:${own}${sdkPath}?model=haproxy`)
}

/** It says nothing when it is ready. */
const haproxyStartMs = 500

function contenderOf(name: Name, child: ChildProcess, url: string): Contender {
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
