/** What each error code means, and what whoever meets it does. */
import type { ErrorCode } from '../../runtime/core/errors.ts'

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
