/** A handler's context for tests: nobody in particular asks, and nothing is dialed. */
import type { Context } from '../../runtime/server/handler.ts'

/** Sizes and times that no test reaches. */
export const someBounds = {
  heartbeatMs: 1000,
  maxMessageBytes: 1_000_000,
  upstreamBufferBytes: 1_000_000,
  clientBufferBytes: 1_000_000,
  clientStallMs: 1000,
  upstreamStallMs: 60_000,
}

export function someContext(given: Partial<Context> = {}): Context {
  return {
    request: {
      path: '/x',
      query: new URLSearchParams(),
      subprotocols: [],
      headers: new Map(),
      address: '127.0.0.1',
    },
    principal: { name: 'anonymous', by: 'none' },
    limits: { bounds: someBounds, account: 'address:127.0.0.1' },
    resumed: null,
    dial: () => () => undefined,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    ...given,
  }
}
