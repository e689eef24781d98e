/** What each error code means, and what whoever meets it does. */
import type { ErrorCode, ErrorSubject } from '../../runtime/core/errors.ts'
import type { CallFailureCode } from '../../runtime/tools/server-tools.ts'
import type { ToolErrorCode } from '../../runtime/tools/tool-error.ts'

/** Sections of the codes, in the order of the page. */
export const errorSubjects: Readonly<Record<ErrorSubject, readonly [heading: string, introduction: string]>> =
  {
    request: ['Requests and messages', 'The client sent something wrong, and can correct it.'],
    access: ['Authentication and access', 'The credential of the client, or its verification, is at fault.'],
    limits: [
      'Limits of a client',
      'The client sends too much or too fast, or it reads or answers too slowly.',
    ],
    session: [
      'Sessions, conversations and calls',
      'What the request is about has ended, has moved, or is in another state.',
    ],
    upstream: [
      'Upstream',
      'Upstream refused, failed, or cannot be reached. The operator of the gateway corrects the cause; a client can only try again.',
    ],
    gateway: ['The gateway and its store', 'The gateway or its store cannot serve the request now.'],
  }

/** Whether the tool ran before its call failed. */
type HasRun = 'no' | 'yes' | 'perhaps'
export type FailedCallCode = ToolErrorCode | CallFailureCode

/** Codes of failed calls of tools: the model receives them, and the tool's author or the operator mends the cause. */
export const failedCallTexts: Readonly<
  Record<FailedCallCode, readonly [hasRun: HasRun, meaning: string, action: string]>
> = {
  unknown_tool: [
    'no',
    'The assistant has no tool of this name.',
    'Name the tools in the instructions as their files are named.',
  ],
  invalid_arguments: [
    'no',
    'The arguments are not JSON, or do not fit `parameters`.',
    'The model can try again: the message names the field. If it happens often, describe the parameters better.',
  ],
  arguments_too_large: [
    'no',
    'The arguments exceed 64 KiB.',
    'Let the tool take less, such as an id instead of a text.',
  ],
  incomplete: [
    'no',
    'The answer broke off before the arguments were complete.',
    'Nothing; the model can call the tool again.',
  ],
  cancelled: [
    'perhaps',
    'Nobody waits for the result any more: the answer was cancelled, or the session ended.',
    'Nothing; pass `signal` on, so that work in progress stops.',
  ],
  too_many_calls: [
    'no',
    'Too many calls are open at the same time.',
    'Make the tool faster, or let the model call it less often.',
  ],
  tool_calls_per_minute: [
    'no',
    'The conversation made more calls in a minute than `tool_calls_per_minute` allows.',
    'Raise it in `assistant.yaml`, if so many calls are intended.',
  ],
  tool_rounds: [
    'no',
    'More answers of one turn called tools than `tool_rounds` allows.',
    'Raise it in `assistant.yaml`, if so many are intended; otherwise correct the instructions.',
  ],
  tool_unavailable: [
    'no',
    'The process of the tools or the MCP server is not there.',
    'See the log (`tool.host.ended`) for why it ended; check the address of the MCP server.',
  ],
  timeout: [
    'perhaps',
    'The tool did not finish within `timeoutMs`.',
    'Make it faster, or raise `timeoutMs`; pass `signal` to what it waits for.',
  ],
  interrupted: [
    'perhaps',
    'The process of the tool, or the replica, ended during the call, or the answer of an MCP server could not be read. The model receives `may_have_run`.',
    'Set `idempotent: true` if the tool may run twice, and it is called again instead.',
  ],
  store_unavailable: [
    'perhaps',
    'The store does not answer, so the call or its result cannot be recorded.',
    'Check `REDIS_URL`; the model may try again later.',
  ],
  tool_failed: [
    'yes',
    'The tool threw an error. The message is that of a `ToolError`.',
    'See the log for any other error.',
  ],
  invalid_output: [
    'yes',
    'The result is not JSON, or larger than its process or server may return.',
    'Return a smaller JSON value.',
  ],
  output_too_large: ['yes', 'The result exceeds 64 KiB.', 'Return less.'],
  state_not_object: [
    'yes',
    'The function of `conversation.update` did not return a JSON object. The state is unchanged.',
    'Return the complete new state, as an object.',
  ],
  state_too_large: [
    'perhaps',
    "The conversation's state exceeds 64 KiB. The state is unchanged.",
    'Keep less in the state.',
  ],
}

