/** Answers that a test has written beforehand, in place of the rules of the scripted model. */
import type { ModelOutput } from '../model/model-turn.ts'

/** What the model says, or calls. */
export type ScriptedOutput =
  | { readonly say: string }
  | { readonly call: string; readonly arguments?: Readonly<Record<string, unknown>> }

/** One response: an output, or several of them, such as calls side by side. */
export type ScriptedAnswer = ScriptedOutput | readonly ScriptedOutput[]

/**
 * A script for a conversation: each response in it takes the next answer, whichever session it comes in, as a
 * conversation may go on in another one. Responses beside the conversation take none.
 */
export class Script {
  readonly #answers: readonly ScriptedAnswer[]
  #at = 0

  constructor(answers: readonly ScriptedAnswer[]) {
    this.#answers = answers
  }

  /** Answers that no response has taken yet. */
  get left(): number {
    return this.#answers.length - this.#at
  }

  /** @returns null when the script is over: the rules of the scripted model answer */
  next(): ModelOutput[] | null {
    const answer = this.#answers[this.#at]
    if (answer === undefined) return null
    this.#at += 1
    return [answer].flat().map(thoughtOf)
  }
}

function thoughtOf(output: ScriptedOutput): ModelOutput {
  if ('say' in output) return { kind: 'message', text: output.say, phase: 'final_answer' }
  return { kind: 'call', name: output.call, arguments: JSON.stringify(output.arguments ?? {}) }
}
