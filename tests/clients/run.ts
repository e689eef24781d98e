/** Runs the clients against one gateway that has its defaults, before the simulator that has its. */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { useLocalCertificate } from '../../runtime/server/local-tls.ts'
import { lineOf, startChild } from '../gateway/child.ts'
import type { Installed } from './install.ts'
import type { Client, Talk } from './roster.ts'

/** One talk of one client. */
const talkDeadlineMs = 20_000
/** Start and end of a client's process, beside its talks. */
const processMarginMs = 30_000
const startDeadlineMs = 30_000
/** What is kept of what a client's process complains of (characters). */
const keptComplaint = 1500

export interface Gateway {
  /** `https://localhost:PORT` */
  readonly url: string
  readonly certFile: string
  stop(): void
}

/** null: it held. Text: what did not. 'not served': the gateway refuses that kind of session to everyone. */
export type Outcome = { readonly client: Client; readonly faults: ReadonlyMap<Talk, string | null> }

export const notServed = 'not served'

/** Starts `runtime/main.ts` as `npm start -- --tls` does: nothing is set but where it listens. */
export async function startDefaultGateway(tls: string): Promise<Gateway> {
  const env: Record<string, string | undefined> = { PATH: process.env.PATH, PORT: '0' }
  await useLocalCertificate(env, tls)
  const main = join(import.meta.dirname, '../../runtime/main.ts')
  // Outside the checkout, where no `.env` is.
  const child = startChild(null, process.execPath, [main], { env, cwd: tls })
  const readUrl = (line: string) => {
    const { event, port } = JSON.parse(line)
    return event === 'server.listening' ? `https://localhost:${port}` : undefined
  }
  const url = await lineOf(child, readUrl, 'the gateway does not listen', startDeadlineMs)
  return { url, certFile: env.TLS_CERT_FILE ?? '', stop: () => child.kill('SIGKILL') }
}

/** Whether the gateway takes transcription sessions at all. */
export async function servesTranscription({ url }: Gateway): Promise<boolean> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/realtime?intent=transcription`, {
    rejectUnauthorized: false,
    handshakeTimeout: talkDeadlineMs,
  })
  try {
    return await new Promise<boolean>((resolve, reject) => {
      socket.once('open', () => resolve(true))
      socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode !== 400))
      socket.once('error', reject)
    })
  } finally {
    socket.on('error', () => undefined)
    socket.terminate()
  }
}

/** Lets one client hold its talks. It never throws for what the client does. */
export async function runClient(
  client: Client,
  gateway: Gateway,
  { talks, python }: Installed,
  served: (talk: Talk) => boolean,
): Promise<Outcome> {
  const program = client.runtime === 'node' ? process.execPath : python
  const child = startChild(null, program, [join(talks, client.script)], {
    env: {
      PATH: process.env.PATH,
      GATEWAY_URL: gateway.url,
      TALK_DEADLINE_MS: String(talkDeadlineMs),
      NODE_EXTRA_CA_CERTS: gateway.certFile,
      SSL_CERT_FILE: gateway.certFile,
    },
    showsErrors: false,
  })
  const told = new Map<string, string | null>()
  createInterface({ input: child.stdout }).on('line', line => {
    // A client may print what it likes.
    if (!line.startsWith('{"talk":')) return
    const { talk, fault } = JSON.parse(line)
    told.set(talk, fault)
  })
  let complaint = ''
  child.stderr.on('data', chunk => {
    complaint = `${complaint}${chunk}`.slice(-keptComplaint)
  })
  const steps = [...client.talks, ...Object.keys(client.more ?? {})]
  const timer = setTimeout(() => child.kill('SIGKILL'), steps.length * talkDeadlineMs + processMarginMs)
  const code = await new Promise(resolve => {
    child.once('error', fault => resolve(fault.message))
    child.once('close', resolve)
  })
  clearTimeout(timer)
  const faults = new Map<Talk, string | null>()
  for (const step of steps) {
    const talk = client.more?.[step] ?? (step as Talk)
    const missing = `the client's process ended (${code}) before it: ${complaint.trim()}`
    const fault = served(talk) ? (told.has(step) ? (told.get(step) ?? null) : missing) : notServed
    faults.set(talk, faults.get(talk) ?? fault)
  }
  return { client, faults }
}
