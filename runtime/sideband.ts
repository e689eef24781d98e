/** Puts the sideband together: records in the store, calls over HTTP, control connections. */
import { randomUUID } from 'node:crypto'
import { CallRecords } from './calls/records.ts'
import type { Config } from './config.ts'
import type { Credential } from './credentials/credentials.ts'
import { type ControlOptions, Controls } from './handlers/control.ts'
import { controlPath } from './handlers/observer.ts'
import { createSideband } from './handlers/sideband.ts'
import type { HttpRoute } from './http.ts'
import type { Store } from './store/store.ts'
import type { Target } from './target.ts'
import type { SocketRoute } from './types.ts'
import { createCalls } from './upstream/calls.ts'
import { createCallDialer } from './upstream/dial-call.ts'

export interface SidebandParts extends Pick<ControlOptions, 'limits' | 'log' | 'metrics' | 'readType'> {
  readonly target: Target
  readonly credential: Credential
  readonly store: Store
}

export interface Sideband {
  readonly http: [path: string, route: HttpRoute][]
  readonly sockets: [path: string, route: SocketRoute][]
  /** Ends every control connection, and no call. */
  close(): void
}

export function assembleSideband(config: Config, parts: SidebandParts): Sideband {
  const { target, credential, store, limits, log } = parts
  const { connectTimeoutMs, chat } = config
  const { webrtcFilter, pinSession, sessionTtlMs } = config.sideband
  const records = new CallRecords({ store, provider: target.provider, ttlMs: sessionTtlMs })
  const calls = createCalls({ target, credential, timeoutMs: connectTimeoutMs, webrtcFilter })
  const controls = new Controls({
    ...parts,
    records,
    dialCall: createCallDialer({ target, credential, connectTimeoutMs, ...limits, log }),
    hangUp: callId => calls.hangUp(callId),
    pinSession,
    holder: randomUUID(),
  })
  const http = createSideband({
    target,
    calls,
    records,
    log,
    instructions: chat.instructions ?? '',
    voice: chat.voice,
    callMade: record => controls.callMade(record),
    callEnded: (sessionId, reason) => controls.callEnded(sessionId, reason),
  })
  return { http, sockets: [[controlPath, controls.route]], close: () => controls.close() }
}
