/**
 * Every environment variable of the runtime: what it means, what it may be, what it is when unset.
 * `npm run documents` writes docs/configuration.md and `.env.example` from this list.
 */
import { z } from 'zod'
import {
  defaultDeployment,
  defaultDrainDeadlineMs,
  defaultLameDuckMs,
  defaultPort,
} from '../core/contract.ts'
import { defaultSpeechModel, defaultTranslation, defaultTurnTranscription } from '../models/models.ts'

/** What a person reads when a variable is wrong, and in the tables of the documents. */
export interface VariableMeta {
  description: string
  allowed: string
  secret?: boolean
}

const text = (description: string, allowed = 'any text') =>
  z.string().optional().meta({ description, allowed })

const guid = (description: string) =>
  z
    .string()
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
    .optional()
    .meta({ description, allowed: 'a GUID' })

const textOr = (fallback: string, description: string, allowed = 'any text') =>
  z.string().default(fallback).meta({ description, allowed })

const secret = (description: string, allowed: string) =>
  z.string().optional().meta({ description, allowed, secret: true })

const whole = (fallback: number, min: number, max: number, description: string) =>
  z.coerce
    .number()
    .int()
    .min(min)
    .max(max)
    .default(fallback)
    .meta({ description, allowed: `a whole number from ${min} to ${max}` })

const limit = (fallback: number, description: string) =>
  whole(fallback, 0, 1_000_000_000, `${description}; 0 is no limit`)

const money = (description: string) =>
  z.coerce
    .number()
    .min(0)
    .max(1_000_000)
    .default(0)
    .meta({ description: `${description}; 0 is no limit`, allowed: 'a number from 0 to 1000000' })

const optionalNumber = (min: number, max: number, description: string) =>
  z.coerce
    .number()
    .min(min)
    .max(max)
    .optional()
    .meta({ description, allowed: `a number from ${min} to ${max}` })

const flag = (fallback: boolean, description: string) =>
  z.stringbool().default(fallback).meta({ description, allowed: 'true or false' })

const optionalFlag = (description: string) =>
  z.stringbool().optional().meta({ description, allowed: 'true or false' })

const oneOf = <const T extends readonly [string, ...string[]]>(
  words: T,
  fallback: T[number],
  description: string,
) =>
  z
    .enum(words)
    .default(fallback)
    .meta({ description, allowed: words.join(', ') })

const optionalOneOf = <const T extends readonly [string, ...string[]]>(words: T, description: string) =>
  z
    .enum(words)
    .optional()
    .meta({ description, allowed: words.join(', ') })

