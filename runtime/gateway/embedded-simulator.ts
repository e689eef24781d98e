/** Starts the simulator in this process, where the installation has it: the plain image leaves it out. */
import { existsSync } from 'node:fs'
import type { Config } from '../config/config.ts'

/** One response of a script. */
export type ScriptedAnswer = import('../simulator/model/script.ts').ScriptedAnswer

const program = new URL('../simulator/server.ts', import.meta.url)

export interface EmbeddedSimulator {
  /** Base address, without a path: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Answers of the script that no response has taken yet. */
  readonly answersLeft: number
  close(): Promise<void>
}

/**
 * Starts the upstream of a gateway that has no other. Its code is loaded here only: a process with a real upstream
 * stays small.
 * @param answers script for one conversation; when it is over, and without one, the simulator's own rules answer
 * @throws Error that says what to set, where there is no simulator
 */
export async function startEmbeddedSimulator(
  config: Config['simulator'],
  answers: readonly ScriptedAnswer[] = [],
): Promise<EmbeddedSimulator> {
  if (!existsSync(program))
    throw new Error(
      'No upstream: set AZURE_OPENAI_ENDPOINT or OPENAI_API_KEY, or build the image with --target demo, which has the simulator',
    )
  const { startSimulator } = await import('../simulator/server.ts')
  const { Script } = await import('../simulator/model/script.ts')
  const script = new Script(answers)
  const { url, close } = await startSimulator({ ...config, script })
  return {
    url,
    get answersLeft() {
      return script.left
    },
    close,
  }
}
