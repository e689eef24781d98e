/** A gateway that is fuzzed, and what must hold for it whatever it was given. */

import { join } from 'node:path'
import { errorTable, isSendableCloseCode } from '../../runtime/core/errors.ts'
import { type Commanded, startCommanded } from '../bench/command.ts'
import type { Stage } from '../gateway/start.ts'
import { startCommand } from '../gateway/start-command.ts'
import { within } from '../gateway/within.ts'
import { type Ending, noCode } from '../wire/peer.ts'
import type { Happened } from './gateway-process.ts'

export interface FuzzedGateway {
  readonly process: Commanded
  readonly url: string
  readonly port: number
  /** @throws Error for a process that is gone, a fault in its log, a close code that is none */
  check(): Promise<void>
  /** @throws Error where memory does not come back */
  finish(): Promise<void>
}

/** Whoever does not answer for this long is stuck (ms). */
export const answerMs = 10_000
/** What may be left in heap and external memory (bytes): caches that fill once are part of it. */
const mostLeft = 24 * 1024 * 1024
const settleMs = 200
/** Settings under which only what is fuzzed refuses anything. */
const unlimited = Object.fromEntries(
  ['SESSIONS', 'UPGRADES_PER_MINUTE', 'REQUESTS_PER_MINUTE', 'MESSAGES_PER_SECOND']
    .flatMap(what => [`LIMIT_${what}_PER_CREDENTIAL`, `LIMIT_${what}_PER_ADDRESS`])
    .concat('LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS')
    .map(name => [name, '0']),
)

export async function startFuzzedGateway(
  t: Stage,
  env: Readonly<Record<string, string>>,
): Promise<FuzzedGateway> {
  const child = await startCommanded(join(import.meta.dirname, 'gateway-process.ts'), {
    env: {
      ...startCommand().env,
      PATH: process.env.PATH ?? '',
      PORT: '0',
      REALTIME_AUTO_CLOSE: 'false',
      REALTIME_ALLOWED_EVENT_TYPES: '*',
      REALTIME_MAX_MSG_MB: '1',
      UPSTREAM_CONNECT_TIMEOUT_MS: '1000',
      ...unlimited,
      ...env,
    },
    execArgv: ['--expose-gc', '--min-semi-space-size=8'],
  })
  t.teardown(() => child.child.kill('SIGKILL'))
  const ask = <Result>(what: string) =>
    within(child.ask<Result>(what), answerMs, `the gateway does not answer (${what})`)
  const url = await ask<string>('url')
  const before = await ask<number>('held')
  return {
    process: child,
    url,
    port: Number(new URL(url).port),
    check: async () => {
      const { faults, codes } = await ask<Happened>('happened')
      if (faults.length > 0) throw new Error(`the gateway's own code failed: ${faults.join('\n')}`)
      for (const code of codes) assertCode(code)
    },
    finish: async () => {
      const deadline = performance.now() + answerMs
      let left = Number.POSITIVE_INFINITY
      while (left > mostLeft && performance.now() < deadline) {
        await new Promise(resolve => setTimeout(resolve, settleMs))
        left = (await ask<number>('held')) - before
      }
      if (left > mostLeft) throw new Error(`${left} bytes are left`)
    },
  }
}

/** RFC 6455 section 7.4.1: ended without a close frame. Nobody may send it; logs name it. */
const abnormalClosure = 1006
const closes: ReadonlySet<number> = new Set(Object.values(errorTable).map(({ close }) => close))
const statuses: ReadonlySet<number> = new Set(Object.values(errorTable).map(({ status }) => status))

/** @throws Error for a close code that neither the table of errors nor the protocol has */
export function assertCode(code: number): void {
  if (closes.has(code) || isSendableCloseCode(code) || code === noCode || code === abnormalClosure) return
  throw new Error(`close code ${code} is none`)
}

/** @param mayCut whether it may end without a close frame: the native server does so where the protocol is broken */
export function assertEnding({ code, fault }: Ending, mayCut: boolean): void {
  if (fault !== null) throw new Error(`what the gateway wrote is no stream of frames: ${fault}`)
  if (code !== null) return assertCode(code)
  if (!mayCut) throw new Error('the connection was cut without a close frame')
}

/**
 * @param passedOn upstream's own statuses, where the address passes them on
 * @throws Error for a status that the table of errors does not have, and for the gateway's own failure
 */
export function assertRefusal(status: number, passedOn: readonly number[] = []): void {
  if (passedOn.includes(status)) return
  if (status === errorTable.internal.status || !statuses.has(status))
    throw new Error(`an upgrade was answered with ${status}`)
}
