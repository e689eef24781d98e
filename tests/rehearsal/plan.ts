/**
 * The rehearsal itself: who connects when, when the weights move, when the old revision goes.
 */
import { silentIntervals } from '../../runtime/session/heartbeat.ts'
import { ScriptedClient } from './client.ts'
import type { NetworkCounts } from './network.ts'
import type { Options } from './options.ts'
import type { Ending } from './revision.ts'
import { rotation, rotationWithTools } from './script.ts'
import { type Stage, setStage, slowDialSec } from './stage.ts'
import type { RunCounts } from './tool-runs.ts'
import { type ClientRecord, type Mark, type Phase, phases, type Script } from './types.ts'
import { knock } from './upgrade-attempts.ts'
import { sleep } from './waits.ts'

/** What happened, for the proofs to be drawn from. */
export interface Outcome {
  readonly marks: readonly Mark[]
  readonly clients: readonly ClientRecord[]
  readonly ending: Ending
  /** Upgrades tried at the old revision itself while it drained: their statuses (101: taken). */
  readonly knocks: readonly number[]
  /** When the old revision was told to go. */
  readonly goneAt: number
  /** Conversations on it by phase, in that moment. */
  readonly phases: Readonly<Record<Phase, number>>
  /** Sockets that were reached by the new revision's label. */
  readonly labelled: readonly string[]
  /** What a bad network did; null where there was none. */
  readonly network: NetworkCounts | null
  /** Of the tool that runs on the server; null where there is none. */
  readonly runs: ToolOutcome | null
}

export interface ToolOutcome {
  /** Conversations on the old replica whose tool ran when it was told to go. */
  readonly running: number
  readonly counts: RunCounts
}

const batch = 20
const progressMs = 2000

/** Parts that do not end by themselves: they begin first. */
const lasting: ReadonlySet<Script> = new Set(['tool', 'listening', 'server tool'])

/** A client that is not found at its part by then is not (ms). */
const partMs = 20_000

/** On a bad network somebody is always missing: those whose dial is slow are not waited past (ms). */
const dialledMs = slowDialSec * 1000 - 1000

/** A conversation that is not back by then, or has not said what it remembers, does not (ms). */
const backMs = 30_000
const finishMs = 120_000
const askedAtOnce = 60

/** Tools that run when the old revision is told to go, run on for so long in its drain (ms). */
const runOnMs = 2000

export const oldReplica = 'blue-1'

export class Rehearsal {
  readonly #options: Options
  readonly #startedAt = performance.now()
  readonly #marks: Mark[] = []
  readonly #clients: ScriptedClient[] = []
  readonly #ends: (() => unknown)[] = []
  readonly #say: (line: string) => void

  constructor(options: Options, progress: (line: string) => void) {
    this.#options = options
    this.#say = progress
  }

  readonly #now = () => Math.round(performance.now() - this.#startedAt)

  async run(): Promise<Outcome> {
    try {
      return await this.#perform()
    } finally {
      for (const client of this.#clients) client.stop()
      for (const end of this.#ends.reverse()) await end()
    }
  }

  async #perform(): Promise<Outcome> {
    this.#say('starting Redis, the simulator, two revisions and HAProxy …')
    const stage = await setStage(this.#options, this.#ends)
    const labelled = await this.#moveWeights(stage)
    const clients = this.#clients
    const isKill = this.#options.mode === 'kill'
    if (isKill) await Promise.all(clients.map(client => client.rest()))
    await this.#beginParts(stage)
    // Who is killed before the store has the end of an answer owes it once more.
    if (isKill)
      await within(
        partMs,
        stage.stored(all => clients.every(client => client.isAmong(all))),
      )
    const phases = this.#phasesOn(oldReplica)
    const running = this.#clients.filter(isRunningTool).length
    stage.network?.release()
    const goneAt = this.#now()
    const { ending, knocks } = await this.#endOld(stage)
    if (isKill) for (const client of clients) client.goOn()
    await within(backMs, Promise.all(clients.map(client => client.away(oldReplica))))
    this.#mark('asked what they remember')
    await this.#reporting(
      () => `${this.#clients.filter(({ record }) => record.memory !== null).length} have said it`,
      within(finishMs, this.#finishAll()),
    )
    this.#mark('done')
    const records = clients.map(({ record }) => record)
    const network = stage.network?.counts() ?? null
    const runs = stage.runs === null ? null : { running, counts: await stage.runs.counts() }
    return { marks: this.#marks, clients: records, ending, knocks, goneAt, phases, labelled, network, runs }
  }

  /** Not all in one moment: how fast they come back is another question than how many are asked at once. */
  async #finishAll(): Promise<void> {
    const left = [...this.#clients]
    const finishNext = async () => {
      for (let client = left.shift(); client !== undefined; client = left.shift()) await client.finish()
    }
    await Promise.all(Array.from({ length: askedAtOnce }, finishNext))
  }

  async #moveWeights(stage: Stage): Promise<string[]> {
    const { sessions, duration, label, plant } = this.#options
    const tenth = Math.ceil(sessions / 10)
    await stage.proxy.setWeights({ blue: 100, green: 0 })
    this.#mark('weights 100/0')
    await this.#open(stage, 'first', sessions)
    await sleep(duration * 1000)
    await stage.proxy.setWeights({ blue: 50, green: 50 })
    this.#mark('weights 50/50')
    await this.#open(stage, 'half', Math.max(10, tenth))
    if (plant !== 'ignore-weight') await stage.proxy.setWeights({ blue: 0, green: 100 })
    this.#mark('weights 0/100')
    await this.#open(stage, 'new', Math.max(6, tenth))
    return label ? this.#reachByLabel(stage) : []
  }

  /** Brings every conversation into the phase that it is to be found in. */
  async #beginParts(stage: Stage): Promise<void> {
    const ofScript = (script: Script) => this.#clients.filter(({ record }) => record.script === script).length
    await stage.runs?.hold()
    await this.#begin(({ record }) => lasting.has(record.script))
    if (stage.runs !== null) await within(partMs, stage.runs.untilBegun(ofScript('server tool')))
    // On a bad network others dial meanwhile, who come back.
    await stage.slowDials(stage.network === null ? ofScript('connecting') : this.#clients.length)
    await this.#begin(
      ({ record }) => !lasting.has(record.script),
      stage.network === null ? partMs : dialledMs,
    )
    if (stage.network !== null) await stage.slowDials(0)
  }

  async #begin(which: (client: ScriptedClient) => boolean, withinMs = partMs): Promise<void> {
    const clients = this.#clients.filter(which)
    for (const client of clients) client.beginPart()
    await within(withinMs, Promise.all(clients.map(client => client.inPart())))
  }

