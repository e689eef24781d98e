/** Runs the gateway as a user does: as a process of its own, stopped by signals. */
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startChild } from './child.ts'
import type { Stage } from './start.ts'
import { startCommand } from './start-command.ts'
import { patienceMs, within } from './within.ts'

const main = fileURLToPath(new URL('../../runtime/main.ts', import.meta.url))

export type ProcessLine = { event: string; level: string; [field: string]: unknown }

export interface GatewayProcess {
  readonly child: ChildProcess
  readonly url: string
  readonly socketUrl: string
  readonly lines: ProcessLine[]
  /** Resolves with the first line of an event, past or future, that fits. */
  /** @param ms how long it may take (default 30 s) */
  logged(event: string, fits?: (line: ProcessLine) => boolean, ms?: number): Promise<ProcessLine>
  readonly exited: Promise<{ code: number | null; stderr: string }>
}

/** Starts a gateway on a free port; it is killed when the test ends. @param program default: `runtime/main.ts` here */
export async function gatewayProcess(
  t: Stage,
  env: Record<string, string> = {},
  args: string[] = [],
  nodeArgs: string[] = [],
  program = main,
): Promise<GatewayProcess> {
  const child = startChild(t, process.execPath, [...nodeArgs, program, ...args], {
    env: {
      ...startCommand().env,
      ...{ PATH: process.env.PATH, PORT: '0', SIMULATOR_RATE: '200', DRAIN_LAME_DUCK_MS: '0' },
      // Where there are none: their tools take a process each.
      ASSISTANTS_DIR: import.meta.dirname,
      ...env,
    },
    showsErrors: false,
  })
  const lines: ProcessLine[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', text => {
    lines.push(JSON.parse(text))
    for (const look of [...waiting]) look()
  })
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const exited = new Promise<{ code: number | null; stderr: string }>(resolve => {
    child.on('close', code => resolve({ code, stderr }))
  })
  const logged = (
    event: string,
    fits: (line: ProcessLine) => boolean = () => true,
    ms: number = patienceMs,
  ) => {
    const line = new Promise<ProcessLine>((resolve, reject) => {
      const look = () => {
        const line = lines.find(line => line.event === event && fits(line))
        if (line === undefined) return
        waiting.delete(look)
        resolve(line)
      }
      waiting.add(look)
      look()
      exited.then(({ code }) =>
        reject(new Error(`exited with ${code} before ${event}: ${stderr}${JSON.stringify(lines)}`)),
      )
    })
    return within(line, ms, `the process logs no such ${event}`)
  }
  const { url } = await logged('server.listening')
  return {
    child,
    url: String(url),
    socketUrl: String(url).replace(/^http/, 'ws'),
    lines,
    logged,
    get exited() {
      return within(exited, patienceMs, 'the process does not exit')
    },
  }
}
