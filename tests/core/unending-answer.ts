/** An HTTP server whose answers need not end, and garbage collections while one is read. */
import type { ServerResponse } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ExecutionContext } from 'ava'
import { serveHttp } from '../gateway/http-server.ts'
import { patienceMs, within } from '../gateway/within.ts'

/** Of the system, also where a test puts timers of its own in their place. */
const { setTimeout } = globalThis

setFlagsFromString('--expose_gc')
const collectOnce: () => void = runInNewContext('gc')

/** Collects garbage for as long as it takes to collect what nothing refers to (ms). */
const collectingMs = 300
const stepMs = 20

/** Collects garbage some times, and lets the process run between. */
export async function collectGarbage(): Promise<void> {
  for (let passed = 0; passed < collectingMs; passed += stepMs) {
    await new Promise(resolve => setTimeout(resolve, stepMs))
    collectOnce()
  }
}

/** A server that answers so. @returns its address, and what resolves when its client has closed the connection */
export async function serveAnswer(t: ExecutionContext, answer: (response: ServerResponse) => void) {
  const left = Promise.withResolvers<void>()
  const url = await serveHttp(t, (request, response) => {
    request.socket.once('close', () => left.resolve())
    answer(response)
  })
  return {
    url,
    left: () => within(left.promise, patienceMs, 'the client does not close the connection'),
  }
}
