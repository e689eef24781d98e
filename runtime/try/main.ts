/** `npm run try -- NAME`: talks with an assistant in the terminal. A gateway of its own serves it, on this machine alone. */
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '../config/config.ts'
import { maxHeaderBytes } from '../core/contract.ts'
import type { Log } from '../observability/log.ts'
import { talkInTerminal } from './terminal-talk.ts'

const help = `npm run try -- NAME [--language TAG]: talks with the assistant NAME in this terminal, by text

  NAME             a folder of ASSISTANTS_DIR; without it, what the environment's variables configure
  --language TAG   what instructions.md gets as the language of the person: ja, en-US
  --help           this text

The model is the one that .env and the environment configure; without one, the embedded simulator.
Each line that you type is a turn; Ctrl+D, or the end of what is piped in, ends the conversation.
`

/** This gateway is for one person at this machine. */
const ownSettings = {
  HOST: '127.0.0.1',
  PORT: '0',
  WORKERS: '1',
  GATEWAY_AUTH: 'none',
  TLS_CERT_FILE: '',
  TLS_KEY_FILE: '',
  REDIS_URL: '',
  SCALE_SESSIONS_PER_REPLICA: '0',
  ASSISTANTS_WATCH: 'false',
  // Nothing is heard here: the embedded simulator need not speak at the pace of speech.
  SIMULATOR_RATE: '20',
}

const usage = readUsage()
const { name, language } = usage
const dotenv = '.env'
if (existsSync(dotenv)) process.loadEnvFile(dotenv)
// Read by uWebSockets.js when it is loaded, so the gateway is loaded after this line.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes)

const { startGateway } = await import('../gateway/gateway.ts')
const gateway = await startOrExit()
const query = new URLSearchParams({
  ...(name !== null && { assistant: name }),
  ...(language !== null && { language }),
})
const isTerminal = process.stdin.isTTY === true
const end = await talkInTerminal({
  url: `${gateway.url.replace(/^http/, 'ws')}/chat?${query}`,
  lines: typedLines(),
  write: text => process.stdout.write(text),
  greets: await greets(),
  prompt: isTerminal ? '> ' : '',
})
await gateway.close()
if (end.kind === 'broken') leave(end.reason)
if (isTerminal) process.stdout.write('\n')
process.exit(0)

async function startOrExit() {
  try {
    const config = readConfig({ ...process.env, ...ownSettings })
    // Whoever runs this has the folder: access is for those who come over the network.
    return await startGateway({ ...config, assistants: { ...config.assistants, isGuarded: false } }, silent())
  } catch (fault) {
    return leave(fault instanceof ConfigError || fault instanceof Error ? fault.message : String(fault))
  }
}

async function greets(): Promise<boolean> {
  if (name === null) return false
  const answer = await fetch(`${gateway.url}/assistants`)
  const { assistants } = (await answer.json()) as { assistants: { name: string; greets: boolean }[] }
  return assistants.find(assistant => assistant.name === name)?.greets ?? false
}

/** Reads from when the first line is asked for: what readline reads before that it does not keep. */
async function* typedLines(): AsyncGenerator<string> {
  yield* createInterface({ input: process.stdin, terminal: false })
}

function silent(): Log {
  return {
    info: () => undefined,
    warn: (event, fields = {}) => {
      if (event === 'upstream.failed') process.stderr.write(`${event} ${JSON.stringify(fields)}\n`)
    },
    error: (event, fields = {}) => void process.stderr.write(`${event} ${JSON.stringify(fields)}\n`),
  }
}

function readUsage(): { name: string | null; language: string | null } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean' }, language: { type: 'string' } },
    })
    if (values.help) {
      process.stdout.write(help)
      return process.exit(0)
    }
    if (positionals.length > 1) throw new Error(`One name is expected, and there are ${positionals.length}`)
    return { name: positionals[0] ?? null, language: values.language ?? null }
  } catch (fault) {
    process.stderr.write(`${fault instanceof Error ? fault.message : String(fault)}\n\n${help}`)
    return process.exit(2)
  }
}

function leave(message: string): never {
  process.stderr.write(`${message}\n`)
  return process.exit(1)
}
