/** What a call does to the conversation and tells the client, within limits: the same in a host and in tests. */
import { maxStateBytes } from '../resume/tool-journal.ts'
import { ToolError } from './tool-error.ts'
import { maxEmissions, maxEmittedBytes } from './tool-limits.ts'

/** A JSON object. Its shape is the assistant's own; name a type where you want it checked. */
// biome-ignore lint/suspicious/noExplicitAny: only the assistant knows what it stores
export type State = Record<string, any>

export interface Conversation {
  /** What is stored, with the changes of this call; a copy. */
  readonly state: State
  /**
   * Changes what is stored. The change is tentative until the call is answered, and is made again over the newest state
   * when another call stored something meanwhile: it must depend on nothing but the state that it is given.
   * @param change gets a copy, returns all of the new state: what JSON can carry, 64 KiB at most
   * @returns the new state
   * @throws TypeError when the change returns no object; ToolError `state_too_large`
   */
  update<Current extends object = State, Next extends object = Current>(
    change: (state: Current) => Next,
  ): Promise<Next>
}

type Change = (state: State) => object

/** The changes of one call, in their order. */
export class StateChanges implements Conversation {
  readonly #changes: Change[] = []
  /** JSON text. */
  #state: string

  /** @param state JSON text of an object */
  constructor(state: string) {
    this.#state = state
  }

  get state(): State {
    return JSON.parse(this.#state)
  }

  get changed(): boolean {
    return this.#changes.length > 0
  }

  async update<Current extends object = State, Next extends object = Current>(
    change: (state: Current) => Next,
  ): Promise<Next> {
    this.#state = applyChange(this.#state, change as unknown as Change)
    this.#changes.push(change as unknown as Change)
    return JSON.parse(this.#state)
  }

  /**
   * Makes the same changes over another state.
   * @param newest JSON text of an object
   * @returns JSON text
   */
  replay(newest: string): string {
    return this.#changes.reduce(applyChange, newest)
  }
}

/** @throws TypeError, ToolError `state_too_large`, and what the change throws */
function applyChange(state: string, change: Change): string {
  const next: unknown = change(JSON.parse(state))
  if (next instanceof Promise)
    throw new TypeError('conversation.update: the change is asynchronous; await before it, not in it')
  if (typeof next !== 'object' || next === null || Array.isArray(next))
    throw new TypeError('conversation.update: the change returned no object; return all of the new state')
  const text = JSON.stringify(next)
  if (Buffer.byteLength(text) > maxStateBytes)
    throw new ToolError(`The conversation's state would be over ${maxStateBytes} bytes`, {
      code: 'state_too_large',
    })
  return text
}

const emittedName = /^[\w.-]{1,64}$/

/** What one call tells the client. */
export class Emissions {
  readonly #send: (name: string, data: string) => void
  readonly #dropped: () => void
  #left = maxEmissions
  #leftBytes = maxEmittedBytes
  #isOver = false

  /**
   * @param send gets the data as JSON text
   * @param dropped is told once that the call has emitted more than it may
   */
  constructor(send: (name: string, data: string) => void, dropped: () => void) {
    this.#send = send
    this.#dropped = dropped
  }

  /** @throws TypeError when the name is not of the form, or JSON cannot carry the data */
  emit(name: string, data: unknown): void {
    if (typeof name !== 'string' || !emittedName.test(name))
      throw new TypeError(
        `emit: the name ${JSON.stringify(name)} is not 1 to 64 of a-z, A-Z, 0-9, "_", "." and "-"`,
      )
    const text = JSON.stringify(data ?? null)
    if (text === undefined) throw new TypeError(`emit: JSON cannot carry the data of "${name}"`)
    const bytes = Buffer.byteLength(text)
    if (this.#left === 0 || bytes > this.#leftBytes) {
      if (!this.#isOver) this.#dropped()
      this.#isOver = true
      return
    }
    this.#left -= 1
    this.#leftBytes -= bytes
    this.#send(name, text)
  }
}
