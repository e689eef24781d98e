/** What probes and scrapers ask: alive, ready, and the counters. */

import type { Metrics } from '../observability/metrics.ts'
import { type HttpHandler, jsonAnswer } from '../server/http.ts'

export interface Place {
  readonly revision: string
  readonly replica: string
}

/** Liveness, and the Application Gateway's probe: 200 as long as the process runs, also while it drains. */
export function createHealth(place: Place, phase: () => string): HttpHandler {
  return () => {
    const current = phase()
    return jsonAnswer(200, { status: current === 'serving' ? 'ok' : current, ...place })
  }
}

/**
 * Readiness: 200 while new work is welcome, else 503 with the reason.
 * @param unready why new work is not welcome; null when it is
 * @param warnings what an operator has to do before long; the body alone tells them, not the status
 * @param assistants version of all assistants together; it names none of them, as everyone may ask
 */
export function createReadiness(
  place: Place,
  unready: () => string | null,
  warnings: () => readonly string[],
  assistants: () => string,
): HttpHandler {
  return () => {
    const reason = unready()
    const found = warnings()
    const rest = { ...place, assistants: assistants(), ...(found.length > 0 && { warnings: found }) }
    if (reason === null) return jsonAnswer(200, { status: 'ready', ...rest })
    return jsonAnswer(503, { status: 'unready', reason, detail: reason, ...rest })
  }
}

/** Prometheus text (exposition format 0.0.4). */
export function createMetricsPage(metrics: Metrics): HttpHandler {
  return async () => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
    body: await metrics.render(),
  })
}
