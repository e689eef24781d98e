/** Where log lines go: JSON lines into a pipe or a file, readable ones to a person at a terminal where pino-pretty is installed. */
import { writeSync } from 'node:fs'
import pino, { type DestinationStream } from 'pino'
import { shutdownSteps } from '../core/shutdown.ts'

export interface LogOutput {
  readonly destination: DestinationStream
  /**
   * Writes what is not written yet, then resolves; without it too where nobody reads, after `shutdownSteps.logLinesMs`.
   * Lines that come later may be lost. Safe to call twice.
   */
  finish(): Promise<void>
  /** At a terminal: writes a text before all lines, which wait for it. Elsewhere it is not written. */
  greet(text: string): void
}

/** Lines of a start that wait for the greeting; it has a dozen. */
const maxHeldLines = 1000

/** Lines of several processes on one pipe stay whole when no write is larger than this (PIPE_BUF, pipe(7)). */
const maxWriteBytes = 4096

export interface LogOutputOptions {
  readonly isTerminal: boolean
  /** File descriptor; the process's output where nothing is said. */
  readonly fd?: number
  /** Of lines that a slow reader has not taken yet (bytes); those that come after are lost, and counted. */
  readonly maxWaitingBytes?: number
  /** Is told, as soon as lines are taken again, how many were lost meanwhile. */
  readonly onLost: (lines: number) => void
}

export async function openLogOutput(options: LogOutputOptions): Promise<LogOutput> {
  const { isTerminal, fd = 1, maxWaitingBytes = 16 * 1024 * 1024, onLost } = options
  const pretty = isTerminal ? await loadPretty() : null
  if (pretty !== null) {
    const destination = pretty({
      messageKey: 'event',
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'pid,hostname,revision,replica',
      sync: true,
      destination: fd,
    })
    return greeting(destination, fd)
  }
  const destination = pino.destination({
    dest: fd,
    sync: false,
    maxWrite: maxWriteBytes,
    maxLength: maxWaitingBytes,
  })
  countLost(destination, onLost)
  return { destination, finish: finisher(destination), greet: () => undefined }
}

/** @returns null where the package is not installed, as in the plain image */
async function loadPretty() {
  try {
    const { default: pretty } = await import('pino-pretty')
    return pretty
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw fault
    return null
  }
}

/** Holds lines until somebody is greeted, too many have come, or all is over. */
function greeting(terminal: DestinationStream, fd: number): LogOutput {
  let held: string[] | null = []
  const release = () => {
    const lines = held ?? []
    held = null
    for (const line of lines) terminal.write(line)
  }
  const destination = {
    write: (line: string) => {
      if (held === null) return terminal.write(line)
      held.push(line)
      if (held.length > maxHeldLines) release()
    },
  }
  return {
    destination,
    finish: async () => release(),
    greet: text => {
      writeSync(fd, text)
      release()
    },
  }
}

type Destination = ReturnType<typeof pino.destination>

function countLost(destination: Destination, onLost: (lines: number) => void): void {
  let lost = 0
  destination.on('drop', () => {
    lost += 1
  })
  destination.on('drain', () => {
    if (lost === 0) return
    const lines = lost
    lost = 0
    onLost(lines)
  })
}

function finisher(destination: Destination): LogOutput['finish'] {
  const { promise: finished, resolve } = Promise.withResolvers<void>()
  const settle = () => {
    // pino calls it once more when the process exits, and it would try a broken or a full pipe for ever.
    destination.flushSync = () => undefined
    resolve()
  }
  destination.on('error', settle)
  return () => {
    setTimeout(settle, shutdownSteps.logLinesMs)
    destination.once('drain', settle)
    // Without a write there is no drain; one after `end` would throw.
    destination.write('')
    return finished
  }
}
