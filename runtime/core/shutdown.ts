/**
 * What happens between the deadline of a drain and the SIGKILL of the platform, step after step, and how long each step
 * may take at most. The steps together fit into `drainMarginSec` (`contract.ts`), with `shutdownReserveMs` to spare.
 */
import { drainMarginSec } from './contract.ts'

/** A drain waits so long for clients to be told of it, before it ends the first connection (ms). */
export const announceMs = 2000

/** The ticket that clients are told with it is waited for so long (ms); then they are told without one. */
export const ticketWaitMs = 1500

/** Steps of one process, in their order (ms). */
export const shutdownSteps = {
  /** Sockets take what is buffered for them, and their close frames. */
  closeFramesMs: 1000,
  /** What calls counted is written to the store. */
  callCountsMs: 500,
  /** Sums of usage, and ends of sessions, are written to the store. */
  usageMs: 500,
  /** Recordings are written. */
  recordingsMs: 1000,
  /** Log lines are written. */
  logLinesMs: 500,
} as const

/** All steps of one process (ms). */
export const shutdownMs = Object.values(shutdownSteps).reduce((sum, ms) => sum + ms, 0)

/** A worker that has not ended by then will not, and is killed (ms after the deadline). */
export const workerKillMs = shutdownMs + 500

/** The supervisor writes its own log lines after its last worker is gone (ms after the deadline). */
export const supervisorShutdownMs = workerKillMs + shutdownSteps.logLinesMs

/** For signals to arrive, and for an event loop that is busy (ms). */
export const shutdownReserveMs = 500

/** From the deadline of a drain to SIGKILL (ms). */
export const shutdownAllowedMs = drainMarginSec * 1000
