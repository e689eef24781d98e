/** The end of a call, told once, whichever replica or request is first to know of it. */
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'

export interface EndCallParts {
  readonly records: Pick<CallRecords, 'end'>
  readonly log: Log
  readonly metrics: Metrics
}

/**
 * Marks a session as ended. Of all that see a call's end, the first to mark it counts and logs it.
 * @returns whether this was the first, and it had a call
 * @throws GatewayError `store_unavailable`
 */
export async function endCall(
  { records, log, metrics }: EndCallParts,
  record: CallRecord,
  reason: string,
): Promise<boolean> {
  const first = await records.end(record, reason)
  const { sessionId, callId, provider, connectedAt } = record
  if (!first || callId === '') return false
  const seconds = Math.max(0, (Date.now() - Date.parse(connectedAt)) / 1000)
  metrics.traffic.callSeconds += seconds
  log.info('sideband.call.ended', {
    session_id: sessionId,
    call_id: callId,
    provider,
    reason,
    seconds: Math.round(seconds),
  })
  return true
}
