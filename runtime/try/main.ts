/**
 * `npm run try -- NAME`: talks with an assistant in the terminal, or runs its tests. Gateways of its own serve it, on this
 * machine alone.
 */
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type Config, readConfig } from '../config/config.ts'
import { addDotenv } from '../config/dotenv.ts'
import { maxHeaderBytes } from '../core/contract.ts'
import type { Log } from '../observability/log.ts'
import { talkInTerminal } from './terminal-talk.ts'

const help = `npm run try -- NAME [--language TAG]: talks with the assistant NAME in this terminal, by text
npm run try -- NAME --test [--live]: runs the scripted conversations tests/*.yaml of its folder; exits 1 when one fails

  NAME             a folder of ASSISTANTS_DIR; without it, what the environment's variables configure
  --language TAG   what instructions.md gets as the language of the person: ja, en-US
  --test           with the embedded simulator, whose model says what each test has under "model"
  --test --live    with the model that is configured, as often as each test says
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

/** Nobody waits for a load balancer here, or listens. */
const testSettings = { SIMULATOR_RATE: '200', DRAIN_LAME_DUCK_MS: '0' }

const usage = readUsage()
const { name, language, mode } = usage
const dotenvFault = addDotenv(process.env)
if (dotenvFault !== null) leave(dotenvFault)
// Read by uWebSockets.js when it is loaded, so the gateway is loaded after this line.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes)

if (mode !== 'talk' && name !== null) await testAndExit(name, mode === 'test-live')

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
    return await startGateway(configFor({}), silent())
  } catch (fault) {
    return leave(messageOf(fault))
  }
}

async function testAndExit(name: string, isLive: boolean): Promise<never> {
  const { runScriptedTests } = await import('./test-run.ts')
  try {
    const config = configFor(testSettings)
    const write = (text: string) => process.stdout.write(text)
    process.exit((await runScriptedTests({ name, config, isLive, write, log: silent() })) ? 0 : 1)
  } catch (fault) {
    return leave(messageOf(fault))
  }
}

/** @throws ConfigError */
function configFor(settings: Readonly<Record<string, string>>): Config {
  const config = readConfig({ ...process.env, ...ownSettings, ...settings })
  // Whoever runs this has the folder: access is for those who come over the network.
  return { ...config, assistants: { ...config.assistants, checksAccess: false } }
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
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

interface Usage {
  readonly name: string | null
  readonly language: string | null
  readonly mode: 'talk' | 'test' | 'test-live'
}

function readUsage(): Usage {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        language: { type: 'string' },
        test: { type: 'boolean' },
        live: { type: 'boolean' },
      },
    })
    if (values.help) {
      process.stdout.write(help)
      return process.exit(0)
    }
    if (positionals.length > 1) throw new Error(`One name is expected, and there are ${positionals.length}`)
    const { language = null, test = false, live = false } = values
    const [name = null] = positionals
    if (live && !test) throw new Error('--live goes with --test')
    if (test && name === null) throw new Error('--test needs the name of an assistant')
    if (test && language !== null) throw new Error('--language goes with a conversation, not with --test')
    return { name, language, mode: live ? 'test-live' : test ? 'test' : 'talk' }
  } catch (fault) {
    process.stderr.write(`${fault instanceof Error ? fault.message : String(fault)}\n\n${help}`)
    return process.exit(2)
  }
}

function leave(message: string): never {
  process.stderr.write(`${message}\n`)
  return process.exit(1)
}
