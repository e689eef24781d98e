/** One connection under its limits: messages are counted, minutes run, places are given back at the end. */
import type { GatewayError } from '../errors.ts'
import type { Connection } from '../types.ts'
import { limitReached, type Share } from './shares.ts'

export interface SuperviseOptions {
  /** Counts one message. @returns the share whose limit it passes */
  readonly take: () => Share | null
  readonly onMessagesReached: (share: Share) => void
  /** Infinity where a session may last (ms). */
  readonly sessionMs: number
  /** How long before its end a session is told of it (ms). */
  readonly wrapUpMs: number
  readonly onMinutesReached: () => void
  /** Runs something once, later (ms). @returns cancels it */
  readonly after: (ms: number, run: () => void) => () => void
  /** Called once, when the connection is closed. */
  readonly release: () => void
}

/** Wraps a connection: it behaves as before until a limit is reached, which ends it with 1008. */
export function supervise(inner: Connection, options: SuperviseOptions): Connection {
  const cancels = startMinutes(inner, options)
  let over = false
  return {
    message: (data, isBinary) => {
      if (over) return
      const share = options.take()
      if (share === null) return inner.message(data, isBinary)
      over = true
      options.onMessagesReached(share)
      inner.fault(tooManyMessages(share))
    },
    writable: () => inner.writable(),
    announce: deadlineMs => inner.announce(deadlineMs),
    drain: deadlineMs => inner.drain(deadlineMs),
    expiring: deadlineMs => inner.expiring?.(deadlineMs),
    fault: error => inner.fault(error),
    closed: (code, reason) => {
      for (const cancel of cancels) cancel()
      options.release()
      inner.closed(code, reason)
    },
  }
}

function startMinutes(inner: Connection, options: SuperviseOptions): (() => void)[] {
  const { sessionMs, wrapUpMs, after, onMinutesReached } = options
  if (sessionMs === Number.POSITIVE_INFINITY) return []
  const noticeMs = Math.min(wrapUpMs, sessionMs / 2)
  const notice = noticeMs > 0 ? [after(sessionMs - noticeMs, () => inner.expiring?.(noticeMs))] : []
  const end = after(sessionMs, () => {
    onMinutesReached()
    const message = `The ${Math.round(sessionMs / 60_000)} minutes of this session are over; open another one`
    inner.fault(limitReached({ kind: 'minutes', message }))
  })
  return [...notice, end]
}

function tooManyMessages({ whose, limits }: Share): GatewayError {
  const message = `More than ${limits.messagesPerSecond} messages a second for this ${whose}`
  return limitReached({ kind: 'messages', message, retryAfterMs: 1000 })
}
