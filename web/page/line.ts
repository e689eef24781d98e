/** Shows in the masthead how a connection is, with a countdown while it waits. */
import { say } from '../language/language.ts'
import type { Connection, ConnectionState } from './connection.ts'
import type { LinePhase, Masthead } from './masthead.ts'

const tickMs = 500
/** A shorter wait needs no button. */
const worthSkippingMs = 2000

/** Says how the line to the gateway is. */
export function lineWords(state: ConnectionState): string {
  if (state.phase === 'connecting') return say('Connecting…')
  if (state.phase === 'open') return say('Connected')
  if (state.phase === 'draining') return say('This server is being replaced; moving you over')
  if (state.phase === 'refused') return say('Sign-in needed')
  if (state.phase === 'closed') return say('Not connected')
  if (state.isOffline) return say('You are offline')
  const seconds = Math.ceil(state.retryInMs / 1000)
  return seconds > 1 ? say('Reconnecting in {seconds} s', { seconds }) : say('Reconnecting…')
}

/** Keeps the masthead's line up to date. @returns shows one state */
export function showLine(
  masthead: Masthead,
  connection: Pick<Connection<{ type: string }>, 'retryNow'>,
): (state: ConnectionState) => void {
  let countdown = 0
  return state => {
    clearInterval(countdown)
    const phase: LinePhase = state.phase === 'closed' ? 'idle' : state.phase
    const isWaiting = state.phase === 'waiting'
    masthead.line(phase, lineWords(state), isWaiting ? state.reason : '')
    const canSkip = state.phase === 'refused' || (isWaiting && state.retryInMs >= worthSkippingMs)
    masthead.retry(canSkip ? () => connection.retryNow() : undefined)
    if (!isWaiting) return
    const end = performance.now() + state.retryInMs
    countdown = window.setInterval(() => {
      const retryInMs = Math.max(0, end - performance.now())
      masthead.line('waiting', lineWords({ ...state, retryInMs }), state.reason)
    }, tickMs)
  }
}