  async #endOld({ blue, runs }: Stage): Promise<{ ending: Ending; knocks: number[] }> {
    const how = this.#options.mode === 'kill' ? 'SIGKILL' : 'SIGTERM'
    this.#mark(how === 'SIGKILL' ? 'kill -9' : how)
    const knocking = knock(blue.port, blue.logged('signal.received'))
    if (how === 'SIGKILL') await runs?.release()
    else
      void blue
        .logged('drain.started')
        .then(() => sleep(runOnMs))
        .then(() => runs?.release())
    const ending = await this.#reporting(
      () => `${this.#clients.filter(client => isOn(client, oldReplica)).length} left on ${oldReplica}`,
      blue.end(how),
    )
    this.#mark(`${blue.name} has ended`)
    return { ending, knocks: await knocking.stop() }
  }

  async #open(stage: Stage, cohort: string, count: number): Promise<void> {
    this.#say(`opening ${count} conversations (${cohort}) …`)
    for (let opened = 0; opened < count; opened += batch) {
      const clients = Array.from({ length: Math.min(batch, count - opened) }, (_, place) =>
        this.#client(stage, cohort, opened + place),
      )
      await Promise.all(clients.map(client => client.start()))
    }
  }

  #client(stage: Stage, cohort: string, place: number, headers = {}): ScriptedClient {
    const { voice, network } = stage
    const id = this.#clients.length + 1
    const scripts = stage.runs === null ? rotation : rotationWithTools
    const script = scripts[place % scripts.length] ?? 'idle'
    // One conversation for every phase has to be there when the old revision goes.
    const isSpared = network !== null && cohort === 'first' && rotation.indexOf(script) === place
    const silenceMs = silentIntervals * this.#options.pingInterval * 1000
    const client = new ScriptedClient({
      ...{ id, script, cohort, headers, voice, now: this.#now },
      url: isSpared ? network.sparedUrl : stage.url,
      ...(network !== null && { network, silenceMs }),
    })
    this.#clients.push(client)
    return client
  }

  async #reachByLabel(stage: Stage): Promise<string[]> {
    const client = this.#client(stage, 'label', 0, { Host: 'green---app.example' })
    await client.start()
    this.#mark('reached by label')
    return [client.link?.replica ?? '']
  }

  #phasesOn(replica: string): Record<Phase, number> {
    const clients = this.#clients.filter(client => isOn(client, replica))
    const count = (phase: Phase) => clients.filter(client => client.phase === phase).length
    return Object.fromEntries(phases.map(phase => [phase, count(phase)])) as Record<Phase, number>
  }

  /** Says from time to time how far it is. */
  async #reporting<T>(how: () => string, work: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.#say(`${this.#clock()}  ${how()}`), progressMs)
    try {
      return await work
    } finally {
      clearInterval(timer)
    }
  }

  #mark(what: string): void {
    this.#marks.push({ at: this.#now(), what })
    this.#say(`${this.#clock()}  ${what}`)
  }

  #clock(): string {
    return `${(this.#now() / 1000).toFixed(1).padStart(6)} s`
  }
}

function within(ms: number, work: Promise<unknown>): Promise<unknown> {
  return Promise.race([work, sleep(ms)])
}

function isOn({ link }: ScriptedClient, replica: string): boolean {
  return link?.replica === replica && link.closedAt === null
}

function isRunningTool(client: ScriptedClient): boolean {
  return client.record.script === 'server tool' && client.phase === 'tool pending' && isOn(client, oldReplica)
}
