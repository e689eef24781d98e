/** A session over fakes, and the ways into each of its phases. */
import { GatewayError } from '../../runtime/core/errors.ts'
import type { UpstreamListener } from '../../runtime/core/ports.ts'
import { createTypeReader } from '../../runtime/events/type.ts'
import { createMetrics } from '../../runtime/observability/metrics.ts'
import {
  type Caller,
  type Phase,
  Session,
  type SessionHooks,
  type SessionOptions,
} from '../../runtime/session/session.ts'
import { within } from '../gateway/within.ts'

export const limits = {
  heartbeatMs: 1000,
  maxMessageBytes: 1000,
  upstreamBufferBytes: 10_000,
  clientBufferBytes: 100,
  clientStallMs: 60_000,
  upstreamStallMs: 60_000,
}

/** Nothing here waits for a network (ms). */
const endedMs = 5000

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** A session whose client and upstream only write down what happens to them. */
export function stage(
  hooks: Partial<SessionHooks> = {},
  changed: Partial<typeof limits> = {},
  parts: Partial<SessionOptions> & Pick<Caller, 'meter'> & Partial<Pick<Caller, 'log'>> = {},
) {
  const seen: string[] = []
  /** Of what upstream gets, as it was told them. */
  const types: unknown[] = []
  const buffered = { client: 0, upstream: 0 }
  let listener: UpstreamListener | undefined
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>()
  const session: Session = new Session(
    {
      client: {
        id: 'c1',
        send: (message, isBinary = false) => {
          seen.push(`client gets ${isBinary ? 'bytes ' : ''}${message}`)
          return buffered.client === 0
        },
        buffered: () => buffered.client,
        probe: () => undefined,
        close: (code, reason) => {
          seen.push(`client closed ${code} ${reason}`)
          onEnded()
        },
      },
      route: '/test',
      meter: parts.meter,
      dial: given => {
        seen.push('dial')
        listener = given
        return () => seen.push('dial aborted')
      },
      limits: { ...limits, ...changed },
      log: parts.log ?? quiet,
    },
    {
      metrics: createMetrics({ revision: 'r', replica: 'n' }),
      readType: createTypeReader(),
      ...parts,
    },
    {
      opened: () => seen.push('opened'),
      event: frame => session.deliver(frame),
      refused: error => seen.push(`refused ${error.code}`),
      ...hooks,
    },
  )
  const upstream = {
    deployment: 'one',
    send: (message: string | Uint8Array, isBinary = false, type?: string | null) => {
      types.push(type)
      seen.push(`upstream gets ${isBinary ? 'bytes ' : ''}${Buffer.from(message as Uint8Array)}`)
    },
    buffered: () => buffered.upstream,
    pause: () => seen.push('upstream paused'),
    giveUp: ({ code }: GatewayError) => seen.push(`upstream given up ${code}`),
    resume: () => seen.push('upstream resumed'),
    close: (code: number) => seen.push(`upstream closed ${code}`),
  }
  const told = () => seen.splice(0)
  const open = () => listener?.opened(upstream)
  const event = (type: string, fields: object = {}) =>
    listener?.event(Buffer.from(JSON.stringify({ type, ...fields })), false)
  return {
    session,
    buffered,
    types,
    told,
    open,
    event,
    /** An event whose type somebody has read. */
    eventOf: (type: string | null, frame: string) => listener?.event(Buffer.from(frame), false, type),
    /** Resolves when the client is closed. */
    get ended() {
      return within(ended, endedMs, 'the client is not closed')
    },
    upstreamEnds: (code: number, reason: string) => listener?.closed(code, reason),
    /** Bytes that are no event. */
    bytes: (frame: string) => listener?.event(Buffer.from(frame), true),
    upstreamFaults: (fault: unknown) => listener?.fault(fault),
    dialFails: () => listener?.failed(new GatewayError('upstream_unreachable', 'gone')),
  }
}

export type Stage = ReturnType<typeof stage>

export const enter: Record<Phase, (s: Stage) => void> = {
  idle: () => undefined,
  dialing: s => s.session.dial(),
  open: s => {
    s.session.dial()
    s.open()
  },
  draining: s => {
    s.session.dial()
    s.open()
    s.session.forward('turn', 'response.create')
    s.session.drain(60_000)
  },
  closed: s => {
    s.session.dial()
    s.session.clientClosed(1000, '')
  },
}
