/**
 * One process of the gateway: its own parts for access, limits, resumption, sessions and the drain, around sockets of the
 * world's network. What `runtime/server/server.ts` does between the native server and these is done here.
 */

import { createAccess } from '../../runtime/access/access.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { permitModels } from '../../runtime/config/models.ts'
import { type Clock, systemClock } from '../../runtime/core/clock.ts'
import { enter } from '../../runtime/core/fault-boundary.ts'
import type { UpgradeRequest } from '../../runtime/core/ports.ts'
import { createTranslators } from '../../runtime/dialect/translate.ts'
import { createFilter } from '../../runtime/events/filter.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { layersOf } from '../../runtime/gateway/layers.ts'
import type { Log } from '../../runtime/observability/log.ts'
import { createMetrics, type Metrics, type Traffic } from '../../runtime/observability/metrics.ts'
import { createRealtime, realtimeEndMessages } from '../../runtime/realtime/realtime.ts'
import { ResumeStore } from '../../runtime/resume/resume-store.ts'
import { ClientSocket, type NativeSocket } from '../../runtime/server/client-socket.ts'
import { Drain } from '../../runtime/server/drain.ts'
import { type Accepted, contextOf } from '../../runtime/server/handler.ts'
import { type Accept, acceptThrough, type Layer, refusalBy } from '../../runtime/server/layers.ts'
import { LoopShare } from '../../runtime/server/loop-share.ts'
import { MemoryBudget } from '../../runtime/server/memory-budget.ts'
import { openPolicy } from '../../runtime/session/session-policy.ts'
import { silentAccounts } from '../usage/accounts.ts'
import type { ModelApi } from './model-api.ts'
import type { End } from './network.ts'
import type { SharedStore, StoreLink } from './shared-store.ts'
import { Process, type World } from './world.ts'

const path = '/realtime'
const settings = '{"type":"session.update","event_id":"gateway_settings","session":{"type":"realtime"}}'

const key = 'the-key-of-all-persons'
const address = '192.0.2.1'
const config = readConfig({
  OPENAI_API_KEY: 'sk-explore',
  GATEWAY_AUTH: 'key',
  GATEWAY_API_KEYS: `person:${key}`,
})

const permit = permitModels(config.models, 'openai', new Date(2026, 0, 1))

/** What sessions count towards, as the store names it. */
export const shares = ['credential:key:person', `address:${address}`]

const processMetrics = createMetrics({ revision: 'explore', replica: 'explore' })
const readType = createTypeReader()
const translator = createTranslators('ga', 'auto').unnamed
const filter = createFilter(['*'])

export interface ReplicaParts {
  readonly world: World
  readonly store: SharedStore
  readonly api: ModelApi
  /** Whether tools run on the server. */
  readonly hasTools: boolean
  /** A fault of the gateway's own code. */
  readonly onFault: (replica: Replica, fields: object) => void
}

export class Replica {
  readonly process: Process
  readonly drain: Drain
  readonly traffic: Traffic
  readonly link: StoreLink
  readonly #world: World
  readonly #layers: readonly Layer[]
  readonly #accept: Accept
  readonly #log: Log
  readonly #clients = new Set<ClientSocket>()
  #ids = 0
  /** The drain, once it has begun. */
  #draining: 'no' | 'running' | 'over' = 'no'
  /** Upgrades that came to nothing, or have not yet come to anything: their places run out by themselves. */
  abandonedUpgrades = 0
  /** Kills the process in its n-th effect after it has begun to take a ticket. */
  killInResume: number | null = null

