/** Warns an operator of configured models that their vendor retires soon. */
import type { Config } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { describeFault } from '../core/fault-boundary.ts'
import { warnOfRetirements } from '../models/warnings.ts'
import type { Log } from '../observability/log.ts'
import { type AnnouncedDays, askForRetirements } from '../upstream/announced-retirements.ts'
import type { Endpoint } from '../upstream/endpoint-pool.ts'

export interface RetirementWarnings {
  /** What is to be warned of now: a sentence for each model. */
  warnings(): string[]
  /** Asks no longer what is announced. Safe to call twice. */
  stop(): void
}

/**
 * Logs each warning as `model.warning`: what the table of models tells at once, and what OpenAI itself announces when it
 * has answered. A model that both tell of is named once, unless OpenAI announces an earlier day than was logged.
 * @param clock says what day it is
 */
export function warnOfModels(
  { models: { configured }, connectTimeoutMs }: Config,
  { target, credential, log, clock }: Endpoint & { log: Log; clock: Pick<Clock, 'now'> },
): RetirementWarnings {
  let announced: AnnouncedDays = new Map()
  const warnings = () => warnOfRetirements(configured, new Date(clock.now()), announced)
  const fromTable = warnings()
  for (const message of fromTable) log.warn('model.warning', { message })
  // Azure announces nothing so, and what the embedded simulator announces is the table.
  if (target.provider !== 'openai') return { warnings, stop: () => undefined }
  const stop = askForRetirements(
    {
      ...{ target, credential, timeoutMs: connectTimeoutMs },
      names: configured.map(({ name }) => name),
      onFault: fault => log.error('upstream.failed', describeFault(fault)),
    },
    days => {
      announced = days
      for (const message of warnings())
        if (!fromTable.includes(message)) log.warn('model.warning', { message })
    },
  )
  return { warnings, stop }
}
