/** A real Redis for a test: on a free port, in memory, stopped and started at will. */
import { execFileSync } from 'node:child_process'
import { type Child, lineOf, startChild } from '../gateway/child.ts'
import { freePort } from '../gateway/free-port.ts'
import type { Stage } from '../gateway/start.ts'
import { patienceMs, within } from '../gateway/within.ts'

export interface RedisServer {
  readonly url: string
  /** Sends a command, past every store: its words, as `redis-cli` takes them. */
  command(...words: string[]): void
  /** It takes connections and answers nothing, until `resume`. */
  suspend(): void
  resume(): void
  /** Kills it without warning; what it held is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
}

/** Starts a Redis; it is killed when the test ends. */
export async function redisServer(t: Stage): Promise<RedisServer> {
  let port = await freePort()
  // Another test may have taken the port meanwhile.
  let child = await start(t, port).catch(async () => {
    port = await freePort()
    return start(t, port)
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    command: (...words) => void execFileSync('redis-cli', ['-p', String(port), ...words]),
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: async () => {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGKILL')
      await within(gone, patienceMs, 'redis-server does not end')
    },
    restart: async () => {
      child = await start(t, port)
    },
  }
}

async function start(t: Stage, port: number): Promise<Child> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = startChild(t, 'redis-server', args)
  try {
    await lineOf(
      child,
      line => line.includes('Ready to accept connections') || undefined,
      `redis-server takes no connections on port ${port}`,
    )
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ENOENT') throw fault
    throw new Error('redis-server is missing: run "apt-get install -y redis-server"')
  }
  return child
}
