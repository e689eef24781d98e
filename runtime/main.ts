/** The process: environment in, logs out, signals handled. The only file that touches `process`. */
import { existsSync } from 'node:fs'
import pino from 'pino'
import { ConfigError, isLoopback, readConfig } from './config.ts'
import { maxHeaderBytes } from './contract.ts'
import type { Gateway } from './gateway.ts'
import { createLog, logOptions } from './log.ts'

const dotenv = '.env'
if (existsSync(dotenv)) process.loadEnvFile(dotenv)
if (process.argv.includes('--tls'))
  await import('./local-tls.ts').then(tls => tls.useLocalCertificate(process.env))

// Read by uWebSockets.js when it is loaded, so the gateway is loaded after this line.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes)
const { startGateway } = await import('./gateway.ts')

const config = readConfigOrExit()
const destination = await logDestination()
const log = createLog(
  logOptions(config.logLevel, { revision: config.revision, replica: config.replica }),
  destination,
)

process.on('uncaughtException', fault => {
  log.error('process.failed', { error: fault.stack })
  leave(1)
})

const gateway = await startGateway(config, log).catch((fault: Error) => {
  log.error('process.failed', { error: fault.message })
  return leave(1)
})
greet(gateway)

let signals = 0
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void onSignal(signal))

async function onSignal(signal: string): Promise<void> {
  signals += 1
  log.info('signal.received', { signal })
  if (signals > 1) return leave(1)
  await gateway.drain()
  await gateway.close()
  leave(0)
}

function readConfigOrExit(): ReturnType<typeof readConfig> {
  try {
    return readConfig(process.env)
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault
    process.stderr.write(`${fault.message}\n`)
    return process.exit(1)
  }
}

/** Logs are JSON lines; a person at a terminal gets them readable. */
async function logDestination(): Promise<pino.DestinationStream & { flushSync?: () => void }> {
  if (!process.stdout.isTTY) return pino.destination({ dest: 1, sync: false })
  const { default: pretty } = await import('pino-pretty')
  return pretty({ messageKey: 'event', ignore: 'pid,hostname,revision,replica', sync: true })
}

/** What a person at a terminal wants to know first. */
function greet({ url }: Gateway): void {
  if (!process.stdout.isTTY) return
  const upstream = config.target?.label ?? 'the embedded simulator: no account, no cost, no network'
  process.stdout.write(`\n  Talk at ${url}\n  The model is ${upstream}.\n\n`)
  if (!isLoopback(config.host)) process.stdout.write('  This address can be reached from other machines.\n\n')
}

function leave(code: number): never {
  destination.flushSync?.()
  process.exit(code)
}
