/** What is fuzzed: a surface makes inputs, plays them at a target, and says what must hold after each batch. */
import type fc from 'fast-check'
import type { Stage } from '../gateway/start.ts'

/** One side of the gateway that takes input from outside. */
export interface Surface<Input = unknown> {
  /** Of its folder in the corpus. */
  readonly name: string
  /** Values that survive JSON, as a failing one is kept as a file. */
  readonly inputs: fc.Arbitrary<Input>
  /** Inputs that are played before anything is checked. */
  readonly batch: number
  start(t: Stage): Promise<Target<Input>>
}

export interface Target<Input> {
  /** Plays one input to its end. @throws Error that says what should not have happened */
  play(input: Input): Promise<void>
  /** Looks at the target after a batch. @throws Error likewise */
  check(): Promise<void>
  /** Looks at it once all are played. @throws Error likewise */
  finish(): Promise<void>
}
