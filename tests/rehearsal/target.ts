/** The same clients against a deployed gateway, while its revisions are moved: from here by `az`, or by somebody. */
import { commandOf, findNewest, run, type Step, stepsOf } from './azure.ts'
import { ScriptedClient } from './client.ts'
import type { AzureApp, Options } from './options.ts'
import { targetProofs } from './target-proofs.ts'
import type { ClientRecord, Mark, Proof, Script } from './types.ts'
import { sleep } from './waits.ts'

/** Scripts that every deployment can play; `/realtime` may be filtered, so nobody listens there. */
const rotation: readonly Script[] = ['idle', 'speaking', 'turns', 'sdk', 'connecting']
const batch = 10
const watchIntervalMs = 2000
const settleMs = 1000

/** The longest grace period there is, and a minute for the platform (ms). */
const longestDrainMs = 660_000

/** A conversation that has not said what it remembers by then does not remember (ms). */
const finishMs = 120_000

export interface Watched {
  readonly marks: readonly Mark[]
  readonly clients: readonly ClientRecord[]
  readonly proofs: readonly Proof[]
}

export class TargetRun {
  readonly #url: string
  readonly #options: Options
  readonly #say: (line: string) => void
  readonly #startedAt = performance.now()
  readonly #clients: ScriptedClient[] = []
  readonly #marks: Mark[] = []
  /** Commands that were run, and the one that failed. */
  readonly #ran: string[] = []
  #failure = ''

  constructor(url: string, options: Options, progress: (line: string) => void) {
    this.#url = url
    this.#options = options
    this.#say = progress
  }

  readonly #now = () => Math.round(performance.now() - this.#startedAt)

  async run(): Promise<Watched> {
    const { sessions, azure } = this.#options
    this.#say(`opening ${sessions} conversations at ${this.#url} …`)
    await this.#open('first', sessions)
    this.#mark('open')
    const from = azure.from || this.#mostFound()
    if (azure.app === '') await this.#watch(stepsOf({ ...azure, from }))
    else await this.#move({ ...azure, from })
    this.#mark('asked what they remember')
    await Promise.race([Promise.all(this.#clients.map(client => client.finish())), sleep(finishMs)])
    this.#mark('done')
    for (const client of this.#clients) client.stop()
    const clients = this.#clients.map(({ record }) => record)
    const commands = azure.app === '' ? null : { ran: this.#ran, failure: this.#failure }
    return { marks: this.#marks, clients, proofs: targetProofs(clients, commands) }
  }

  /** Somebody else moves the revisions. */
  async #watch(steps: readonly Step[]): Promise<void> {
    const { duration } = this.#options
    const commands = steps.map(step => `  ${commandOf(step)}`)
    this.#say(
      `conversations are open for ${duration} s. Move the revisions now:\n${commands.join('\n')}\n(the next "pulumi up" puts the weights of the stack back)`,
    )
    const end = this.#now() + duration * 1000
    while (this.#now() < end) {
      await sleep(Math.min(watchIntervalMs, end - this.#now()))
      for (const client of this.#clients) client.beginPart()
      // Weights concern new connections: one of them shows where they go.
      await this.#open('later', 1)
      this.#say(this.#places())
    }
  }

  /** Moves the revisions from here. What fails is said, and left to somebody's hands. */
  async #move(azure: AzureApp): Promise<void> {
    let steps = stepsOf(azure)
    try {
      steps = stepsOf({ ...azure, to: azure.to || (await findNewest(azure)) })
      while (steps[0] !== undefined) {
        await this.#step(steps[0])
        steps = steps.slice(1)
      }
      await this.#untilLeft(azure.from)
    } catch (fault) {
      this.#failure = fault instanceof Error ? fault.message : String(fault)
      this.#mark('az failed')
      this.#say(this.#failure)
      await this.#watch(steps)
    }
  }

  async #step(step: Step): Promise<void> {
    if (step.what === 'deactivation') {
      for (const client of this.#clients) client.beginPart()
      await sleep(settleMs)
    }
    this.#say(commandOf(step))
    await run(step.args)
    this.#ran.push(commandOf(step))
    this.#mark(step.what)
    if (step.what === 'deactivation') return
    await this.#open(step.what, Math.max(2, Math.ceil(this.#options.sessions / 10)))
    await sleep(this.#options.duration * 1000)
  }

  async #untilLeft(revision: string): Promise<void> {
    const end = this.#now() + longestDrainMs
    const left = () => this.#clients.filter(({ link }) => link?.revision === revision && !link.closedAt)
    while (left().length > 0 && this.#now() < end) {
      await sleep(watchIntervalMs)
      this.#say(this.#places())
    }
    this.#mark(`${revision} is left`)
  }

  async #open(cohort: string, count: number): Promise<void> {
    const credential = process.env.TARGET_CREDENTIAL ?? ''
    const headers: Record<string, string> = credential === '' ? {} : { 'api-key': credential }
    for (let opened = 0; opened < count; opened += batch) {
      const clients = Array.from({ length: Math.min(batch, count - opened) }, (_, place) => {
        const script = rotation[(opened + place) % rotation.length] ?? 'idle'
        const [id, url] = [this.#clients.length + 1, this.#url]
        const client = new ScriptedClient({ id, script, cohort, url, headers, voice: null, now: this.#now })
        this.#clients.push(client)
        return client
      })
      await Promise.all(clients.map(client => client.start()))
    }
  }

  #mostFound(): string {
    return [...this.#counts()].sort(([, a], [, b]) => b - a)[0]?.[0] ?? ''
  }

  #counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { link } of this.#clients)
      if (link !== undefined) counts.set(link.revision, (counts.get(link.revision) ?? 0) + 1)
    return counts
  }

  #places(): string {
    return `${this.#clock()}  ${[...this.#counts()].map(([revision, count]) => `${revision}: ${count}`).join('  ')}`
  }

  #mark(what: string): void {
    this.#marks.push({ at: this.#now(), what })
    this.#say(`${this.#clock()}  ${what}`)
  }

  #clock(): string {
    return `${(this.#now() / 1000).toFixed(1).padStart(6)} s`
  }
}
