/**
 * Call control at the addresses that official SDKs use: `calls/{id}/` and `accept`, `reject`, `refer` or `hangup`.
 * Whoever has a call may end and transfer it. Calls that the gateway did not make are decided on by callers of
 * `CALLS_CONTROL`; one that is accepted here is a sideband session of its caller from then on.
 */
import { z } from 'zod'
import type { Assistant } from '../assistants/assistant.ts'
import { chosenBy } from '../assistants/choice.ts'
import { sipRefusal } from '../config/calls.ts'
import { callPaths } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { mergeSession } from '../dialect/merge-session.ts'
import type { Fields } from '../events/fields.ts'
import type { HttpAnswer, HttpRequest, HttpRoute } from '../server/http.ts'
import { readJsonBody } from '../server/json-body.ts'
import { omitPinnedFields, pinnedPolicy } from '../session/session-policy.ts'
import { chooseModel } from '../upstream/model-choice.ts'
import { findForbiddenModel } from '../upstream/model-permit.ts'
import { answerCall } from './answering.ts'
import {
  accountOf,
  assistantOf,
  type CreateCallOptions,
  refuseWhileDraining,
  requestedBy,
  sessionFor,
} from './create-call.ts'
import { type Ownership, ownerOf } from './ownership.ts'
import type { CallRecord } from './record.ts'
import { callIdPattern } from './records.ts'

export interface CallActionsOptions extends CreateCallOptions {
  readonly ownership: Ownership
  /** Marks a session as ended, and ends the control connection of its call on this replica. */
  readonly callEnded: (record: CallRecord, reason: string) => Promise<void>
}

/** What the gateway must know of a session; upstream judges the rest. */
const acceptBody = z.looseObject({
  type: z.literal('realtime', 'must be "realtime": nothing else is served here'),
  model: z.string().min(1).max(128).optional(),
})

const rejectBody = z.looseObject({
  status_code: z
    .int()
    .min(sipRefusal.min, `must be a SIP status from ${sipRefusal.min} to ${sipRefusal.max}`)
    .max(sipRefusal.max, `must be a SIP status from ${sipRefusal.min} to ${sipRefusal.max}`)
    .optional(),
})

const referBody = z.looseObject({
  target_uri: z
    .string()
    .max(1024)
    .regex(/^(tel|sips?):[\x21-\x7e]+$/i, 'must be a tel: or sip: address'),
})

/** Every answer that is no refusal, as at the API itself: 200 without a body. */
const done: HttpAnswer = { status: 200, headers: { 'Cache-Control': 'no-store' } }

/** Makes the routes. */
export function createCallActionRoutes(options: CallActionsOptions): [path: string, route: HttpRoute][] {
  return callPaths.flatMap((base): [string, HttpRoute][] => [
    [`${base}/calls/:id/accept`, { POST: refuseWhileDraining(options, accept) }],
    [`${base}/calls/:id/reject`, { POST: request => reject(options, request) }],
    [`${base}/calls/:id/refer`, { POST: request => refer(options, request) }],
    [`${base}/calls/:id/hangup`, { POST: request => hangUp(options, request) }],
  ])
}

async function accept(options: CallActionsOptions, request: HttpRequest): Promise<HttpAnswer> {
  const { permit } = options
  const assistant = chosenBy(options.assistants, request)
  await mustBeNew(options, request)
  const session = readJsonBody(request, acceptBody)
  const forbidden = findForbiddenModel(permit, session, 'conversation')
  if (forbidden !== null) throw forbidden.error
  const { deployment } = chooseModel(permit.choice, session.model ?? null)
  const { address, passed } = requestedBy(options, request)
  await answerCall(options, {
    callId: request.id,
    session: {
      ...sessionWith(options, request, assistant, session),
      model: assistant?.deployment ?? deployment,
    },
    ...assistantOf(assistant),
    owner: ownerOf(request),
    account: accountOf(request),
    address,
    headers: passed,
  })
  return done
}

/** A telephone call has no data channel: every assistant may be offered. */
function sessionWith(
  options: CallActionsOptions,
  request: HttpRequest,
  assistant: Assistant | null,
  session: Fields,
): Fields {
  if (assistant === null) return session
  const own = assistant.isPinned ? omitPinnedFields(session, pinnedPolicy('leave_out').fields) : session
  return mergeSession(sessionFor(options, assistant, request), own)
}

async function reject(options: CallActionsOptions, request: HttpRequest): Promise<HttpAnswer> {
  await mustBeNew(options, request)
  const { status_code } = readJsonBody(request, rejectBody)
  if (!(await options.calls.reject(request.id, status_code, requestedBy(options, request).passed)))
    throw over()
  return done
}

async function refer(options: CallActionsOptions, request: HttpRequest): Promise<HttpAnswer> {
  const record = await controlled(options, request)
  const { target_uri } = readJsonBody(request, referBody)
  const wasThere = await options.calls.refer(request.id, target_uri, requestedBy(options, request).passed)
  if (record !== null) await options.callEnded(record, wasThere ? 'referred' : 'upstream ended it')
  if (!wasThere) throw over()
  return done
}

async function hangUp(options: CallActionsOptions, request: HttpRequest): Promise<HttpAnswer> {
  const record = await controlled(options, request)
  const wasThere = await options.calls.hangUp(request.id, requestedBy(options, request).passed)
  if (record !== null) await options.callEnded(record, 'hung up')
  if (!wasThere) throw over()
  return done
}

/** A call that the gateway has already was decided on. @throws GatewayError `conflict`, `call_not_found` */
async function mustBeNew(options: CallActionsOptions, request: HttpRequest): Promise<void> {
  const record = await controlled(options, request)
  if (record !== null) throw new GatewayError('conflict', 'This call was answered already')
}

/**
 * Finds a call that the caller may control.
 * @returns its session; null for a call that the gateway does not know, where the caller may control those
 * @throws GatewayError `call_not_found` for all others, which are not told apart
 */
async function controlled(
  { records, ownership }: CallActionsOptions,
  request: HttpRequest,
): Promise<CallRecord | null> {
  const record = await records.lookUpCall(request.id)
  if (record === null && ownership.mayControl(request) && callIdPattern.test(request.id)) return null
  if (record !== null && ownership.ownersOf(request).includes(record.owner)) return record
  throw new GatewayError('call_not_found', 'There is no such call of yours here')
}

function over(): GatewayError {
  return new GatewayError('call_not_found', 'The call is over')
}
