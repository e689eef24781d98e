/** The process: environment in, logs out, signals handled. The only file that touches `process`. */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { CommandLineError, help, readCommandLine } from './config/command-line.ts'
import { ConfigError, isLoopback, readConfig } from './config/config.ts'
import { addDotenv } from './config/dotenv.ts'
import { maxHeaderBytes } from './core/contract.ts'
import { describeFault } from './core/fault-boundary.ts'
import { shutdownMs } from './core/shutdown.ts'
import { createLog, logOptions } from './observability/log.ts'
import { openLogOutput } from './observability/log-output.ts'

/** A gateway, or the supervisor of several. */
interface Serving {
  readonly url: string
  stopListening?(): void
  drain(withinMs?: number): Promise<void>
  close(): Promise<void>
}

const { worker, tls, help: isHelpAsked } = readCommandLineOrExit()
if (isHelpAsked) {
  process.stdout.write(help)
  process.exit(0)
}

if (worker === 0) addDotenvOrExit()
if (tls) await useLocalCertificateOrExit()

// Read by uWebSockets.js when it is loaded, so the gateway is loaded after this line.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes)

// The exporter of Azure Monitor would tell its maker how it fares.
for (const name of ['APPLICATION_INSIGHTS_NO_STATSBEAT', 'APPLICATIONINSIGHTS_SDKSTATS_DISABLED'])
  process.env[name] ??= 'true'

const config = readConfigOrExit()
const { revision, replica } = config
const output = await openLogOutput({
  isTerminal: process.stdout.isTTY,
  onLost: lines => log.warn('log.lost', { lines }),
})
const log = createLog(
  logOptions(config.logLevel, { revision, replica, ...(worker > 0 && { worker }) }),
  output.destination,
)

if (worker === 0) for (const message of config.warnings) log.warn('setting.unknown', { message })

/** After a fault of the process itself its sessions have this long (ms): state may be broken, so not the whole deadline. */
const failedDrainMs = 5000

// Connections' faults are caught where they enter; what comes here is a bug, and nobody knows what it broke.
for (const kind of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(kind, (fault: unknown) => {
    log.error('process.failed', { kind, ...describeFault(fault) })
    setTimeout(() => void leave(1), failedDrainMs + shutdownMs)
    void end(1, failedDrainMs)
  })

/** Processes that serve who tries the gateway at a terminal: the chat page ends one, and the other goes on. */
const triedWorkers = 2
const isTried =
  worker === 0 &&
  config.target === null &&
  !process.env.WORKERS &&
  process.stdout.isTTY &&
  // Elsewhere Node cannot share a port among processes.
  process.platform === 'linux'
const workerCount = isTried
  ? triedWorkers
  : config.workers === 'auto'
    ? availableParallelism()
    : config.workers

let ending: Promise<never> | null = null
let serving: Serving | null = null
const starting = start()
// Also whoever is told to go while it starts goes in good order.
let signals = 0
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onSignal(signal))
serving = await starting.catch((fault: Error) => {
  if (process.stdout.isTTY) process.stderr.write(`${fault.message}\n`)
  else log.error('process.failed', { error: fault.message })
  return leave(1)
})
greet(serving)

async function start(): Promise<Serving> {
  if (worker > 0) return startAsWorker()
  if (workerCount > 1) return startWorkers(workerCount)
  const { startGateway } = await import('./gateway/gateway.ts')
  return startGateway(config, log)
}

async function startWorkers(count: number): Promise<Serving> {
  const { startSupervisor } = await import('./workers/supervisor.ts')
  const [, program = '', ...flags] = process.argv
  return startSupervisor({
    config,
    count,
    log,
    fork: number => fork(program, [...flags, `--worker=${number}`]),
    onGivenUp: fault => {
      log.error('process.failed', { error: fault.message })
      void end(1)
    },
  })
}

async function startAsWorker(): Promise<Serving> {
  const [{ startWorker }, { startGateway }] = await Promise.all([
    import('./workers/worker.ts'),
    import('./gateway/gateway.ts'),
  ])
  const onOrphaned = () => {
    log.warn('worker.orphaned')
    serving?.stopListening?.()
    void end()
  }
  return startWorker({
    config,
    log,
    line: process,
    startGateway,
    onDrain: withinMs => void end(0, withinMs),
    onOrphaned,
  })
}

function onSignal(signal: string): void {
  signals += 1
  log.info('signal.received', { signal })
  if (signals > 1) {
    void serving?.close()
    void leave(1)
  }
  // The other workers still welcome whom a gateway that is alone would have to refuse.
  if (worker > 0) serving?.stopListening?.()
  void end()
}

/** Ends in good order, once. @param withinMs sooner than the configured deadline (ms) */
function end(code = 0, withinMs?: number): Promise<never> {
  ending ??= (async () => {
    // A worker may be told to go in the moment in which it begins to serve.
    const running = serving ?? (await starting.catch(() => null))
    const failed = await running?.drain(withinMs).then(
      () => false,
      (fault: Error) => {
        log.error('process.failed', { error: fault.message })
        return true
      },
    )
    await running?.close()
    return leave(failed ? 1 : code)
  })()
  return ending
}

function readCommandLineOrExit(): ReturnType<typeof readCommandLine> {
  try {
    return readCommandLine(process.argv.slice(2))
  } catch (fault) {
    if (!(fault instanceof CommandLineError)) throw fault
    process.stderr.write(`${fault.message}\n`)
    return process.exit(2)
  }
}

function addDotenvOrExit(): void {
  const fault = addDotenv(process.env)
  if (fault === null) return
  process.stderr.write(`${fault}\n`)
  process.exit(1)
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

async function useLocalCertificateOrExit(): Promise<void> {
  const { useLocalCertificate } = await import('./server/local-tls.ts')
  await useLocalCertificate(process.env).catch((fault: Error) => {
    process.stderr.write(`--tls: ${fault.message}; set TLS_CERT_FILE and TLS_KEY_FILE\n`)
    return process.exit(1)
  })
}

/** What a person at a terminal wants to know first. */
function greet({ url }: Serving): void {
  const upstream = config.target?.label ?? 'the embedded simulator: no account, no cost, no network'
  const open = isLoopback(config.host) ? '' : '  This address can be reached from other machines.\n'
  if (worker > 0) return output.greet('')
  const plug = isTried
    ? '  Two processes serve: "Kill the server" on the page ends one, and the other goes on.\n'
    : ''
  output.greet(`\n  Talk at ${url}\n  The model is ${upstream}.\n${plug}${open}  Ctrl+C ends it.\n\n`)
}

async function leave(code: number): Promise<never> {
  await output.finish()
  return process.exit(code)
}
