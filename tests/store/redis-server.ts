/** A real Redis for a test: on a free port, in memory, stopped and started at will. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { freePort } from '../gateway/free-port.ts'
import type { Stage } from '../gateway/start.ts'

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
  let child = await start(port).catch(async () => {
    port = await freePort()
    return start(port)
  })
  t.teardown(() => child.kill('SIGKILL'))
  return {
    url: `redis://127.0.0.1:${port}`,
    command: (...words) => void execFileSync('redis-cli', ['-p', String(port), ...words]),
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: async () => {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
    restart: async () => {
      child = await start(port)
    },
  }
}

async function start(port: number): Promise<ChildProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.once('error', () =>
      reject(new Error('redis-server is missing: run "apt-get install -y redis-server"')),
    )
    child.once('exit', code => reject(new Error(`redis-server exited with ${code}`)))
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.includes('Ready to accept connections')) resolve()
    })
  })
  return child
}
