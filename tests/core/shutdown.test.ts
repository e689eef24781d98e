import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { drainMarginSec } from '../../runtime/core/contract.ts'
import {
  shutdownAllowedMs,
  shutdownMs,
  shutdownReserveMs,
  shutdownSteps,
  supervisorShutdownMs,
  workerKillMs,
} from '../../runtime/core/shutdown.ts'

test('all that follows the deadline of a drain is over before SIGKILL, with a reserve', t => {
  const sum = Object.values(shutdownSteps).reduce((total, ms) => total + ms, 0)
  t.is(shutdownMs, sum)
  t.is(shutdownAllowedMs, drainMarginSec * 1000)
  t.true(shutdownMs + shutdownReserveMs < shutdownAllowedMs)
})

test('a worker is killed after its own steps, and the supervisor still ends in time', t => {
  t.true(workerKillMs > shutdownMs)
  t.true(supervisorShutdownMs >= workerKillMs + shutdownSteps.logLinesMs)
  t.true(supervisorShutdownMs + shutdownReserveMs <= shutdownAllowedMs)
})

test('every step takes its time from the table, and no other', t => {
  const homes: Record<keyof typeof shutdownSteps, string> = {
    closeFramesMs: 'server/drain.ts',
    callCountsMs: 'calls/control-route.ts',
    usageMs: 'gateway/accounts.ts',
    recordingsMs: 'observability/recording/recorder.ts',
    logLinesMs: 'observability/log-output.ts',
  }
  for (const [step, home] of Object.entries(homes)) {
    const file = fileURLToPath(new URL(`../../runtime/${home}`, import.meta.url))
    t.true(readFileSync(file, 'utf8').includes(`shutdownSteps.${step}`), `${home}: ${step}`)
  }
})
