/** A sideband session as the store holds it. */
import type { Fields } from '../store/store.ts'

export interface CallRecord {
  readonly sessionId: string
  /** Name of the credential that made the session. */
  readonly owner: string
  /** What is stored for the session is charged to this account. */
  readonly account: string
  /** From which the call was made; '' until then. */
  readonly address: string
  readonly provider: string
  /** '' until the call is made. */
  readonly callId: string
  /** Deployment of its session; '' where it names none. */
  readonly model: string
  /** Times are ISO 8601; '' while they have not come. */
  readonly createdAt: string
  readonly connectedAt: string
  readonly endedAt: string
  readonly endedReason: string
  readonly lastActivity: string
  readonly lastEventType: string
  readonly eventsFrom: number
  readonly eventsTo: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** What a pinned session is put back to: JSON of instructions and tools. */
  readonly pinned: string
  /** JSON of how the session finds turns, where it began without answering them; '' where it did not. */
  readonly turnDetection: string
  /** Name of its assistant; '' where it has none. */
  readonly assistant: string
  /** Whether its assistant is pinned: no event that a client sees shows instructions or tools, and none changes them. */
  readonly isPinned: boolean
  /** What it has used so far: JSON of its account; '' until it used anything. */
  readonly usage: string
}

/** What happened since the last write; numbers are added to those of other replicas. */
export interface Activity {
  eventsFrom: number
  eventsTo: number
  inputTokens: number
  outputTokens: number
  lastEventType: string
}

/** How the store names the policy of a session whose assistant is pinned. */
const pinnedPolicyName = 'pinned'

/** How the store names what a session's assistant is. */
export function assistantFields({ assistant, isPinned }: Pick<CallRecord, 'assistant' | 'isPinned'>): Fields {
  return { assistant, policy: isPinned ? pinnedPolicyName : '' }
}

/** Reads the store's fields; what was never written reads as empty or zero. */
export function readCallRecord(sessionId: string, fields: Record<string, string>): CallRecord {
  const text = (name: string) => fields[name] ?? ''
  const number = (name: string) => Number(fields[name] ?? 0)
  return {
    sessionId,
    owner: text('owner'),
    account: text('account') || `credential:${text('owner')}`,
    address: text('address'),
    provider: text('provider'),
    callId: text('call_id'),
    model: text('model'),
    createdAt: text('created_at'),
    connectedAt: text('connected_at'),
    endedAt: text('ended_at'),
    endedReason: text('ended_reason'),
    lastActivity: text('last_activity'),
    lastEventType: text('last_event_type'),
    eventsFrom: number('events_from_openai'),
    eventsTo: number('events_to_openai'),
    inputTokens: number('input_tokens'),
    outputTokens: number('output_tokens'),
    pinned: text('pinned'),
    turnDetection: text('turn_detection'),
    assistant: text('assistant'),
    isPinned: text('policy') === pinnedPolicyName,
    usage: text('usage'),
  }
}

/** Writes a session with a call anew, as the replica that controls it knows it. @param at ISO 8601 */
export function fieldsOf(record: CallRecord, totals: Activity, at: string): Fields {
  return {
    owner: record.owner,
    account: record.account,
    address: record.address,
    provider: record.provider,
    created_at: record.createdAt,
    connected_at: record.connectedAt,
    call_id: record.callId,
    model: record.model,
    pinned: record.pinned,
    turn_detection: record.turnDetection,
    ...assistantFields(record),
    offer: 'made',
    ended_at: '',
    last_activity: at,
    last_event_type: totals.lastEventType,
    events_from_openai: totals.eventsFrom,
    events_to_openai: totals.eventsTo,
    input_tokens: totals.inputTokens,
    output_tokens: totals.outputTokens,
    usage: record.usage,
  }
}
