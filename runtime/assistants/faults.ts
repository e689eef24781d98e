/** What is wrong with assistants: every fault with its file and line, all of them at once. */

/** One thing that is wrong. */
export interface AssistantFault {
  /** Path below the folder of all assistants, with `/`. */
  readonly file: string
  /** Counts from 1; null where it is about no line. */
  readonly line: number | null
  /** A sentence: what is there, and what is allowed. */
  readonly message: string
}

/** So many faults of one file are told, the first ones. */
export const maxFileFaults = 100

/** All faults of the assistants of a folder, in the order of their files and lines. */
export class AssistantsError extends Error {
  readonly faults: readonly AssistantFault[]

  /** @param folder as it is configured */
  constructor(folder: string, faults: readonly AssistantFault[]) {
    const count = `${faults.length} fault${faults.length === 1 ? '' : 's'}`
    super(
      `The assistants in ${folder} have ${count}:\n${faults.map(fault => `  - ${describe(fault)}`).join('\n')}`,
    )
    this.name = 'AssistantsError'
    this.faults = faults
  }
}

/** Writes a fault as editors and terminals link it: `cafe/assistant.yaml:7: …`. */
export function describe({ file, line, message }: AssistantFault): string {
  return `${file}${line === null ? '' : `:${line}`}: ${message}`
}