export const errorTexts: Readonly<Record<ErrorCode, readonly [meaning: string, action: string]>> = {
  bad_request: ['A field, header or query parameter is missing or wrong.', 'Correct what the message names.'],
  model_not_configured: [
    'The requested model is not configured.',
    'Request one of the models that the message names, or add it (`OPENAI_REALTIME_MODEL`, `AZURE_OPENAI_DEPLOYMENT_NAME`, `TRANSCRIPTION_MODELS`, `TRANSLATION_MODELS`, `MODEL_ALIASES`).',
  ],
  not_json: ['The body or message is not JSON.', 'Send JSON.'],
  unsupported_media_type: [
    'The `Content-Type` of the request is not accepted.',
    'Send the type that the message names.',
  ],
  conflict: [
    'The request does not fit the state of the session, call or conversation: it has ended, has no call yet, or belongs to another assistant.',
    'Read the message; begin a new session where the old one has ended.',
  ],
  resumed_elsewhere: [
    'Another connection has resumed this conversation with the same ticket.',
    'Do not reconnect; the other connection has the conversation.',
  ],
  call_not_found: ['The call is over, or never existed.', 'Make a new call.'],
  unauthorized: [
    'No credential was sent, or it is wrong, expired or already used.',
    'Send a valid credential; take a new ticket.',
  ],
  forbidden: [
    'The credential is valid but may not do this: another origin, another assistant, pinned instructions, a call of another caller.',
    'Use another credential, or leave out what the message names.',
  ],
  access_unavailable: [
    'The keys that verify Entra tokens cannot be fetched.',
    'Try again after `Retry-After`.',
  ],
  limit_reached: [
    'A limit (`LIMIT_…`) of this credential or address is reached.',
    'Try again after `Retry-After`, or raise the limit that the message names.',
  ],
  not_found: ['The path, session or assistant does not exist.', 'Check the address and the name.'],
  method_not_allowed: [
    'The path exists, with another method.',
    'Use the method that the documentation of the path names.',
  ],
  upgrade_required: ['The path is a WebSocket and the request is not an upgrade.', 'Open a WebSocket.'],
  draining: ['The replica is shutting down.', 'Reconnect; another replica answers.'],
  client_silent: [
    'The client answered no ping for three intervals of `REALTIME_HEARTBEAT_SEC`, or left before its upgrade was answered or the body of its request was complete.',
    'Reconnect, with the ticket if there is one.',
  ],
  client_too_fast: [
    'Messages of this client occupied the event loop for too long (`CLIENT_TURN_MS`) or came too fast (`LIMIT_MESSAGES_PER_SECOND_…`).',
    'Send with pauses.',
  ],
  client_too_slow: [
    'The client reads too slowly: its queue is full, or stayed full for `CLIENT_STALL_TIMEOUT_MS`.',
    'Read faster, or subscribe to fewer events.',
  ],
  message_too_big: [
    'A message or body exceeds its limit (`REALTIME_MAX_MSG_MB`).',
    'Send smaller messages; split audio.',
  ],
  upstream_too_slow: [
    'More than `UPSTREAM_BUFFER_MB` waits for upstream.',
    'Send less at a time; reconnect.',
  ],
  upstream_silent: [
    'Upstream answered no ping, or stopped in the middle of an answer (`UPSTREAM_STALL_TIMEOUT_MS`).',
    'Reconnect. `/chat` and `/realtime` renew the session themselves first.',
  ],
  upstream_timeout: [
    'No upstream session could be opened within `UPSTREAM_CONNECT_TIMEOUT_MS`.',
    'Try again; check the network between gateway and upstream.',
  ],
  upstream_unreachable: [
    'Upstream refuses connections or its name does not resolve.',
    'Check the endpoint, DNS and firewall.',
  ],
  upstream_unavailable: ['Upstream answered with 5xx.', 'Try again; add a second endpoint or deployment.'],
  upstream_rate_limited: [
    'Upstream answered with 429.',
    'Try again after `Retry-After`; raise the quota, or add a second endpoint or deployment.',
  ],
  upstream_refused: [
    'Upstream refused the session: wrong key, missing role, unknown model.',
    'Correct the credential or the model of the gateway.',
  ],
  settings_refused: [
    'Upstream refused the session settings of the gateway or of the assistant.',
    'Correct the setting that the message names.',
  ],
  upstream_lost: [
    'The connection to upstream broke.',
    'Reconnect. `/chat` and `/realtime` renew the session themselves first.',
  ],
  upstream_broke_protocol: [
    'Upstream sent something that is not valid: not UTF-8, not JSON, too large.',
    'Reconnect; report it with the log line.',
  ],
  memory_exhausted: [
    'The gateway is near its memory budget (`MEMORY_BUDGET_MB`).',
    'Try again after `Retry-After`; add replicas or memory.',
  ],
  store_unavailable: ['Redis, or the supervisor, does not answer.', 'Try again; check `REDIS_URL`.'],
  credential_unavailable: [
    'The gateway could not get an Entra token for upstream.',
    'Check the managed identity or `az login`; the message has the reason.',
  ],
  internal: ['The gateway failed.', 'Reconnect; report it with the log line (`connection.failed`).'],
}
