/** The gateway as people run it: a child process with the embedded simulator. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startChild } from '../gateway/child.ts'

const main = fileURLToPath(new URL('../../runtime/main.ts', import.meta.url))
/** Not the repository's root: a developer's `.env` there would lead the tests to a real model. */
const folder = fileURLToPath(new URL('.', import.meta.url))
const startTimeoutMs = 30_000

export interface Gateway {
  /** Address of the chat page. */
  url: string
  port: number
  /** Ends the process and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts a gateway on loopback and waits until it listens.
 * @param port 0 takes any free one
 * @throws Error with the process's output where it ends before it listens
 */
export async function startGateway(port = 0, env: Record<string, string> = {}): Promise<Gateway> {
  const child = startChild(null, process.execPath, [main], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'info',
      DRAIN_LAME_DUCK_MS: '0',
      // Where there are none: their tools take a process each.
      ASSISTANTS_DIR: import.meta.dirname,
      ...env,
    },
    showsErrors: false,
  })
  const ended = once(child, 'exit')
  const actualPort = await listeningPort(child)
  return {
    url: `http://127.0.0.1:${actualPort}/`,
    port: actualPort,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      await ended
    },
  }
}

async function listeningPort(child: ChildProcess): Promise<number> {
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new TypeError('the gateway has no output to read')
  const output: string[] = []
  stderr.on('data', chunk => output.push(String(chunk)))
  const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs)
  for await (const line of createInterface({ input: stdout })) {
    output.push(line)
    const port = readPort(line)
    if (port === undefined) continue
    clearTimeout(timer)
    // Nobody reads on: a full pipe would stop the gateway.
    stdout.resume()
    return port
  }
  clearTimeout(timer)
  throw new Error(`the gateway did not start:\n${output.join('\n')}`)
}

function readPort(line: string): number | undefined {
  if (!line.includes('"server.listening"')) return undefined
  const { port } = JSON.parse(line)
  return typeof port === 'number' ? port : undefined
}