function splitList(value: string): string[] {
  return value
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

const list = (fallback: string, description: string) =>
  z.string().default(fallback).transform(splitList).meta({ description, allowed: 'a comma-separated list' })

const optionalList = (description: string) =>
  z
    .string()
    .optional()
    .transform(value => (value === undefined ? undefined : splitList(value)))
    .meta({ description, allowed: 'a comma-separated list' })

/** More than this on one port is a slip of the hand. */
const maxWorkers = 64

export const environment = z.object({
  HOST: textOr('127.0.0.1', 'Address to listen on'),
  PORT: whole(defaultPort, 0, 65_535, 'Port to listen on; 0 takes any free one'),
  WORKERS: z
    .union([z.literal('auto'), z.coerce.number().int().min(1).max(maxWorkers)])
    .default(1)
    .meta({
      description:
        'Number of processes that share the port; the kernel distributes connections among them. auto: one per core',
      allowed: `auto, or a whole number from 1 to ${maxWorkers}`,
    }),
  MEMORY_BUDGET_MB: z.coerce.number().int().min(0).max(1_048_576).optional().meta({
    description:
      'Limit on the resident memory of all processes together, including those that run tools (MiB). Near the limit new sessions are refused; above it the sessions that hold the most memory are ended, and processes of tools that grew the most are replaced. Unset: three quarters of the memory of the container or machine. 0 is no limit',
    allowed: 'a whole number from 0 to 1048576',
  }),
  TLS_CERT_FILE: text(
    'PEM certificate chain; together with TLS_KEY_FILE it makes the port serve https and wss',
    'a file path',
  ),
  TLS_KEY_FILE: text('PEM private key of TLS_CERT_FILE', 'a file path'),
  CONTAINER_APP_REVISION: textOr('local', 'Revision name, in logs, metrics and health answers'),
  CONTAINER_APP_REPLICA_NAME: textOr('local', 'Replica name, in logs, metrics and health answers'),
  APPLICATION_GATEWAY_HOST: text(
    "Host to which the pages open their sockets, in place of the page's own host; an https:// prefix selects wss",
    'a host name, or http:// or https:// and a host name',
  ),
  LOG_LEVEL: oneOf(
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    'info',
    'Lowest severity that is logged',
  ),

  AZURE_OPENAI_ENDPOINT: text(
    'Azure OpenAI resource; if set, Azure is the upstream. Further endpoints, separated by commas, are used when the first one fails',
    'https:// addresses (http:// for loopback only), separated by commas',
  ),
  AZURE_OPENAI_DEPLOYMENT_NAME: text(
    'Deployments that clients may use; the first is the default',
    'a comma-separated list',
  ),
  AZURE_OPENAI_DEPLOYMENT: list(defaultDeployment, 'Used if AZURE_OPENAI_DEPLOYMENT_NAME is unset'),
  AZURE_OPENAI_MODEL: list(
    '',
    'Model and version of each deployment, in the order of the deployments (gpt-realtime-1.5@2026-02-23), for retirement warnings and prices. Unset: the names of the deployments are taken for names of models',
  ),
  AZURE_OPENAI_API_KEY: secret(
    'Key of the Azure OpenAI resource; for several endpoints one key each, separated by commas',
    'visible ASCII characters',
  ),
  AZURE_OPENAI_AUTH: oneOf(
    ['auto', 'key', 'entra'],
    'auto',
    'How the gateway authenticates with Azure OpenAI; auto uses the key if there is one, otherwise Entra ID',
  ),
  AZURE_OPENAI_SCOPE: textOr(
    'https://cognitiveservices.azure.com/.default',
    'Scope of the Entra token; newer documentation names https://ai.azure.com/.default',
  ),
  AZURE_CLIENT_ID: guid('Client id of the user-assigned managed identity'),
  IDENTITY_ENDPOINT: text(
    'Set by Container Apps and App Service; only the managed identity is then used',
    'set by the platform',
  ),
  AZURE_FEDERATED_TOKEN_FILE: text(
    'Set by AKS; only the workload identity is then used',
    'set by the platform',
  ),
  AZURE_OPENAI_API_VERSION: z
    .string()
    .regex(/^(\d{4}-\d{2}-\d{2}(-preview)?|v1|latest|preview)$/)
    .optional()
    .meta({
      description:
        'Only for the preview form of the address; a preview version, or a date before 2025-08, selects that form',
      allowed: 'a version such as 2025-04-01-preview',
    }),
  OPENAI_API_KEY: secret(
    'OpenAI key; if it is set and AZURE_OPENAI_ENDPOINT is not, OpenAI is the upstream',
    'visible ASCII characters',
  ),
  OPENAI_REALTIME_MODEL: list(
    defaultSpeechModel,
    'OpenAI models that clients may use; the first is the default. The embedded simulator accepts every model that it knows',
  ),
  OPENAI_BASE_URL: textOr(
    'https://api.openai.com/v1',
    'Address of the OpenAI API',
    'an https:// address (http:// for loopback only)',
  ),
  MODEL_ALIASES: textOr(
    '',
    'Deployments for model names that clients request at the SDK addresses and that are not configured; the first glob that matches is used',
    'glob:deployment pairs separated by commas, such as gpt-4o-realtime-preview*:gpt-realtime',
  ),
  TRANSCRIPTION_MODELS: optionalList(
    'Models that clients may use for transcription; on Azure, names of deployments. Unset: CHAT_TRANSCRIPTION_MODEL and the models that the vendor serves for at least another year; a conversation may then use any model that is not retired',
  ),
  TRANSLATION_MODELS: list(
    defaultTranslation,
    'Models for /v1/realtime/translations; on Azure, names of deployments. The first is the default',
  ),
  TRANSLATION_CALLS_METERED: flag(
    false,
    'Joins each WebRTC call that translates, and counts its seconds. No vendor documents that such a call can be joined',
  ),
  SAFETY_IDENTIFIER: oneOf(
    ['client', 'principal'],
    'client',
    "OpenAI-Safety-Identifier that is sent upstream: the client's own header, or a SHA-256 hash of the caller's name",
  ),
  HTTPS_PROXY: secret(
    'Forward proxy through which upstream is reached, for networks that let nothing else out',
    'an http:// or https:// address, with user:password@ where the proxy asks for them',
  ),
  NO_PROXY: text(
    'Hosts that are reached without HTTPS_PROXY',
    'names of hosts and domains, separated by commas; * is all',
  ),
  UPSTREAM_CONNECT_TIMEOUT_MS: whole(
    10_000,
    100,
    120_000,
    'Time limit for opening an upstream session, retries included (ms)',
  ),
  UPSTREAM_CIRCUIT_PAUSE_SEC: whole(
    30,
    1,
    3600,
    'With several deployments or endpoints: time for which one that failed is skipped (s)',
  ),
  UPSTREAM_BUFFER_MB: whole(
    16,
    1,
    256,
    'Bytes of one session that may be queued for an upstream that is opening or slow (MiB)',
  ),
  CLIENT_BUFFER_KB: whole(
    1024,
    16,
    65_536,
    'Bytes queued for a slow client at which reading from its upstream is paused (KiB)',
  ),
  UPSTREAM_STALL_TIMEOUT_MS: whole(
    60_000,
    100,
    3_600_000,
    'An upstream that sends nothing for this long in the middle of an answer is disconnected, and the session is renewed where possible (ms)',
  ),
  CLIENT_STALL_TIMEOUT_MS: whole(
    60_000,
    100,
    3_600_000,
    'A client whose queue is full and that does not read half of it within this time is disconnected (ms)',
  ),

  CLIENT_TURN_MS: whole(
    50,
    0,
    10_000,
    'A client whose messages occupy the event loop for longer than this without a pause, or for ten times as long within one second while others wait, is disconnected (ms); 0 is no limit, for load generators',
  ),

  OTEL_EXPORTER_OTLP_ENDPOINT: text(
    'OpenTelemetry collector for spans and metrics, by OTLP over HTTP (JSON). Without it and without Application Insights, tracing is off',
    'an http:// or https:// address, without /v1/traces',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    'Headers of requests to the collector',
    'name=value pairs separated by commas',
  ),
  OTEL_SERVICE_NAME: textOr('realtime-gateway', 'Service name in spans and metrics'),
  APPLICATIONINSIGHTS_CONNECTION_STRING: secret(
    'Application Insights component for spans and metrics',
    'InstrumentationKey=…;IngestionEndpoint=https://…',
  ),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: text(
    'Authenticates with Application Insights by Entra ID; the identity needs the role Monitoring Metrics Publisher',
    'Authorization=AAD, with ;ClientId= and a GUID for a user-assigned identity',
  ),
  TRACE_CONTENT: flag(false, 'Spans contain what the model said, as text; never audio'),

  RECORD_DIR: text(
    'Folder for recordings of sessions: redacted JSON lines, which the simulator can replay. Unset: nothing is recorded',
    'a folder that exists',
  ),
  RECORD_WORDS: flag(false, 'Recordings contain what was said, as text; never audio or instructions'),

  SIMULATOR_RATE: optionalNumber(
    0.1,
    1000,
    'Embedded simulator: speed of audio, as a multiple of real time. Unset: its own default',
  ),
  SIMULATOR_SEED: optionalNumber(0, 4_294_967_295, 'Embedded simulator: makes ids and voice reproducible'),

  CHAT_INSTRUCTIONS: textOr(
    'You are a friendly assistant. Answer briefly, in the language of the person who speaks to you.',
    'Instructions of /chat sessions',
  ),
  CHAT_TRANSCRIPTION_MODEL: textOr(
    defaultTurnTranscription,
    'Model that transcribes speech on /chat; on Azure, the name of its deployment in the same resource. none: no transcription',
  ),
  REALTIME_DIALECT: oneOf(
    ['auto', 'upstream', 'ga', 'preview'],
    'auto',
    'Event names and shapes that clients receive. auto: at the SDK addresses the dialect with which the client connects, on /realtime that of upstream; upstream: unchanged; ga, preview: always this dialect',
  ),
  REALTIME_PIN_SESSION: flag(
    false,
    'Hides the instructions and the prompt template that the gateway gives a session (/realtime, keys of /sideband/ephemeral-key) from clients, and refuses messages that would replace them',
  ),
  REALTIME_TEXT_ONLY: flag(false, 'No audio in or out'),
  REALTIME_AUTO_CLOSE: flag(true, '/realtime ends the session after the first response'),
  REALTIME_VOICE: textOr('alloy', 'Voice of the model'),
  REALTIME_HEARTBEAT_SEC: whole(
    10,
    1,
    300,
    'Ping interval to clients and upstream (s); a peer that is silent for three intervals is disconnected',
  ),
  REALTIME_MAX_MSG_MB: whole(
    15,
    1,
    100,
    "Largest message in either direction (MiB); at the SDK addresses, the largest audio of one append. A larger message closes the connection with 1009; a client's message of more than twice this size closes it without a close frame (1006)",
  ),
  REALTIME_MENU_PATH: text(
    'Menu file for the prompt, relative to runtime/ (default menu/menu.ts)',
    'a file path',
  ),
  REALTIME_TEMPLATE_PATH: text(
    'Jinja template of the prompt, relative to runtime/ (default prompt_templates/template.txt)',
    'a file path',
  ),
  REALTIME_SCHEMA_PATH: text('Response schema file for the prompt, relative to runtime/', 'a file path'),
  ASSISTANTS_DIR: text(
    'Folder of the assistants, relative to the project folder; each is a folder with an assistant.yaml (default assistants, which may be missing)',
    'a folder that exists',
  ),
  ASSISTANTS_WATCH: optionalFlag(
    'Reloads assistants when their files change; open sessions keep the version that they began with. Unset: on if HOST is a loopback address',
  ),
  TOOLS_MEMORY_MB: whole(
    256,
    64,
    65_536,
    'Limit on the resident memory of the process that runs the tools of one assistant (MiB); above it the process is replaced and its calls are interrupted',
  ),
  REALTIME_TURN_DETECTION_TYPE: optionalOneOf(
    ['server_vad', 'semantic_vad', 'none'],
    "Turn detection; unset: the model's default",
  ),
  REALTIME_TURN_DETECTION_SERVER_THRESHOLD: optionalNumber(0, 1, 'server_vad: activation threshold'),
  REALTIME_TURN_DETECTION_SERVER_PREFIX_PADDING_MS: optionalNumber(
    0,
    10_000,
    'server_vad: audio kept from before the speech (ms)',
  ),
  REALTIME_TURN_DETECTION_SERVER_SILENCE_DURATION_MS: optionalNumber(
    0,
    10_000,
    'server_vad: silence that ends a turn (ms)',
  ),
  REALTIME_TURN_DETECTION_CREATE_RESPONSE: optionalFlag('The model answers when a turn ends'),
  REALTIME_TURN_DETECTION_INTERRUPT_RESPONSE: optionalFlag('Speech interrupts an answer'),
  REALTIME_TURN_DETECTION_SEMANTIC_EAGERNESS: optionalOneOf(
    ['low', 'medium', 'high', 'auto'],
    'semantic_vad: how soon a turn counts as complete',
  ),
  REALTIME_ALLOWED_EVENT_TYPES: optionalList(
    'Globs of the event types that /realtime forwards to clients; <binary> admits binary frames, * everything (default response.text.delta,response.text.done; for spoken answers also those of the transcript)',
  ),
  REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: list(
    '',
    'Globs of the event types whose text is searched for JSON; empty: no extraction',
  ),
  REALTIME_EXTRACT_FIELDS_MAP: textOr(
    '',
    'Fields to search, by event type; the first field that contains JSON is used',
    'glob:fieldA,fieldB;glob2:fieldX',
  ),
  REALTIME_EXTRACT_JSON_TEXT_FIELD: textOr(
    'text',
    'Field to search for event types that REALTIME_EXTRACT_FIELDS_MAP does not name',
  ),
  REALTIME_EXTRACT_JSON_STRATEGY: oneOf(
    ['fenced_or_bare', 'strict_fence', 'first_object'],
    'fenced_or_bare',
    'How JSON is found in text',
  ),
  REALTIME_EXTRACT_PICK: oneOf(
    ['first', 'last'],
    'first',
    'Which of several JSON objects is used; last skips examples before the answer',
  ),
  REALTIME_EXTRACT_ARRAYS: flag(
    false,
    'Extracts JSON arrays too; outside of a code fence only arrays of objects',
  ),
  REALTIME_EXTRACT_REPAIR: flag(
    false,
    'Repairs common mistakes of models (trailing commas, comments, quotes, Python literals, raw line breaks); wrap marks the record as repaired',
  ),
  REALTIME_EXTRACT_SCHEMA_PATH: text(
    'JSON Schema file, relative to runtime/; an object that does not match is not used, and the reason is schema: with the path of the mismatch',
    'a file path',
  ),
  REALTIME_EXTRACT_OUTPUT_MODE: oneOf(
    ['replace', 'wrap'],
    'replace',
    'Sends the JSON alone, or in an extracted.json event',
  ),
  REALTIME_EXTRACT_ON_FAIL: oneOf(
    ['drop', 'forward', 'error'],
    'drop',
    'What happens to an event in which no JSON is found',
  ),

  GATEWAY_AUTH: text(
    'How clients authenticate. Unset: key if GATEWAY_API_KEYS is set, otherwise none; with none, a start on a public address logs a warning',
    'none, key, entra, or key,entra',
  ),
  GATEWAY_API_KEYS: secret(
    'Keys of clients: name:secret pairs separated by commas; name:sha256:HEX holds a hash in place of the secret',
    'name:secret pairs',
  ),
  ENTRA_TENANT_ID: text('Tenant whose tokens are accepted', 'a GUID'),
  ENTRA_AUDIENCE: list('', 'Accepted audiences of tokens: the client id of the API, its app-id URI'),
  ENTRA_REQUIRED_SCOPE: text("Scope that a user's token must have (claim scp)", 'a scope name'),
  ENTRA_REQUIRED_ROLE: text(
    'Role that is accepted in place of the scope, for tokens of applications (claim roles)',
    'a role name',
  ),
  ENTRA_OPERATOR_ROLE: text(
    'Role (claim roles) whose holders may see the usage of all callers',
    'a role name',
  ),
  ENTRA_PAGES_CLIENT_ID: guid(
    'App registration of the pages (single-page application), with which users sign in',
  ),
  ENTRA_AUTHORITY: textOr(
    'https://login.microsoftonline.com',
    'Sign-in service; another one for national clouds',
    'an https:// address (http:// for loopback only)',
  ),
  ENTRA_CLOCK_SKEW_SEC: whole(60, 0, 300, "Tolerance for a token's times (s)"),
  ALLOWED_ORIGINS: list(
    '',
    "Origins of pages that may connect, besides the gateway's own; * allows every origin",
  ),
  TRUSTED_PROXIES: list('', 'Addresses and networks (CIDR) of proxies whose X-Forwarded-For is trusted'),
  TICKET_TTL_SEC: whole(60, 5, 600, 'Lifetime of a ticket from POST /ticket (s)'),
  LIMIT_SESSIONS_PER_CREDENTIAL: limit(1000, 'Concurrent sessions of one credential'),
  LIMIT_SESSIONS_PER_ADDRESS: limit(
    500,
    'Concurrent sessions from one address, which many people in an office or a mobile network may share',
  ),
  LIMIT_UPGRADES_PER_MINUTE_PER_CREDENTIAL: limit(
    3000,
    'Sessions that one credential may open per minute; after a rollout all of its clients reconnect at once',
  ),
  LIMIT_UPGRADES_PER_MINUTE_PER_ADDRESS: limit(
    1500,
    'Sockets that one address may try to open per minute, refused ones included',
  ),
  LIMIT_REQUESTS_PER_MINUTE_PER_CREDENTIAL: limit(
    3000,
    'POST and DELETE requests (tickets, keys, calls) of one credential per minute; a browser needs a ticket for each socket',
  ),
  LIMIT_REQUESTS_PER_MINUTE_PER_ADDRESS: limit(
    1500,
    'POST and DELETE requests that one address may try per minute, refused ones included',
  ),
  LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS: limit(
    300,
    'Refused credentials from one address per minute, in one process; above it no credential from that address is checked until the minute ends',
  ),
  LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL: limit(
    20_000,
    'Messages per second of one credential, in one process; well-behaved clients may send recordings as fast as they can',
  ),
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: limit(
    20_000,
    'Messages per second from one address, in one process',
  ),
  LIMIT_STORED_ENTRIES_PER_OWNER: limit(
    5000,
    'Tickets, ephemeral keys, sideband sessions and conversations that one credential (without authentication: one address) may have in the store at once',
  ),
  LIMIT_STORED_MB_PER_OWNER: limit(32, 'Total size of these entries (MiB)'),
  LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: limit(0, 'Model tokens of one credential per day (UTC)'),
  LIMIT_TOKENS_PER_DAY_PER_ADDRESS: limit(0, 'Model tokens from one address per day (UTC)'),
  LIMIT_COST_PER_DAY_PER_CREDENTIAL: money(
    'Estimated cost of one credential per day (UTC), in the currency of PRICES_FILE',
  ),
  LIMIT_COST_PER_DAY_PER_ADDRESS: money(
    'Estimated cost from one address per day (UTC), in the currency of PRICES_FILE',
  ),
  LIMIT_SESSION_MINUTES: whole(0, 0, 35_000, 'Maximum length of a session (minutes); 0 is no limit'),
  LIMIT_WRAP_UP_SEC: whole(
    30,
    0,
    300,
    'Time before the maximum length at which a session is told to finish (s)',
  ),

  PRICES_FILE: text(
    'YAML file of model prices, relative to runtime/ (default usage/prices.yaml); costs are estimates',
    'a file path',
  ),
  OPERATORS: list(
    '',
    'Callers of the gateway (key:NAME, entra:TENANT/OBJECT, or anonymous without GATEWAY_AUTH) that may see the usage of all callers',
  ),
  EVENTS_WEBHOOK_URL: text(
    'Address that receives a signed event at the end of each session and conversation. Unset: these events are only logged',
    'an https:// address (http:// for loopback only)',
  ),
  EVENTS_WEBHOOK_SECRET: secret(
    'Signing secret of EVENTS_WEBHOOK_URL; during a rotation several, separated by commas',
    'whsec_ and base64, separated by commas',
  ),

  REDIS_URL: text(
    'Redis that the replicas share; a secret if it contains a password. Unset: state is kept in memory, for one replica only',
    'a redis:// or rediss:// address',
  ),
  REDIS_AUTH: oneOf(
    ['url', 'entra'],
    'url',
    'Authentication with Redis: what REDIS_URL contains, or Entra ID (Azure Managed Redis)',
  ),

  SCALE_SESSIONS_PER_REPLICA: z.coerce.number().int().min(0).max(100_000).default(0).meta({
    description:
      'Open sessions of a full replica. How full the replicas are is published in Redis for an autoscaler, as a list with 10 entries per full replica; needs REDIS_URL. 0 publishes nothing',
    allowed: 'a whole number from 0 to 100000',
  }),

  SIDEBAND_WEBRTC_FILTER: oneOf(
    ['on', 'off'],
    'on',
    "Azure: removes the prompt and the tools from the browser's data channel",
  ),
  SIDEBAND_PIN_SESSION: flag(
    false,
    'Restores instructions, tools and prompt template of a call when its browser changes them',
  ),
  SIDEBAND_SESSION_TTL_SEC: whole(
    7200,
    1,
    86_400,
    'Time after which a sideband session without activity is deleted (s)',
  ),

  OPENAI_WEBHOOK_SECRET: secret(
    'Signing secret of the webhook for telephone calls; during a rotation several, separated by commas. Unset: /webhooks/realtime does not exist',
    'whsec_ and base64, separated by commas',
  ),
  CALLS_POLICY: textOr(
    'reject',
    'Incoming telephone calls: accept answers each with the session of CALLS_SESSION_PATH; assistant:NAME with the session of an assistant; reject refuses it, with a SIP status if one is given (otherwise 603). Rules, separated by commas, decide by the number that was dialled or by a SIP header, such as +15550199=assistant:cafe,X-Tenant:acme*=accept,*=reject:404: the first that matches counts, and a call that matches none is refused with 404',
    'accept, reject, assistant: and a name, reject: and a SIP status from 300 to 699, or rules of a glob, = and one of these',
  ),
  CALLS_SESSION_PATH: text(
    'JSON file with the session of accepted calls, in the form of the API, relative to runtime/. Unset: CHAT_INSTRUCTIONS, REALTIME_VOICE and the first deployment',
    'a file path',
  ),
  CALLS_GREETING: text(
    'Instructions of the first answer to a caller, such as: greet the caller and ask what this is about. Unset: the caller speaks first',
  ),
  CALLS_CONTROL: list(
    '',
    'Callers of the gateway (key:NAME, entra:TENANT/OBJECT, or anonymous without GATEWAY_AUTH) that may accept, refer, reject and hang up calls that the gateway did not make, and may list and control telephone calls',
  ),

  DRAIN_LAME_DUCK_MS: whole(
    defaultLameDuckMs,
    0,
    60_000,
    'Shortest time from SIGTERM to the exit, in which HTTP is still answered and upgrades are refused (ms)',
  ),
  DRAIN_DEADLINE_MS: whole(
    defaultDrainDeadlineMs,
    0,
    3_600_000,
    'Time after SIGTERM at which the last sessions are ended (ms)',
  ),
})

export type Environment = z.output<typeof environment>
