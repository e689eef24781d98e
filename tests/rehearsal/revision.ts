/** One revision of the gateway as a real process, ended by the rules of a grace period. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { lineOf, startChild } from '../gateway/child.ts'
import { untilReady } from '../gateway/within.ts'
import type { Plant } from './options.ts'
import { Waits } from './waits.ts'

export interface RevisionOptions {
  readonly name: string
  readonly replica: string
  readonly graceSec: number
  readonly pingIntervalSec: number
  readonly env: Readonly<Record<string, string>>
  readonly plant: Plant
}

export interface Ending {
  readonly code: number | null
  readonly signal: string | null
  /** From SIGTERM to the end (ms). */
  readonly ms: number
  /** The grace period ran out. */
  readonly killed: boolean
  /** Names of the log events after the signal, in order. */
  readonly events: readonly string[]
}

interface Log {
  readonly events: string[]
  readonly waits: Waits
}

const main = fileURLToPath(new URL('../../runtime/main.ts', import.meta.url))
const planted = fileURLToPath(new URL('planted.ts', import.meta.url))

/** The drain ends five seconds inside the grace period; a short one leaves what it can. */
const deadlineMs = (graceSec: number) => (graceSec > 6 ? (graceSec - 5) * 1000 : graceSec * 600)

export class Revision {
  readonly name: string
  readonly port: number
  readonly #child: ChildProcess
  readonly #graceMs: number
  readonly #log: Log

  private constructor(options: RevisionOptions, child: ChildProcess, port: number, log: Log) {
    this.name = options.name
    this.port = port
    this.#child = child
    this.#graceMs = options.graceSec * 1000
    this.#log = log
  }

  /** Starts it and waits until it is ready. */
  static async start(options: RevisionOptions): Promise<Revision> {
    const { name, replica, graceSec, pingIntervalSec, env, plant } = options
    const child = startChild(null, process.execPath, [plant === 'none' ? main : planted], {
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        CONTAINER_APP_REVISION: name,
        CONTAINER_APP_REPLICA_NAME: replica,
        DRAIN_DEADLINE_MS: String(deadlineMs(graceSec)),
        DRAIN_LAME_DUCK_MS: '1000',
        REALTIME_HEARTBEAT_SEC: String(pingIntervalSec),
        // On loopback no other host is believed; here it is a label's.
        ALLOWED_ORIGINS: ['blue', 'green'].map(label => `http://${label}---app.example`).join(','),
        REHEARSAL_PLANT: plant,
        // Where there are none: a grace period may be shorter than their tools take.
        ASSISTANTS_DIR: import.meta.dirname,
        ...env,
      },
    })
    const log: Log = { events: [], waits: new Waits() }
    const readLine = (line: string): number | undefined => {
      const { event, port } = JSON.parse(line)
      log.events.push(event)
      log.waits.changed()
      return event === 'server.listening' ? port : undefined
    }
    const port = await lineOf(child, readLine, `revision ${name} does not listen`)
    await untilReady(`http://127.0.0.1:${port}`)
    return new Revision(options, child, port, log)
  }

  /** Resolves when its log has an event. */
  logged(event: string): Promise<void> {
    return this.#log.waits.until(() => this.#log.events.includes(event))
  }

  /** SIGTERM, and SIGKILL when the grace period is over; or SIGKILL at once. */
  async end(how: 'SIGTERM' | 'SIGKILL'): Promise<Ending> {
    const startedAt = performance.now()
    const before = this.#log.events.length
    let killed = false
    const timer = setTimeout(() => {
      killed = true
      this.#child.kill('SIGKILL')
    }, this.#graceMs)
    const closed = new Promise<[number | null, string | null]>(resolve =>
      this.#child.once('close', (code, signal) => resolve([code, signal])),
    )
    this.#child.kill(how)
    const [code, signal] = await closed
    clearTimeout(timer)
    return {
      code,
      signal,
      killed,
      ms: Math.round(performance.now() - startedAt),
      events: this.#log.events.slice(before),
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}
