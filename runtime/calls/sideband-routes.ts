/** The HTTP side of `/sideband`: sessions, keys, offers, hang-ups. Media never passes through here. */
import { z } from 'zod'
import type { Assistant } from '../assistants/assistant.ts'
import { checkOffered, chosenBy } from '../assistants/choice.ts'
import { maxAssistantChars } from '../core/contract.ts'
import { GatewayError } from '../core/errors.ts'
import { mergeSession } from '../dialect/merge-session.ts'
import type { HttpHandler, HttpRequest, HttpRoute } from '../server/http.ts'
import { jsonAnswer } from '../server/http.ts'
import { readJsonBody } from '../server/json-body.ts'
import { blankSession, ownInstructionsPolicy } from '../session/session-policy.ts'
import { restUrl, type Target } from '../upstream/target.ts'
import type { CallStatus } from './call-status.ts'
import {
  accountOf,
  assistantOf,
  type CreateCallOptions,
  createCall,
  mintKey,
  refuseWhileDraining,
  requestedBy,
  sessionFor,
  withoutAnswers,
} from './create-call.ts'
import { sdpPattern } from './offer.ts'
import { type Ownership, ownerOf, telephoneOwner } from './ownership.ts'
import type { CallRecord } from './record.ts'
import type { CallRecords } from './records.ts'

export interface SidebandOptions extends CreateCallOptions {
  readonly instructions: string
  readonly voice: string
  /** Azure only: hides prompt and tools from the browser's data channel. */
  readonly webrtcFilter: boolean
  /** Clients neither see nor replace the instructions. */
  readonly pinned: boolean
  /** Marks a session as ended, and ends the control connection of its call on this replica. */
  readonly callEnded: (record: CallRecord, reason: string) => Promise<void>
  readonly status: Pick<CallStatus, 'isRunning' | 'known'>
  readonly ownership: Ownership
}

const assistantName = z.string().min(1).max(maxAssistantChars).optional()

const sessionSettings = z.object({
  voice: z.string().min(1).max(128).optional(),
  instructions: z.string().max(65_536).optional(),
})

const keyBody = sessionSettings.extend({ assistant: assistantName })
const sessionBody = z.object({ assistant: assistantName })

const offerBody = sessionSettings.extend({
  sdp: z.string().regex(sdpPattern, 'is not an SDP offer'),
  session_id: z.string().regex(/^sideband_[0-9a-f]{16}$/, 'is not the id of a sideband session'),
})

const pageSize = 100

/** Makes the routes below `/sideband/`. */
export function createSideband(options: SidebandOptions): [path: string, route: HttpRoute][] {
  const { records, ownership } = options
  const owned = (
    handle: (record: CallRecord, request: HttpRequest) => ReturnType<HttpHandler>,
  ): HttpHandler => {
    return async request => handle(await records.find(request.id, ...ownership.ownersOf(request)), request)
  }
  return [
    ['/sideband/config', { GET: () => jsonAnswer(200, describeTarget(options.target)) }],
    ['/sideband/session', { POST: request => makeSession(options, request) }],
    ['/sideband/ephemeral-key', { POST: refuseWhileDraining(options, makeKey) }],
    ['/sideband/offer', { POST: refuseWhileDraining(options, makeCall) }],
    ['/sideband/sessions', { GET: request => listSessions(options, request) }],
    [
      '/sideband/session/:id',
      {
        GET: owned((record, request) => describeNow(options, record, request)),
        DELETE: owned((record, request) => hangUp(options, record, request)),
      },
    ],
  ]
}

function describeTarget(target: Target): object {
  const { provider, baseUrl, deployments } = target
  const azureResource = provider === 'azure' ? (baseUrl.hostname.split('.')[0] ?? '') : ''
  return {
    provider,
    azure_resource: azureResource,
    model: deployments[0],
    base_url: restUrl(target, '').href.replace(/\/realtime\/$/, ''),
  }
}

async function makeSession({ records, assistants, target, log }: SidebandOptions, request: HttpRequest) {
  const { assistant: named = null } = readJsonBody(request, sessionBody)
  const assistant = chosenBy(assistants, request, named)
  checkOffered(assistant, 'call')
  const sessionId = await records.create(ownerOf(request), accountOf(request), assistantOf(assistant))
  const { provider } = target
  log.info('sideband.session.created', {
    session_id: sessionId,
    provider,
    ...(assistant !== null && { assistant: assistant.name, version: assistant.version }),
    webrtc_connected: false,
    websocket_connected: false,
  })
  return jsonAnswer(200, {
    session_id: sessionId,
    provider,
    ...(assistant !== null && { assistant: assistant.name }),
    message: 'Session created; connect WebRTC next',
  })
}

async function makeKey(options: SidebandOptions, request: HttpRequest) {
  const { target, pinned, assistants } = options
  const { assistant: named = null, ...settings } = readJsonBody(request, keyBody)
  const assistant = chosenBy(assistants, request, named)
  checkOffered(assistant, 'key')
  const session = sessionOf(options, request, assistant, settings)
  const key = await mintKey(options, request, { session }, { isPinned: pinned, assistant })
  const { raw } = key
  const isHidden = pinned && raw.session !== undefined
  return jsonAnswer(200, {
    token: key.value,
    provider: target.provider,
    expires_at: key.expiresAt,
    raw_response: isHidden
      ? { ...raw, session: blankSession(raw.session ?? {}, ownInstructionsPolicy.fields) }
      : raw,
  })
}

