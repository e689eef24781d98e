/**
 * One rollout: persons talk through replicas that share a store, while everything breaks that a seed chooses; then nothing
 * breaks any more, and what must hold is looked at.
 */
import { ModelApi } from './model-api.ts'
import { Person, PersonSocket } from './person.ts'
import { Replica, shares } from './replica.ts'
import { type PlantedStoreFault, SharedStore } from './shared-store.ts'
import { StoreLedger } from './store-ledger.ts'
import { ToolLedger } from './tool-ledger.ts'
import { enterWorld } from './virtual-globals.ts'
import { Process, Violation, World } from './world.ts'

export interface RolloutOptions {
  readonly seed: number
  /** Whether every step is written down. */
  readonly isTraced?: boolean
  readonly planted?: PlantedStoreFault | null
  /**
   * Kills a process in this effect of its first drain, or after it has begun to take a ticket, or after the model has
   * called a tool, and lets all else be.
   */
  readonly killAt?: { readonly in: 'drain' | 'resume' | 'call'; readonly effect: number } | null
}

export interface RolloutResult {
  readonly seed: number
  /** What an invariant found; null where all hold. */
  readonly violation: Violation | null
  readonly trace: readonly string[]
  readonly steps: number
  readonly virtualMs: number
  /** Whether the kill of `killAt` happened: past the last effect it does not. */
  readonly wasKilled: boolean
  /** Effects of a process from the first call of a tool until some time after the answer; `killAt` in a call counts them. */
  readonly effectsOfCall: number
  /** What the model was told of calls, by kind. */
  readonly told: ToolLedger['told']
}

/** Faults happen within this (ms). */
const faultsMs = 30_000

/** All answers are there this long after the last fault (ms): dials, stalls and heartbeats have deadlines of half a minute. */
const settleMs = 300_000

/** All sessions are over this long after the last person left (ms): a lost peer is noticed after some 40 s. */
const endMs = 120_000

/** Places are given back within this (ms). */
const releaseMs = 5000

/** Places of processes that were killed run out within this (ms). */
const leaseMs = 100_000

/** A process that was told to end is gone within this (ms): its deadline, and the last close frames. */
const drainMs = 30_000

/** What an answer changes is written within this (ms). */
const writtenMs = 1000

/** A client's own system tells it of a lost connection within this (ms). */
const clientNoticeMs = 20_000

const kinds = [
  'drain',
  'kill',
  'killInDrain',
  'killInResume',
  'hold',
  'cutClient',
  'cutUpstream',
  'endUpstream',
  'breakStore',
  'refuseDials',
  'silence',
  'double',
] as const
type Kind = (typeof kinds)[number]

/** Those after which a client may be told that something is lost. */
const losing: ReadonlySet<Kind> = new Set([
  'kill',
  'killInDrain',
  'killInResume',
  'hold',
  'breakStore',
  'double',
] as const)

/** Plays a rollout. The same options give the same steps. */
export async function playRollout(options: RolloutOptions): Promise<RolloutResult> {
  const world = new World(options.seed, options.isTraced ?? false)
  const leaveWorld = enterWorld(world)
  const rollout = new Rollout(world, options)
  const onRejection = (fault: unknown) =>
    rollout.fail(thrown('A promise that nobody awaits was rejected', fault))
  process.on('unhandledRejection', onRejection)
  let violation: Violation | null = null
  try {
    await rollout.play()
  } catch (fault) {
    violation = fault instanceof Violation ? fault : thrown('A step threw', fault)
  } finally {
    process.off('unhandledRejection', onRejection)
    leaveWorld()
    await rollout.close()
  }
  const { seed, trace, stepsRun: steps, elapsedMs: virtualMs } = world
  return {
    seed,
    violation,
    trace: trace ?? [],
    steps,
    virtualMs,
    wasKilled: rollout.wasKilled,
    effectsOfCall: rollout.effectsOfCall,
    told: rollout.told,
  }
}

function thrown(what: string, fault: unknown): Violation {
  return new Violation(`${what}: ${fault instanceof Error ? fault.stack : String(fault)}`)
}

