/** Answers telephone calls, and remembers whose they are: for whoever controls calls, and for the webhook. */
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../observability/log.ts'
import type { Calls } from '../upstream/calls.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'

export interface AnsweringOptions {
  readonly calls: Calls
  readonly records: CallRecords
  readonly log: Log
  /** A call was answered: watches it from now on, where calls are watched. */
  readonly callMade: (record: CallRecord, passed?: Readonly<Record<string, string>>) => void
}

export interface Answering {
  readonly callId: string
  /** Upstream's flat session, which names its model. */
  readonly session: {
    readonly model: string
    readonly instructions?: unknown
    readonly tools?: unknown
    readonly prompt?: unknown
  }
  readonly owner: string
  /** Name of its assistant; absent: it has none. */
  readonly assistant?: string
  readonly isPinned?: boolean
  /** What is stored is charged to it. */
  readonly account: string
  /** What the call counts for besides its owner. */
  readonly address: string
  /** Sent to upstream beside those that authenticate. */
  readonly headers?: Readonly<Record<string, string>>
  /** An earlier request may have answered the call without anybody's hearing of it: a conflict is then taken for that. */
  readonly wasAsked?: boolean
}

/**
 * Answers a call that rings; it is a sideband session from then on.
 * The session is made first, so that a call is not answered for somebody who may store nothing more.
 * @throws GatewayError `call_not_found` when it does not ring any more; `limit_reached`; `store_unavailable`; as
 *   upstream's calls do. The call was not answered then, or was hung up.
 */
export async function answerCall(
  { calls, records, log, callMade }: AnsweringOptions,
  {
    callId,
    session,
    owner,
    account,
    address,
    headers,
    assistant = '',
    isPinned = false,
    wasAsked = false,
  }: Answering,
): Promise<CallRecord> {
  const made = await records.find(await records.create(owner, account, { assistant, isPinned }), owner)
  const forget = (reason: string) => records.end(made, reason).catch(() => undefined)
  try {
    if (!(await calls.accept(callId, session, headers))) throw gone()
  } catch (fault) {
    if (!(wasAsked && isDecided(fault))) {
      await forget('not answered')
      throw fault
    }
  }
  const { model, instructions, tools = [], prompt } = session
  const pinned = JSON.stringify({ instructions, tools, prompt: prompt ?? undefined })
  try {
    if (!(await records.connect(made, { callId, model, pinned, address }))) throw gone()
    const record = await records.find(made.sessionId, owner)
    const { sessionId: session_id, provider } = record
    log.info('sideband.call.answered', { session_id, call_id: callId, provider })
    callMade(record, headers)
    return record
  } catch (fault) {
    // Nobody could find this call again to end it.
    await calls.hangUp(callId, headers).catch(() => undefined)
    await forget('could not be remembered')
    if (fault instanceof GatewayError && fault.code === 'limit_reached') throw fault
    throw new GatewayError(
      'store_unavailable',
      'The call was answered but could not be remembered, so it was hung up',
      { cause: fault },
    )
  }
}

/** Upstream refuses a second decision; with which status is told nowhere. */
function isDecided(fault: unknown): boolean {
  const status = fault instanceof GatewayError ? fault.upstreamStatus : undefined
  return status === 400 || status === 409
}

function gone(): GatewayError {
  return new GatewayError('call_not_found', 'The call does not ring any more, or was never there')
}
