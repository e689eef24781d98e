/**
 * Time and chance of a world in place of the machine's: while a step of a world runs, the timers, clocks and random
 * sources of this process are the world's, for whatever code asks for them. Between steps they are the machine's.
 *
 * The product reaches them as globals, by `node:crypto` and by `systemClock`; nothing in it knows of worlds.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { systemClock, type Tickable } from '../../runtime/core/clock.ts'
import { enter } from '../../runtime/core/fault-boundary.ts'
import type { Process, Step, World } from './world.ts'

const real = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  clearImmediate: globalThis.clearImmediate,
  dateNow: Date.now,
  performanceNow: performance.now.bind(performance),
  mathRandom: Math.random,
  randomBytes: crypto.randomBytes,
  randomUUID: crypto.randomUUID,
  every: systemClock.every,
}

/** The world whose step may run. */
let world: World | null = null

/** The process whose code runs now, with its world. */
function running(): { world: World; process: Process } | null {
  const process = world?.current ?? null
  return world === null || process === null ? null : { world, process }
}

/** Puts a world in the machine's place. @returns puts the machine back */
export function enterWorld(entered: World): () => void {
  if (world !== null) throw new Error('One world at a time')
  world = entered
  replaceGlobals()
  return () => {
    world = null
    restoreGlobals()
  }
}

class VirtualTimer {
  readonly #world: World
  readonly #process: Process
  readonly #ms: number
  readonly #run: () => void
  readonly #repeats: boolean
  #step: Step | null = null

  constructor(world: World, process: Process, ms: number, run: () => void, repeats = false) {
    this.#world = world
    this.#process = process
    this.#ms = ms
    this.#run = run
    this.#repeats = repeats
    if (process.effect(() => `a timer of ${ms} ms`)) this.refresh()
  }

  refresh(): this {
    this.cancel()
    this.#process.timers.add(this)
    this.#step = this.#world.after(this.#ms, this.#process, () => this.#fire())
    return this
  }

  cancel(): void {
    this.#process.timers.delete(this)
    if (this.#step?.state === 'planned') this.#step.state = 'cancelled'
    this.#step = null
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  #fire(): void {
    this.#process.timers.delete(this)
    if (this.#repeats) this.refresh()
    this.#run()
  }
}

/** Node's own bounds of a delay (ms). */
function delayOf(ms: unknown): number {
  const delay = Number(ms)
  return delay >= 1 && delay <= 2 ** 31 - 1 ? delay : 1
}

function replaceGlobals(): void {
  const timer =
    (instead: (run: () => void, ms: number) => unknown, toDelay: (ms: unknown) => number, repeats: boolean) =>
    (run: (...given: unknown[]) => void, ms?: unknown, ...given: unknown[]) => {
      const now = running()
      if (now === null) return instead(() => run(...given), ms as number)
      return new VirtualTimer(now.world, now.process, toDelay(ms), () => run(...given), repeats)
    }
  const cancel = (instead: (timer: never) => void) => (given: unknown) => {
    if (given instanceof VirtualTimer) given.cancel()
    else instead(given as never)
  }
  const immediate = timer(
    run => real.setImmediate(run),
    () => 0,
    false,
  )
  Object.assign(globalThis, {
    setTimeout: timer(real.setTimeout, delayOf, false),
    setInterval: timer(real.setInterval, delayOf, true),
    setImmediate: (run: (...given: unknown[]) => void, ...given: unknown[]) => immediate(run, 0, ...given),
    clearTimeout: cancel(real.clearTimeout),
    clearInterval: cancel(real.clearInterval),
    clearImmediate: cancel(real.clearImmediate),
  })
  Date.now = () => running()?.world.now ?? real.dateNow()
  performance.now = () => running()?.world.now ?? real.performanceNow()
  Math.random = () => running()?.world.productRandom() ?? real.mathRandom()
  Object.assign(systemClock, { every: beatVirtually })
  const randomBytes = (size: number) => {
    const now = running()
    return now === null ? real.randomBytes(size) : Buffer.from(bytesOf(now.world, size))
  }
  const randomUUID = () => {
    const now = running()
    return now === null ? real.randomUUID() : Buffer.from(bytesOf(now.world, 16)).toString('hex')
  }
  Object.assign(crypto, { randomBytes, randomUUID })
  syncBuiltinESMExports()
}

function restoreGlobals(): void {
  const { dateNow, performanceNow, mathRandom, randomBytes, randomUUID, every, ...timers } = real
  Object.assign(globalThis, timers)
  Date.now = dateNow
  performance.now = performanceNow
  Math.random = mathRandom
  Object.assign(systemClock, { every })
  Object.assign(crypto, { randomBytes, randomUUID })
  syncBuiltinESMExports()
}

function bytesOf(world: World, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => Math.floor(world.productRandom() * 256))
}

/** As `systemClock.every`, without a wheel: that is one for all processes of a world. */
function beatVirtually(intervalMs: number, beating: Tickable) {
  const now = running()
  if (now === null) return real.every(intervalMs, beating)
  const { world, process } = now
  const beat = () => enter(beating, () => beating.tick())
  let timer = new VirtualTimer(world, process, intervalMs * world.between(15 / 16, 1), () => {
    timer = new VirtualTimer(world, process, intervalMs, beat, true)
    beat()
  })
  return {
    delete: () => {
      timer.cancel()
      return true
    },
  }
}