class Rollout {
  readonly #world: World
  readonly #options: RolloutOptions
  readonly #driver: Process
  readonly #store: SharedStore
  readonly #api: ModelApi
  readonly #tools: ToolLedger
  readonly #hasTools: boolean
  readonly #replicas: Replica[] = []
  readonly #persons: Person[]
  readonly #enabled: ReadonlySet<Kind>
  #violation: Violation | null = null
  readonly #restoreSocket: () => void
  #state: 'talking' | 'ending' = 'talking'
  effectsOfCall = 0

  constructor(world: World, options: RolloutOptions) {
    this.#world = world
    this.#options = options
    this.#driver = new Process(world, 'world')
    const onViolation = (violation: Violation) => this.fail(violation)
    const ledger = new StoreLedger(onViolation)
    this.#store = new SharedStore(world, (...seen) => ledger.note(...seen), options.planted)
    this.#tools = new ToolLedger(world, onViolation)
    this.#api = new ModelApi(world, this.#tools)
    this.#hasTools = world.chance(0.6) || options.killAt?.in === 'call'
    // What processes and the store do in good order must lose nothing: in a part of the rollouts they always do.
    const possible = world.chance(0.3) ? kinds.filter(kind => !losing.has(kind)) : kinds
    this.#enabled = new Set(possible.filter(() => world.chance(0.4)))
    const isDoubled = () => this.#enabled.has('double') && world.elapsedMs < faultsMs && world.chance(0.3)
    this.#persons = Array.from({ length: 1 + Math.floor(world.between(0, 2)) }, (_, at) => {
      const planned = 2 + Math.floor(world.between(0, 4))
      return new Person(`person${at + 1}`, planned, {
        world,
        api: this.#api,
        isDoubled,
        mayLose: () => this.#mayLose,
        route: () => this.#route(),
        onViolation,
      })
    })
    this.#restoreSocket = replaceSocket(world, this.#persons)
  }

  get wasKilled(): boolean {
    return this.#replicas.some(({ process }) => process.wasKilled)
  }

  get told(): ToolLedger['told'] {
    return this.#tools.told
  }

  /** An invariant is broken. The first counts. */
  fail(violation: Violation): void {
    this.#world.note('world', `VIOLATION ${violation.message}`)
    this.#violation ??= violation
  }

  close(): Promise<void> {
    this.#restoreSocket()
    return this.#store.close()
  }

  /** @throws Violation */
  async play(): Promise<void> {
    const world = this.#world
    const { killAt = null } = this.#options
    const replicas = killAt === null ? 1 + Math.floor(world.between(0, 3)) : 1
    for (let count = 0; count < replicas; count += 1) this.#start()
    for (const person of this.#persons) person.begin()
    if (killAt === null) this.#planFaults()
    else this.#planKill(killAt)
    await this.#run(() => world.elapsedMs > faultsMs, faultsMs + 1)
    this.#api.faults = null
    for (const replica of this.#replicas) replica.killInResume = null
    await this.#run(() => this.#persons.every(({ isContent }) => isContent), settleMs)
    for (const { unanswered, isContent, process } of this.#persons)
      if (!isContent) throw new Violation(`${process.name} has no answer to "${unanswered}"`)
    this.#state = 'ending'
    for (const person of this.#persons) person.leave()
    await this.#lookAtTheEnd()
  }

  async #lookAtTheEnd(): Promise<void> {
    const living = () => this.#replicas.filter(({ process }) => process.isRunning)
    const isOver = () =>
      this.#persons.every(({ isGone }) => isGone) &&
      living().every(
        ({ openSockets, traffic, process }) =>
          openSockets === 0 && traffic.sessionsOpen === 0 && process.timers.size === 0,
      ) &&
      this.#api.sessions.size === 0
    await this.#run(isOver, endMs)
    for (const { process, openSockets, traffic } of living()) {
      if (openSockets > 0)
        throw new Violation(`${process.name} has ${openSockets} sockets open after all left`)
      if (traffic.sessionsOpen !== 0)
        throw new Violation(`${process.name} counts ${traffic.sessionsOpen} sessions after all left`)
      if (process.timers.size > 0) throw new Violation(`${process.name} has timers left after all left`)
    }
    if (this.#api.sessions.size > 0) throw new Violation('Sessions at the API are left after all left')
    await this.#run(() => false, releaseMs)
    // What a process that was killed, or the store lost, could not give back runs out.
    if (this.#gaveBackAll) await this.#checkPlaces()
    await this.#run(() => false, leaseMs)
    await this.#checkPlaces()
    for (const replica of living()) this.#terminate(replica, null)
    await this.#run(() => living().length === 0, endMs)
    for (const { process } of living()) throw new Violation(`${process.name} has not ended`)
  }

  /** Whether a client may be told that something is lost. */
  get #mayLose(): boolean {
    return [...this.#enabled].some(kind => losing.has(kind)) || this.#options.killAt != null
  }

  /** Whether nothing has kept a process from giving back the places of its sessions. */
  get #gaveBackAll(): boolean {
    const isUndisturbed = ({ process, link, abandonedUpgrades }: Replica) =>
      !process.wasKilled && link.breaks === 0 && abandonedUpgrades === 0
    return this.#replicas.every(isUndisturbed)
  }

  /** @throws Violation where places of sessions are held */
  async #checkPlaces(): Promise<void> {
    for (const share of shares) {
      const { total } = await this.#store.memory.page(`limit:sessions:${share}`, 0, 1)
      if (total > 0) throw new Violation(`${total} places are held after all left (${share})`)
    }
  }

  /** @throws Violation as soon as there is one */
  async #run(holds: () => boolean, limitMs: number): Promise<void> {
    await this.#world.run(() => this.#violation !== null || holds(), limitMs)
    if (this.#violation !== null) throw this.#violation
  }

  /** Another process of the gateway. */
  #start(): Replica {
    const replica = new Replica(`replica${this.#replicas.length + 1}`, {
      world: this.#world,
      store: this.#store,
      api: this.#api,
      hasTools: this.#hasTools,
      onFault: ({ process }, fields) => {
        this.fail(new Violation(`${process.name} failed by itself: ${JSON.stringify(fields)}`))
      },
    })
    this.#replicas.push(replica)
    const isBreaking =
      this.#world.elapsedMs < faultsMs && this.#enabled.has('killInResume') && this.#options.killAt == null
    if (isBreaking && this.#world.chance(0.5)) replica.killInResume = Math.floor(this.#world.between(0, 60))
    // Whoever runs it sees to it that something serves.
    replica.process.onEnd(() => {
      if (this.#state === 'talking')
        this.#world.after(this.#world.between(500, 4000), this.#driver, () => {
          if (this.#serving() === null) this.#start()
        })
    })
    return replica
  }

  /** Where a load balancer sends a dial: to what serves, but for what it does not know yet. */
  #route(): Replica | null {
    const running = this.#replicas.filter(({ process }) => process.isRunning)
    const serving = running.filter(({ isServing }) => isServing)
    const known = serving.length === 0 || this.#world.chance(0.1) ? running : serving
    return known.length === 0 ? null : this.#world.pick(known)
  }

  #terminate(replica: Replica, killAtEffect: number | null): void {
    const { process } = replica
    replica.terminate(killAtEffect, () => {
      this.#world.after(drainMs, this.#driver, () => {
        if (process.isRunning) this.fail(new Violation(`${process.name} has not ended by its deadline`))
      })
    })
  }

  #planFaults(): void {
    const world = this.#world
    const isOn = (kind: Kind) => this.#enabled.has(kind)
    if (isOn('refuseDials') || isOn('silence'))
      this.#api.faults = {
        refusedDials: isOn('refuseDials') ? world.between(0, 0.6) : 0,
        silentAnswers: isOn('silence') ? world.between(0, 0.3) : 0,
      }
    const faults: readonly (readonly [Kind, () => void])[] = [
      ['drain', () => this.#replace(replica => this.#terminate(replica, null))],
      ['kill', () => this.#replace(({ process }) => process.kill())],
      [
        'killInDrain',
        () => this.#replace(replica => this.#terminate(replica, Math.floor(world.between(0, 80)))),
      ],
      ['hold', () => this.#hold()],
      ['cutClient', () => this.#cutClient()],
      ['cutUpstream', () => this.#cutUpstream()],
      ['endUpstream', () => this.#endUpstream()],
      ['breakStore', () => this.#serving()?.link.break(world.between(0, 6000))],
    ]
    for (const [kind, happen] of faults) {
      if (!isOn(kind)) continue
      const times = 1 + Math.floor(world.between(0, 4))
      for (let time = 0; time < times; time += 1)
        world.after(world.between(0, faultsMs), this.#driver, happen)
    }
  }

  #planKill({ in: where, effect }: NonNullable<RolloutOptions['killAt']>): void {
    const world = this.#world
    if (where === 'call') return this.#planKillInCall(effect)
    const [first] = this.#replicas
    world.after(world.between(1500, 5000), this.#driver, () => {
      const next = this.#start()
      if (where === 'resume') next.killInResume = effect
      if (first !== undefined) this.#terminate(first, where === 'drain' ? effect : null)
    })
  }

  /** From the first call on, until what follows its answer is written. */
  #planKillInCall(effect: number): void {
    let before: number | null = null
    this.#api.watch = (what, process) => {
      if (what === 'call' && before === null) {
        before = process.effects
        process.killAtEffect(effect)
      }
      if (what === 'call' || before === null) return
      this.#api.watch = null
      const count = process.effects - before
      this.effectsOfCall = count
      this.#world.after(writtenMs, process, () => {
        this.effectsOfCall = process.effects - (before ?? 0)
      })
    }
  }

  #serving(): Replica | null {
    const serving = this.#replicas.filter(({ isServing }) => isServing)
    return serving.length === 0 ? null : this.#world.pick(serving)
  }

  /** Another process takes the place of one that goes, sooner or later. */
  #replace(end: (replica: Replica) => void): void {
    const world = this.#world
    const replica = this.#serving()
    if (world.chance(0.7)) this.#start()
    if (replica !== null) end(replica)
  }

  /** A process gets no time from its machine. */
  #hold(): void {
    const world = this.#world
    const replica = this.#serving()
    if (replica === null) return
    const ms = world.between(10, 5000)
    world.note(replica.process.name, `is held up for ${Math.round(ms)} ms`)
    replica.process.holdFor(ms)
  }

  #cutClient(): void {
    const world = this.#world
    const connections = this.#persons.flatMap(({ connections }) => [...connections])
    if (connections.length === 0) return
    const near = world.chance(0.7) ? world.between(0, 50) : world.between(0, clientNoticeMs)
    const far = world.chance(0.5) ? world.between(0, 50) : Number.POSITIVE_INFINITY
    world.pick(connections).cut([near, far])
  }

  #cutUpstream(): void {
    const world = this.#world
    const sessions = [...this.#api.sessions]
    if (sessions.length === 0) return
    const { end } = world.pick(sessions)
    for (const side of [end, end.peer]) side.losePackets(20)
    end.lose(world.between(0, 50))
    if (world.chance(0.7)) end.peer.lose(world.between(0, 50))
  }

  #endUpstream(): void {
    const world = this.#world
    const sessions = [...this.#api.sessions]
    if (sessions.length === 0) return
    const session = world.pick(sessions)
    if (world.chance(0.5)) session.expire()
    else session.close(world.pick([1001, 1012, 1011]), 'over')
  }
}

/** Gives the persons' programs the world's sockets. @returns takes them back */
function replaceSocket(world: World, persons: readonly Person[]): () => void {
  const before = globalThis.WebSocket
  class WorldSocket {
    static readonly OPEN = PersonSocket.OPEN
    constructor(url: string) {
      const person = persons.find(({ process }) => process === world.current)
      if (person === undefined) throw new Error('Only a person dials')
      // biome-ignore lint/correctness/noConstructorReturn: whoever dials gets the socket of its own side
      return person.socket(url)
    }
  }
  Object.assign(globalThis, { WebSocket: WorldSocket })
  return () => {
    Object.assign(globalThis, { WebSocket: before })
  }
}
