/**
 * The clients of the rehearsal at any address of the Realtime API while its server is restarted. They speak the API's own
 * protocol: no tickets, no notices. What broke off is asked again in a new session, as an application does it.
 */
import { spawn } from 'node:child_process'
import { ScriptedClient } from './client.ts'
import { realtimeAt } from './endpoints.ts'
import type { Options } from './options.ts'
import { portableProofs } from './portable-proofs.ts'
import type { Watched } from './target.ts'
import type { ClientRecord, Mark, Script } from './types.ts'
import { sleep } from './waits.ts'

/** Half of them are in the middle of a long answer when the server goes. */
const rotation: readonly Script[] = ['speaking', 'turns', 'speaking', 'idle']
const batch = 10
const watchIntervalMs = 1000

/** A client that is not in the middle of its answer by then is not waited for (ms). */
const partMs = 15_000

/** A restart that takes longer has failed (ms). */
const restartMs = 180_000

/** Who is not back and answered by then does not come back (ms). */
const backMs = 120_000

/** For all together to say what they remember (ms). */
const finishMs = 120_000

/** A server that gives no sign for so long is given up; it is pinged more often than that (ms). */
const silenceMs = 20_000
const pingMs = 5000

/** At once, and then as SDKs' users are told to: twice as long each time, and not all together. */
const retry = {
  waitMs: (attempt: number) =>
    attempt === 1 ? 0 : Math.min(2000, 100 * 2 ** (attempt - 2)) * (0.5 + Math.random() / 2),
  attempts: 100,
}

/** How the restart command ended. */
export interface Restart {
  readonly command: string
  /** What went wrong; '' where nothing did. */
  readonly failure: string
}

export class PortableRun {
  readonly #target: URL
  readonly #options: Options
  readonly #say: (line: string) => void
  readonly #startedAt = performance.now()
  readonly #clients: ScriptedClient[] = []
  readonly #marks: Mark[] = []

  constructor(target: string, options: Options, progress: (line: string) => void) {
    this.#target = new URL(target)
    this.#options = options
    this.#say = progress
  }

  readonly #now = () => Math.round(performance.now() - this.#startedAt)

  async run(): Promise<Watched> {
    const { sessions, duration, restartCommand } = this.#options
    try {
      this.#say(`opening ${sessions} conversations at ${this.#target.origin} …`)
      await this.#open(sessions)
      this.#mark('open')
      if (restartCommand !== null) await this.#talkFor(duration)
      await this.#beginParts()
      const restart = await this.#watchRestart()
      this.#mark('waiting for all to be back')
      await this.#waitUntil(() => this.#clients.every(client => client.isIdle), backMs)
      const back = this.#clients.filter(client => client.isIdle).map(({ record }) => record.id)
      this.#mark('asked what they remember')
      await Promise.race([Promise.all(this.#clients.map(client => client.finish())), sleep(finishMs)])
      this.#mark('done')
      const clients = this.#clients.map(({ record }) => withGenerations(record, this.#firstClose()))
      return { marks: this.#marks, clients, proofs: portableProofs(clients, back, restart) }
    } finally {
      for (const client of this.#clients) client.stop()
    }
  }

  /** @returns how the command ended; null where somebody else restarts the server */
  async #watchRestart(): Promise<Restart | null> {
    const { duration, restartCommand } = this.#options
    if (restartCommand === null) {
      this.#mark('watching')
      this.#say(`conversations are open for ${duration} s: restart the server now`)
      await this.#talkFor(duration)
      return null
    }
    this.#mark('restart')
    const running = runCommand(restartCommand)
    let isRunning = true
    void running.then(() => {
      isRunning = false
    })
    await this.#talkWhile(() => isRunning)
    const failure = await running
    this.#mark(failure === '' ? 'restart command ended' : 'restart command failed')
    await this.#talkFor(duration)
    return { command: restartCommand, failure }
  }

  async #open(count: number): Promise<void> {
    const manner = realtimeAt(`${this.#target.pathname}${this.#target.search}`)
    const url = this.#target.origin
    const headers = credentialFor(this.#target.hostname)
    for (let opened = 0; opened < count; opened += batch) {
      const clients = Array.from({ length: Math.min(batch, count - opened) }, (_, place) => {
        const script = rotation[(opened + place) % rotation.length] ?? 'idle'
        const client = new ScriptedClient({
          ...{ id: this.#clients.length + 1, script, cohort: 'first', manner, url, headers, voice: null },
          ...{ now: this.#now, silenceMs, pingMs, retry, expectsWholeMemory: true },
        })
        this.#clients.push(client)
        return client
      })
      await Promise.all(clients.map(client => client.start()))
    }
  }

  async #beginParts(): Promise<void> {
    for (const client of this.#clients) client.beginPart()
    await Promise.race([Promise.all(this.#clients.map(client => client.inPart())), sleep(partMs)])
  }

  #talkFor(seconds: number): Promise<void> {
    const end = this.#now() + seconds * 1000
    return this.#talkWhile(() => this.#now() < end)
  }

  /** Keeps long answers going, so that a restart at any moment meets some. */
  async #talkWhile(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      await sleep(watchIntervalMs)
      for (const client of this.#clients) client.beginPart()
    }
  }

  async #waitUntil(isDone: () => boolean, withinMs: number): Promise<void> {
    const end = this.#now() + withinMs
    while (!isDone() && this.#now() < end) await sleep(watchIntervalMs)
  }

  #firstClose(): number {
    const closes = this.#clients.flatMap(({ record }) =>
      record.links.map(({ closedAt }) => closedAt ?? Infinity),
    )
    return Math.min(...closes)
  }

  #mark(what: string): void {
    this.#marks.push({ at: this.#now(), what })
    this.#say(`${(this.#now() / 1000).toFixed(1).padStart(6)} s  ${what}`)
  }
}

/** A server that does not name its revision is told apart by time: before and after the first connection broke. */
function withGenerations(record: ClientRecord, brokeAt: number): ClientRecord {
  const links = record.links.map(link =>
    link.revision === 'unknown' ? { ...link, revision: link.openedAt < brokeAt ? 'before' : 'after' } : link,
  )
  return { ...record, links }
}

/** Azure takes a key by a header of its own, all others as a bearer token. */
function credentialFor(host: string): Record<string, string> {
  const credential = process.env.TARGET_CREDENTIAL ?? ''
  if (credential === '') return {}
  return host.endsWith('.azure.com') ? { 'api-key': credential } : { Authorization: `Bearer ${credential}` }
}

/** Runs a command by the shell. @returns what went wrong; '' where it ended with 0 */
async function runCommand(command: string): Promise<string> {
  const child = spawn(command, { shell: true, stdio: ['ignore', 'inherit', 'inherit'], timeout: restartMs })
  return new Promise(resolve => {
    child.once('error', fault => resolve(fault.message))
    // Its output may stay open in a server that it has started.
    child.once('exit', (code, signal) =>
      resolve(code === 0 ? '' : `the command ended with ${code ?? signal}`),
    )
  })
}
