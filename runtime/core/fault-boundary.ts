/**
 * The fault boundary: the one way into the gateway's code from outside. Every callback of the native server, event of
 * `ws`, timer, message of another process and promise that nobody awaits passes through `enter`. A throw or a
 * rejection in it ends what `owner` stands for (one connection), is logged once, and leaves everything else alone.
 * What still reaches `uncaughtException` or `unhandledRejection` is a bug of the process itself.
 */
import { GatewayError } from './errors.ts'

/** What one fault may end: a connection, a request, a timer's subject. */
export interface FaultOwner {
  /** Logs the fault and ends the owner with `internal`. Must not throw. */
  onFault(fault: unknown): void
}

/** Runs code that was called from outside. Up to three arguments go to `run`, so that the hot path allocates no closure. */
export function enter<A, B, C>(owner: FaultOwner, run: (a: A, b: B, c: C) => unknown, a: A, b: B, c: C): void
export function enter<A, B>(owner: FaultOwner, run: (a: A, b: B) => unknown, a: A, b: B): void
export function enter<A>(owner: FaultOwner, run: (a: A) => unknown, a: A): void
export function enter(owner: FaultOwner, run: () => unknown): void
export function enter(
  owner: FaultOwner,
  run: (a?: unknown, b?: unknown, c?: unknown) => unknown,
  a?: unknown,
  b?: unknown,
  c?: unknown,
): void {
  try {
    const result = run(a, b, c)
    if (result instanceof Promise) result.catch(fault => owner.onFault(fault))
  } catch (fault) {
    owner.onFault(fault)
  }
}

/** Runs something later through the boundary (ms). @returns the timer, to be cleared by whoever set it */
export function enterLater(owner: FaultOwner, ms: number, run: () => unknown): NodeJS.Timeout {
  return setTimeout(() => enter(owner, run), ms)
}

/** The error that ends a connection whose own code failed. */
export function internalError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError('internal', 'The gateway failed on this connection; reconnect', { cause })
}

/** Frames of a stack that are logged. */
const maxFrames = 8

/**
 * Describes a fault for the log: its name, its code and where it happened. Its message is left out unless the
 * gateway wrote it: `JSON.parse` quotes its input, and content of conversations is never logged.
 */
export function describeFault(fault: unknown): { error: string; at?: string[] } {
  try {
    return describeReadable(fault)
  } catch {
    // Whatever was thrown throws when it is looked at.
    return { error: 'unreadable' }
  }
}

function describeReadable(fault: unknown): { error: string; at?: string[] } {
  if (!(fault instanceof Error)) return { error: typeof fault }
  if (fault instanceof GatewayError) return { error: `${fault.code}: ${fault.message}` }
  const { code } = fault as { code?: unknown }
  const at = (fault.stack ?? '')
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .slice(0, maxFrames)
    .map(line => line.trim().slice(3))
  return { error: typeof code === 'string' ? `${fault.name} ${code}` : fault.name, at }
}
