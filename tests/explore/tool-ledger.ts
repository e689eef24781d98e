/**
 * What the invariants say of tools: a call that may not run again runs once, none runs beside itself, what it writes is
 * written once, and the model is told of each call what came of it, once, before it is asked to go on.
 */
import type { ToolCall, ToolResult, ToolRunner } from '../../runtime/tools/runner.ts'
import { type Process, Violation, type World } from './world.ts'

/** Longer than a tool may take on a machine that is held up, as the gateway cannot wait for it (ms). */
const runMs = [1, 6000] as const

/** Of a run whose host goes away. */
const interruptedShare = 0.05

const timeoutMs = 5000

export class ToolLedger {
  readonly #world: World
  readonly #onViolation: (violation: Violation) => void
  /** By key: the processes that have begun a run of that call. */
  readonly #runs = new Map<string, Process[]>()
  readonly #running = new Map<string, Process>()
  /** By session and call: it has its output. */
  readonly #outputs = new Set<string>()
  /** Outputs of calls that were interrupted, and of those that were not. */
  readonly told = { interrupted: 0, done: 0 }

  constructor(world: World, onViolation: (violation: Violation) => void) {
    this.#world = world
    this.#onViolation = onViolation
  }

  /** Makes the runner of one process. */
  runnerOf(process: Process): ToolRunner {
    const parameters = { type: 'object' }
    const tool = (name: string, idempotent: boolean) => {
      return { name, description: name, parameters, timeoutMs, idempotent }
    }
    return {
      tools: [tool('pay', false), tool('look', true)],
      run: call => this.#run(process, call),
      close: async () => undefined,
    }
  }

  /** The model is told what came of a call. @param session at the API */
  noteOutput(session: number, callId: string, output: string): void {
    const key = `${session} ${callId}`
    if (this.#outputs.has(key)) this.#fail(`A call was answered twice: ${key}`)
    this.#outputs.add(key)
    this.told[output.includes('interrupted') ? 'interrupted' : 'done'] += 1
  }

  /** The model was asked to go on before it was told of all calls. */
  noteEarly(asked: string): void {
    this.#fail(`An answer to "${asked}" was asked for before its calls were answered`)
  }

  async #run(process: Process, { name, idempotencyKey: key, signal }: ToolCall): Promise<ToolResult> {
    if (!process.effect(() => `runs ${name} ${key}`)) return new Promise(() => undefined)
    this.#world.note(process.name, `runs ${name} ${key}`)
    const before = this.#runs.get(key) ?? []
    if (name === 'pay' && before.length > 0) this.#fail(`A call was run twice: ${key}`)
    if (this.#running.get(key)?.isRunning === true) this.#fail(`A call runs beside itself: ${key}`)
    this.#runs.set(key, [...before, process])
    this.#running.set(key, process)
    const ms = Math.min(this.#world.between(...runMs), timeoutMs)
    const isInterrupted = this.#world.chance(interruptedShare)
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    this.#running.delete(key)
    if (isInterrupted || signal.aborted) return { kind: 'interrupted' }
    const write = async (state: Readonly<Record<string, unknown>>) => {
      const written = (state.written ?? []) as string[]
      if (written.includes(key)) this.#fail(`A call has written twice: ${key}`)
      return { written: [...written, key].slice(-100) }
    }
    return { kind: 'done', output: JSON.stringify(key), update: name === 'pay' ? write : null }
  }

  #fail(message: string): void {
    this.#onViolation(new Violation(message))
  }
}