  constructor(name: string, { world, store, api, hasTools, onFault }: ReplicaParts) {
    this.#world = world
    this.process = new Process(world, name)
    this.link = store.connect(this.process)
    this.#log = this.#createLog(onFault)
    const metrics = metricsOfOne()
    this.traffic = metrics.traffic
    this.drain = new Drain({ ...config.drain, log: this.#log })
    const clock: Clock = {
      ...systemClock,
      now: () => world.now,
      coarseNow: () => world.now,
      after: (ms, run) => {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
      every: (ms, beating) => systemClock.every(ms, beating),
    }
    const log = this.#log
    const accounts = silentAccounts({ now: clock.now })
    const access = createAccess({
      config: config.access,
      store: this.link.store,
      log,
      metrics,
      accounts,
      ...clock,
    })
    const { limits } = config
    const resumes = new ResumeStore({
      store: this.link.store,
      quota: access.quota,
      log,
      maxHeldBytes: limits.upstreamBufferBytes,
    })
    const runner = api.tools.runnerOf(this.process)
    const handler = createRealtime({
      metrics,
      readType,
      filter,
      extractor: null,
      autoClose: false,
      sessionUpdate: settings,
      dialect: 'ga',
      translator,
      mode: 'managed',
      resumes,
      rules: { permit, purpose: 'conversation', policy: openPolicy },
      toolsFor: () => (hasTools ? { runner } : null),
    })
    const noBytes = () => 0
    this.#layers = layersOf({
      loopShare: new LoopShare({ turnMs: 0, ...clock, cpuMs: noBytes, afterTurn: () => undefined }),
      drain: this.drain,
      memory: new MemoryBudget({
        ...{ budgetBytes: 0, residentBytes: noBytes, heapBytes: noBytes },
        ...{ monotonicNow: () => world.now, log },
      }),
      admission: access.admission,
      resumes,
      metrics,
    })
    const dial = api.dialFrom(this.process)
    this.#accept = acceptThrough(this.#layers, {
      resumable: { endMessages: realtimeEndMessages, dialsAtOnce: true },
      accept: request => ({ handler, context: contextOf(request, { bounds: limits, dial, log }) }),
    })
  }

  get isServing(): boolean {
    return this.process.isRunning && this.drain.phase === 'serving'
  }

  get openSockets(): number {
    return this.#clients.size
  }

  /**
   * As SIGTERM does.
   * @param killAtEffect kills the process in its n-th effect from then on
   * @param begun called when the process has taken it in
   */
  terminate(killAtEffect: number | null, begun: () => void): void {
    this.#world.after(0, this.process, () => {
      if (this.#draining !== 'no') return
      this.#draining = 'running'
      this.#world.note(this.process.name, 'SIGTERM')
      begun()
      if (killAtEffect !== null) this.process.killAtEffect(killAtEffect)
      void this.drain.begin().then(() => {
        this.#draining = 'over'
        this.process.kill('exited')
      })
    })
  }

  /**
   * Takes an upgrade.
   * @param end of the connection that the client dialled
   * @param answer tells the client whether it is open
   */
  upgrade(end: End, query: string, answer: (isOpen: boolean) => void): void {
    const request: UpgradeRequest = {
      path,
      query: new URLSearchParams(query),
      subprotocols: [],
      headers: new Map([['authorization', `Bearer ${key}`]]),
      address,
    }
    if (request.query.get('resume') && this.killInResume !== null) {
      this.process.killAtEffect(this.killInResume)
      this.killInResume = null
    }
    // The client may have left while its request was on its way.
    let isGone = !end.isOpen
    end.listener = {
      message: () => undefined,
      closed: () => {
        isGone = true
      },
    }
    const refuse = () => {
      answer(false)
      end.close(1006, '')
    }
    const decide = async () => {
      const refusal = refusalBy(this.#layers)
      if (refusal !== null) throw refusal
      return this.#accept(request)
    }
    this.abandonedUpgrades += 1
    decide().then(
      accepted => {
        if (refusalBy(this.#layers) !== null) return refuse()
        if (isGone) return
        this.abandonedUpgrades -= 1
        answer(true)
        this.#begin(end, accepted)
      },
      () => {
        this.abandonedUpgrades -= 1
        refuse()
      },
    )
  }

  #begin(end: End, accepted: Accepted): void {
    let client: ClientSocket | null = null
    let closedWith: { code: number; reason: string } | null = null
    const closed = (code: number, reason: string) => {
      closedWith ??= { code, reason }
      if (client === null || !this.#clients.delete(client)) return
      client.closed(code, reason)
      for (const layer of this.#layers) layer.over?.(client)
    }
    const native = nativeSocket(end, closed)
    this.#ids += 1
    const id = `${this.process.name}.${this.#ids}`
    enter({ onFault: fault => this.#log.error('connection.failed', { error: String(fault) }) }, () => {
      client = new ClientSocket(native, id, accepted, { ...config.limits, log: this.#log })
      const socket = client
      if (closedWith !== null) return client.closed(closedWith.code, closedWith.reason)
      this.#clients.add(client)
      for (const layer of this.#layers) layer.began?.(client)
      end.listener = {
        message: data => socket.receive(new Uint8Array(data).buffer, false),
        control: (kind, payload) =>
          socket.heard(kind === 'pong' ? new Uint8Array(Buffer.from(payload)).buffer : null),
        closed,
      }
    })
  }

  #createLog(onFault: ReplicaParts['onFault']): Log {
    const write = (event: string, fields: object = {}) => {
      if (this.#world.trace !== null)
        this.#world.note(this.process.name, `logs ${event} ${JSON.stringify(fields)}`)
      if (event === 'connection.failed') onFault(this, fields)
    }
    return { info: write, warn: write, error: write }
  }
}

/** What uWebSockets.js does with a socket. */
function nativeSocket(end: End, closed: (code: number, reason: string) => void): NativeSocket {
  return {
    send: message => {
      end.send(message)
      return 1
    },
    getBufferedAmount: () => 0,
    ping: payload => {
      end.ping(payload)
      return 1
    },
    end: (code, reason) => {
      end.close(code, reason)
      closed(code, reason)
    },
    close: () => {
      end.destroy()
      closed(1006, '')
    },
  }
}

/** The same counters for all, but for what is open at one replica. */
function metricsOfOne(): Metrics {
  return { ...processMetrics, traffic: { ...processMetrics.traffic, sessionsOpen: 0 } }
}