async function makeCall(options: SidebandOptions, request: HttpRequest) {
  const { records, assistants, target, webrtcFilter } = options
  const asked = requestedBy(options, request)
  const body = readJsonBody(request, offerBody)
  const record = await records.find(body.session_id, ownerOf(request))
  if (record.endedAt !== '')
    throw new GatewayError('conflict', 'This session has ended; make another session')
  const assistant = chosenBy(assistants, request, record.assistant || null)
  checkOffered(assistant, 'call')
  const { session, ...later } = withoutAnswers(sessionOf(options, request, assistant, body), assistant)
  await records.reserveCall(record.sessionId)
  const filtered = webrtcFilter || record.isPinned
  const call = await mintKey(options, request, { session }, { assistant })
    .then(key =>
      createCall(options, { sdp: body.sdp, filtered, ...asked }, { ...key, ...later }, async () => record),
    )
    .catch(async fault => {
      await records.releaseCall(record.sessionId).catch(() => undefined)
      throw fault
    })
  return jsonAnswer(200, {
    sdp: call.sdp,
    session_id: record.sessionId,
    call_id: call.callId,
    provider: target.provider,
    message: 'WebRTC answer created; connect control next',
  })
}

async function listSessions({ records, status, ownership }: SidebandOptions, request: HttpRequest) {
  const offset = Number(request.query.get('cursor') ?? 0)
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new GatewayError('bad_request', '"cursor": is not one that was given')
  const page = await records.page(ownership.ownersOf(request), offset, pageSize)
  const sessions = await Promise.all(
    page.records.map(async record => describe(records, record, await status.known(record))),
  )
  const next = offset + pageSize < page.total ? { next_cursor: String(offset + pageSize) } : {}
  return jsonAnswer(200, { sessions, total: page.total, ...next })
}

async function hangUp(options: SidebandOptions, record: CallRecord, request: HttpRequest) {
  const { calls, callEnded } = options
  const { sessionId, callId } = record
  const { passed } = requestedBy(options, request)
  const wasThere = callId !== '' && record.endedAt === '' && (await calls.hangUp(callId, passed))
  await callEnded(record, 'hung up')
  const message = wasThere ? 'The call was hung up' : 'There was no call to hang up; the session has ended'
  return jsonAnswer(200, { session_id: sessionId, call_id: callId, message })
}

/** Upstream is asked about a call that nobody controls; the session may turn out to have ended. */
async function describeNow(options: SidebandOptions, record: CallRecord, request: HttpRequest) {
  const { records, status } = options
  const isRunning = await status.isRunning(record, requestedBy(options, request).passed)
  const now = isRunning === false ? await records.find(record.sessionId, record.owner) : record
  return jsonAnswer(200, await describe(records, now, isRunning))
}

/** @param isRunning whether its call goes on; null where that is not known */
async function describe(
  records: CallRecords,
  record: CallRecord,
  isRunning: boolean | null,
): Promise<object> {
  const ended = record.endedAt !== ''
  const until = ended ? Date.parse(record.endedAt) : Date.now()
  const seconds = record.connectedAt === '' ? 0 : Math.round((until - Date.parse(record.connectedAt)) / 1000)
  return {
    session_id: record.sessionId,
    call_id: record.callId || null,
    created_at: record.createdAt,
    provider: record.provider,
    origin: record.owner === telephoneOwner ? 'telephone' : 'browser',
    ...(record.assistant !== '' && { assistant: record.assistant }),
    webrtc_connected: ended ? false : isRunning,
    websocket_connected: !ended && (await records.isControlled(record.sessionId)),
    events_from_openai: record.eventsFrom,
    events_to_openai: record.eventsTo,
    last_event_type: record.lastEventType || null,
    last_activity: record.lastActivity,
    ended_at: record.endedAt || null,
    ended_reason: record.endedReason || null,
    usage: { input_tokens: record.inputTokens, output_tokens: record.outputTokens, seconds },
  }
}

/** @throws GatewayError `forbidden` for instructions of the caller's where the gateway's are pinned */
function sessionOf(
  options: SidebandOptions,
  request: HttpRequest,
  assistant: Assistant | null,
  { voice, instructions }: z.output<typeof sessionSettings>,
) {
  if ((options.pinned || assistant?.isPinned === true) && instructions !== undefined)
    throw new GatewayError(
      'forbidden',
      '"instructions" are set by this gateway and cannot be replaced; leave them out',
    )
  if (assistant !== null) {
    const own = {
      ...(instructions !== undefined && { instructions }),
      ...(voice !== undefined && { audio: { output: { voice } } }),
    }
    const model = assistant.deployment ?? options.target.deployments[0]
    return { ...mergeSession(sessionFor(options, assistant, request), own), model }
  }
  return {
    type: 'realtime',
    model: options.target.deployments[0],
    instructions: instructions ?? options.instructions,
    audio: { output: { voice: voice ?? options.voice } },
  }
}
