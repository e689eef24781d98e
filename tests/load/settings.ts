/** What a load test is told: by the environment, as workflows do, or by nobody. */
import { existsSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { gatewayProcess } from '../gateway/process.ts'

export interface Place {
  /** `ws://host` or `wss://host`, without a path. */
  readonly socketUrl: string
  readonly headers: Readonly<Record<string, string>>
  /** A gauge or counter of the gateway's; null where the gateway is not this test's own. */
  readonly gauge: ((name: string) => Promise<number>) | null
}

/**
 * Finds the gateway: the one at TARGET_URL (TARGET_CREDENTIAL is shown as `api-key`), else one started
 * here, before its own simulator, ended with the test.
 */
export async function placeOf(t: ExecutionContext, env: Record<string, string> = {}): Promise<Place> {
  const { TARGET_URL: target = '', TARGET_CREDENTIAL: credential = '' } = process.env
  if (target !== '') {
    const socketUrl = target.replace(/^http/, 'ws').replace(/\/+$/, '')
    return { socketUrl, headers: credential === '' ? {} : { 'api-key': credential }, gauge: null }
  }
  const { url, socketUrl } = await gatewayProcess(t, env)
  const gauge = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])
  }
  return { socketUrl, headers: {}, gauge }
}

/** Reads a whole number from 1 up. @throws Error that names the variable */
export function wholeOf(name: string, fallback: number): number {
  const text = process.env[name] ?? ''
  const value = text === '' ? fallback : Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Error(`${name}: is "${text}"; allowed is a whole number from 1`)
}

/** Whether somebody interrupted the run: end in good order. */
export function isStopped(): boolean {
  const file = process.env.LOAD_STOP_FILE ?? ''
  return file !== '' && existsSync(file)
}

export function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Rests until it is time, or the run is stopped. @param until `performance.now()` (ms) */
export async function restUntil(until: number): Promise<void> {
  while (performance.now() < until && !isStopped())
    await rest(Math.min(500, Math.max(1, until - performance.now())))
}
