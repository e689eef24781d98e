/** Starts what a flood needs: an upstream, a gateway, a bystander and a flooder, each a process. */

import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { type Commanded, startCommanded } from '../bench/command.ts'
import { lineOf, startChild } from '../gateway/child.ts'
import type { Stage } from '../gateway/start.ts'
import { startCommand } from '../gateway/start-command.ts'
import { within } from '../gateway/within.ts'
import type { Watched } from './bystander.ts'
import type { Flooded, Flooding } from './flooder.ts'
import type { Held } from './gateway-process.ts'

const here = (file: string) => join(import.meta.dirname, file)

export interface GatewayChild {
  readonly url: string
  readonly port: number
  readonly child: ChildProcess
  /** Resolves once its event loop comes round. */
  answers(): Promise<unknown>
  /** What it holds after a collection. */
  held(): Promise<Held>
  /** How it has ended connections itself since it was last asked. */
  ends(): Promise<Record<string, number>>
}

/** Starts a gateway whose memory can be asked for. */
export async function startGatewayChild(
  t: Stage,
  env: Readonly<Record<string, string>>,
): Promise<GatewayChild> {
  const gateway = await startPart(t, 'gateway-process.ts', {
    env: {
      ...startCommand().env,
      PATH: process.env.PATH ?? '',
      PORT: '0',
      REALTIME_AUTO_CLOSE: 'false',
      ...env,
    },
    // As `npm start` has it.
    execArgv: ['--expose-gc', '--min-semi-space-size=8'],
  })
  const url = await gateway.ask<string>('url')
  return {
    url,
    port: Number(new URL(url).port),
    child: gateway.child,
    answers: () => within(gateway.ask('url'), answerMs, 'the gateway does not answer'),
    held: () => within(gateway.ask<Held>('held'), answerMs, 'the gateway does not tell its memory'),
    ends: () => within(gateway.ask<Record<string, number>>('ends'), answerMs, 'the gateway does not answer'),
  }
}

/** Whoever does not answer for this long is stuck (ms). */
export const answerMs = 15_000

/** The upstream: a simulator in a process of its own. @returns settings that make a gateway use it */
export async function startSimulatorChild(t: Stage): Promise<Record<string, string>> {
  const main = here('../../runtime/simulator/main.ts')
  const child = startChild(t, process.execPath, [main, '--port', '0', '--rate', '200'])
  const url = await lineOf(
    child,
    line => /listening at (\S+)/.exec(line)?.[1],
    'the simulator does not listen',
  )
  return { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${url}/v1` }
}

export interface Flooder {
  flood(flooding: Flooding): Promise<Flooded>
  /** `isOver` ends the flood; `isCut`: the gateway has ended a connection, which who never reads cannot see. */
  tell(what: 'isOver' | 'isCut'): Promise<void>
}

export async function startFlooder(t: Stage): Promise<Flooder> {
  const flooder = await startPart(t, 'flooder.ts')
  return {
    flood: (flooding: Flooding) => flooder.ask<Flooded>('flood', flooding),
    tell: (what: 'isOver' | 'isCut') => flooder.ask('tell', what),
  }
}

/**
 * Floods a gateway once, and tells the flooder of a cut that it cannot see.
 * @returns what the flooder saw, and how the gateway ended its connections
 */
export async function floodOnce(
  gateway: GatewayChild,
  flooder: Flooder,
  flooding: Omit<Flooding, 'port'>,
): Promise<{ flooded: Flooded; ends: Record<string, number> }> {
  // What it still had to tell of the flood before is none of this one's.
  await gateway.ends()
  let isOver = false
  const flooded = flooder.flood({ port: gateway.port, ...flooding }).finally(() => {
    isOver = true
  })
  const ends: Record<string, number> = {}
  while (!isOver) {
    await new Promise(resolve => setTimeout(resolve, askedEachMs))
    // A gateway that is flooded may be long in answering.
    const told = await Promise.race([gateway.ends(), flooded.then(() => null)])
    for (const [end, count] of Object.entries(told ?? {})) ends[end] = (ends[end] ?? 0) + count
    if (Object.keys(ends).length > 0) await flooder.tell('isCut')
  }
  return { flooded: await flooded, ends }
}

const askedEachMs = 200

/** Starts a bystander that has already had an answer. */
export async function startBystander(t: Stage, url: string): Promise<Bystander> {
  const bystander = await startPart(t, 'bystander.ts')
  const ask = <Result>(what: string, argument?: unknown) =>
    within(bystander.ask<Result>(what, argument), 2 * answerMs, `the bystander waits in vain: ${what}`)
  await ask('arrive', url)
  await ask('say', 'my name is Ada')
  return {
    watch: () => ask('watch'),
    stop: () => ask('stop'),
    say: text => ask('say', text),
  }
}

export interface Bystander {
  /** Begins to ask, and to measure. */
  watch(): Promise<void>
  stop(): Promise<Watched>
  /** @returns the words of the answer */
  say(text: string): Promise<string>
}

async function startPart(
  t: Stage,
  file: string,
  options: Parameters<typeof startCommanded>[1] = {},
): Promise<Commanded> {
  const part = await startCommanded(here(file), options)
  t.teardown(() => part.child.kill('SIGKILL'))
  return part
}
