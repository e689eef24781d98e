/**
 * Every environment variable of the runtime: what it means, what it may be, what it is when unset.
 * The README's table and `.env.example` are held to this list by a test.
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
      description: 'Processes on the port, among which the kernel spreads connections; auto is one a core',
      allowed: `auto, or a whole number from 1 to ${maxWorkers}`,
    }),
  MEMORY_BUDGET_MB: z.coerce.number().int().min(0).max(1_048_576).optional().meta({
    description:
      'Resident memory of all processes together (MiB): near it new sessions are refused, above it those that hold the most are ended; unset is three quarters of what the container, or the machine, has; 0 is no limit',
    allowed: 'a whole number from 0 to 1048576',
  }),
  TLS_CERT_FILE: text(
    'PEM certificate chain; with TLS_KEY_FILE the port speaks https and wss',
    'a file path',
  ),
  TLS_KEY_FILE: text('PEM private key of TLS_CERT_FILE', 'a file path'),
  CONTAINER_APP_REVISION: textOr('local', 'Revision name, in logs, metrics and health answers'),
  CONTAINER_APP_REPLICA_NAME: textOr('local', 'Replica name, in logs, metrics and health answers'),
  APPLICATION_GATEWAY_HOST: text(
    "Host that the pages open their sockets to, in place of the page's own; an https:// prefix means wss",
    'a host name, or http:// or https:// and a host name',
  ),
  LOG_LEVEL: oneOf(
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    'info',
    'Least severe level that is logged',
  ),

  AZURE_OPENAI_ENDPOINT: text(
    'Azure OpenAI resource; when set, Azure is the upstream. Further ones after a comma take over when the first cannot',
    'https:// addresses (http:// for loopback only), separated by commas',
  ),
  AZURE_OPENAI_DEPLOYMENT_NAME: text(
    'Deployments that clients may use; the first is the default',
    'a comma-separated list',
  ),
  AZURE_OPENAI_DEPLOYMENT: list(defaultDeployment, 'Used where AZURE_OPENAI_DEPLOYMENT_NAME is unset'),
  AZURE_OPENAI_MODEL: list(
    '',
    'Model of each deployment, in their order, with its version (gpt-realtime-1.5@2026-02-23); only the warning of a retirement reads it, which goes by the names of the deployments where it is unset',
  ),
  AZURE_OPENAI_API_KEY: secret(
    'Key of the Azure OpenAI resource; of several, one each, separated by commas',
    'visible ASCII characters',
  ),
  AZURE_OPENAI_AUTH: oneOf(
    ['auto', 'key', 'entra'],
    'auto',
    'How the gateway proves itself to Azure OpenAI; auto takes the key if there is one, else Entra ID',
  ),
  AZURE_OPENAI_SCOPE: textOr(
    'https://cognitiveservices.azure.com/.default',
    'What the Entra token is asked for; newer documents name https://ai.azure.com/.default',
  ),
  AZURE_CLIENT_ID: text('Client id of the user-assigned identity to use', 'a GUID'),
  IDENTITY_ENDPOINT: text(
    'Set by Container Apps and App Service; the managed identity alone is asked then',
    'set by the platform',
  ),
  AZURE_FEDERATED_TOKEN_FILE: text(
    'Set by AKS; the workload identity alone is asked then',
    'set by the platform',
  ),
  AZURE_OPENAI_API_VERSION: text(
    'Only for the preview form of the address; a preview version, or a date before 2025-08, asks for that form',
    'a version such as 2025-04-01-preview',
  ),
  OPENAI_API_KEY: secret(
    'OpenAI key; when set, and no Azure endpoint is, OpenAI is the upstream',
    'visible ASCII characters',
  ),
  OPENAI_REALTIME_MODEL: list(
    defaultSpeechModel,
    'OpenAI models that clients may use; the first is the default. The embedded simulator serves all that it knows',
  ),
  OPENAI_BASE_URL: textOr(
    'https://api.openai.com/v1',
    'Address of the OpenAI API',
    'an https:// address (http:// for loopback only)',
  ),
  MODEL_ALIASES: textOr(
    '',
    'Deployments for model names that clients ask for at the SDK addresses and that are not configured: globs, the first that matches wins',
    'glob:deployment pairs separated by commas, such as gpt-4o-realtime-preview*:gpt-realtime',
  ),
  TRANSCRIPTION_MODELS: optionalList(
    'Models that clients may have what is said written down by, on Azure names of deployments; unset is CHAT_TRANSCRIPTION_MODEL and those that the vendor serves for another year; a conversation may then name every one that is not retired',
  ),
  TRANSLATION_MODELS: list(
    defaultTranslation,
    'Models that translate at /v1/realtime/translations, on Azure names of deployments; the first is the default',
  ),
  SAFETY_IDENTIFIER: oneOf(
    ['client', 'principal'],
    'client',
    "The OpenAI-Safety-Identifier that upstream is told: the client's own header, or a SHA-256 of the caller's name",
  ),
  UPSTREAM_CONNECT_TIMEOUT_MS: whole(
    10_000,
    100,
    120_000,
    'Time in which an upstream session must exist, retries included',
  ),
  UPSTREAM_CIRCUIT_PAUSE_SEC: whole(
    30,
    1,
    3600,
    'With several deployments or endpoints, time for which one that failed is passed over',
  ),
  UPSTREAM_BUFFER_MB: whole(
    16,
    1,
    256,
    'Bytes that may wait for an upstream that is opening or slow (MiB a session)',
  ),
  CLIENT_BUFFER_KB: whole(
    1024,
    16,
    65_536,
    'Bytes waiting for a slow client at which its upstream is paused (KiB)',
  ),
  UPSTREAM_STALL_TIMEOUT_MS: whole(
    60_000,
    100,
    3_600_000,
    'An upstream that says nothing for this long in the middle of an answer is given up, and the session renewed where it can be',
  ),
  CLIENT_STALL_TIMEOUT_MS: whole(
    60_000,
    100,
    3_600_000,
    'A client that does not take half of what waits for it within this time, once its buffer is full, is ended',
  ),

  CLIENT_TURN_MS: whole(
    50,
    0,
    10_000,
    'A client that keeps the event loop for longer than this without a pause (ms), or for ten times as long in one second while others wait, is ended; 0 is no limit, for load generators',
  ),

  OTEL_EXPORTER_OTLP_ENDPOINT: text(
    'OpenTelemetry collector that spans and metrics are sent to by OTLP over HTTP (JSON); unset, and without Azure Monitor, tracing is off',
    'an http:// or https:// address, without /v1/traces',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    'Headers of what is sent to the collector',
    'name=value pairs separated by commas',
  ),
  OTEL_SERVICE_NAME: textOr('realtime-gateway', 'Name of the service in spans and metrics'),
  APPLICATIONINSIGHTS_CONNECTION_STRING: secret(
    'Application Insights component that spans and metrics are sent to',
    'InstrumentationKey=…;IngestionEndpoint=https://…',
  ),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: text(
    'Authenticates with Application Insights by Entra ID; the identity needs the role Monitoring Metrics Publisher',
    'Authorization=AAD, with ;ClientId= and a GUID for a user-assigned identity',
  ),
  TRACE_CONTENT: flag(false, 'Spans tell what the model said, as text; never audio'),

  RECORD_DIR: text(
    'Folder for recordings of sessions, redacted JSON lines that the simulator replays; unset records nothing',
    'a folder that exists',
  ),
  RECORD_WORDS: flag(false, 'Recordings keep what was said, as text; never audio or instructions'),

  SIMULATOR_RATE: optionalNumber(
    0.1,
    1000,
    'Embedded simulator: audio pace, times faster than real time (its own default when unset)',
  ),
  SIMULATOR_SEED: optionalNumber(0, 4_294_967_295, 'Embedded simulator: makes ids and voice repeatable'),

  CHAT_INSTRUCTIONS: textOr(
    'You are a friendly assistant. Answer briefly, in the language of the person who speaks to you.',
    'Instructions of /chat sessions',
  ),
  CHAT_TRANSCRIPTION_MODEL: textOr(
    defaultTurnTranscription,
    'Model that writes down what people say on /chat; on Azure the name of its deployment in the same resource; none writes nothing down',
  ),
  REALTIME_DIALECT: oneOf(
    ['auto', 'upstream', 'ga', 'preview'],
    'auto',
    "Names and shapes that clients see; auto is their own at the SDK addresses, by the way they dial, and upstream's on /realtime; upstream leaves them as they came; ga and preview force one",
  ),
  REALTIME_PIN_SESSION: flag(
    false,
    'The instructions and the prompt template that this gateway gives a session (/realtime, keys of /sideband/ephemeral-key) are blanked in what clients see, and what would replace them is refused',
  ),
  REALTIME_TEXT_ONLY: flag(false, 'No audio in or out'),
  REALTIME_AUTO_CLOSE: flag(true, '/realtime ends the session after the first response'),
  REALTIME_VOICE: textOr('alloy', 'Voice of the model'),
  REALTIME_HEARTBEAT_SEC: whole(
    10,
    1,
    300,
    'Ping interval on both legs; a peer silent for three intervals is gone',
  ),
  REALTIME_MAX_MSG_MB: whole(
    15,
    1,
    100,
    "Largest message either way (MiB), at the SDK addresses so much audio in one append; a larger one closes with 1009, a client's of more than twice the size without a close frame (1006)",
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
    'Folder of the assistants, each a folder with an assistant.yaml, relative to the folder of this project (default assistants, which may be missing)',
    'a folder that exists',
  ),
  ASSISTANTS_WATCH: optionalFlag(
    'Reads the assistants again when their files change; sessions that are open go on as they began. Unset: where HOST is this machine alone',
  ),
  TOOLS_MEMORY_MB: whole(
    256,
    64,
    65_536,
    'Resident memory of the process that runs the tools of one assistant (MiB): above it the process is replaced, and its calls are interrupted',
  ),
  REALTIME_TURN_DETECTION_TYPE: optionalOneOf(
    ['server_vad', 'semantic_vad', 'none'],
    "Who decides that a turn is over; unset leaves the model's default",
  ),
  REALTIME_TURN_DETECTION_SERVER_THRESHOLD: optionalNumber(0, 1, 'server_vad: activation threshold'),
  REALTIME_TURN_DETECTION_SERVER_PREFIX_PADDING_MS: optionalNumber(
    0,
    10_000,
    'server_vad: audio kept from before speech',
  ),
  REALTIME_TURN_DETECTION_SERVER_SILENCE_DURATION_MS: optionalNumber(
    0,
    10_000,
    'server_vad: silence that ends a turn',
  ),
  REALTIME_TURN_DETECTION_CREATE_RESPONSE: optionalFlag('Answer by itself when a turn is over'),
  REALTIME_TURN_DETECTION_INTERRUPT_RESPONSE: optionalFlag('Speech interrupts an answer'),
  REALTIME_TURN_DETECTION_SEMANTIC_EAGERNESS: optionalOneOf(
    ['low', 'medium', 'high', 'auto'],
    'semantic_vad: how soon a turn counts as over',
  ),
  REALTIME_ALLOWED_EVENT_TYPES: optionalList(
    'Globs of the event types that /realtime lets through; <binary> admits binary frames, * everything (default response.text.delta,response.text.done; where answers are spoken their transcript, too)',
  ),
  REALTIME_EXTRACT_JSON_FROM_TEXT_TYPES: list(
    '',
    'Globs of the event types whose text is searched for JSON; empty turns extraction off',
  ),
  REALTIME_EXTRACT_FIELDS_MAP: textOr(
    '',
    'Fields to search by event type, first that yields wins',
    'glob:fieldA,fieldB;glob2:fieldX',
  ),
  REALTIME_EXTRACT_JSON_TEXT_FIELD: textOr('text', 'Field to search where the map names none'),
  REALTIME_EXTRACT_JSON_STRATEGY: oneOf(
    ['fenced_or_bare', 'strict_fence', 'first_object'],
    'fenced_or_bare',
    'How the JSON is found',
  ),
  REALTIME_EXTRACT_PICK: oneOf(
    ['first', 'last'],
    'first',
    'Of several JSON objects the one that is taken; last passes over examples before the answer',
  ),
  REALTIME_EXTRACT_ARRAYS: flag(false, 'JSON arrays are taken, too; outside of a fence those of objects'),
  REALTIME_EXTRACT_REPAIR: flag(
    false,
    'Mends what models get wrong (trailing commas, comments, quotes, Python words, raw line ends); wrap marks the record as repaired',
  ),
  REALTIME_EXTRACT_SCHEMA_PATH: text(
    'JSON Schema file, relative to runtime/; an object that does not fit counts as none, and the reason is schema: and the path that does not',
    'a file path',
  ),
  REALTIME_EXTRACT_OUTPUT_MODE: oneOf(
    ['replace', 'wrap'],
    'replace',
    'The JSON alone, or wrapped in an extracted.json event',
  ),
  REALTIME_EXTRACT_ON_FAIL: oneOf(
    ['drop', 'forward', 'error'],
    'drop',
    'What becomes of an event in which no JSON is found',
  ),

  GATEWAY_AUTH: text(
    'What clients must show; unset is key where GATEWAY_API_KEYS is set, else none, which a public address warns of',
    'none, key, entra, or key,entra',
  ),
  GATEWAY_API_KEYS: secret(
    'Keys of clients: name:secret pairs separated by commas; name:sha256:HEX keeps the secret out of here',
    'name:secret pairs',
  ),
  ENTRA_TENANT_ID: text('Tenant whose tokens are taken', 'a GUID'),
  ENTRA_AUDIENCE: list('', 'Audiences that tokens may be for: the client id of the API, its app-id URI'),
  ENTRA_REQUIRED_SCOPE: text("Scope that a person's token must carry (claim scp)", 'a scope name'),
  ENTRA_REQUIRED_ROLE: text(
    'Role that does in place of the scope, for tokens of applications (claim roles)',
    'a role name',
  ),
  ENTRA_OPERATOR_ROLE: text(
    'Role (claim roles) of Entra ID whose holders may see the usage of all callers',
    'a role name',
  ),
  ENTRA_PAGES_CLIENT_ID: text(
    "The pages' own app registration (single-page application), with which people sign in",
    'a GUID',
  ),
  ENTRA_AUTHORITY: textOr(
    'https://login.microsoftonline.com',
    'Sign-in service; another one for national clouds',
    'an https:// address (http:// for loopback only)',
  ),
  ENTRA_CLOCK_SKEW_SEC: whole(60, 0, 300, "How far a token's times may be off"),
  ALLOWED_ORIGINS: list(
    '',
    "Origins of pages that may connect, besides the gateway's own; * admits every page",
  ),
  TRUSTED_PROXIES: list('', 'Addresses and networks (CIDR) of proxies whose X-Forwarded-For is believed'),
  TICKET_TTL_SEC: whole(60, 5, 600, 'Life of a ticket from POST /ticket'),
  LIMIT_SESSIONS_PER_CREDENTIAL: limit(1000, 'Sessions at once of one credential'),
  LIMIT_SESSIONS_PER_ADDRESS: limit(
    500,
    'Sessions at once from one address, which an office or a mobile network shares among many people',
  ),
  LIMIT_UPGRADES_PER_MINUTE_PER_CREDENTIAL: limit(
    3000,
    'Sessions that one credential may open in a minute; after a rollout all of them come back at once',
  ),
  LIMIT_UPGRADES_PER_MINUTE_PER_ADDRESS: limit(
    1500,
    'Sockets that one address may try to open in a minute, refused ones included',
  ),
  LIMIT_REQUESTS_PER_MINUTE_PER_CREDENTIAL: limit(
    3000,
    'POST and DELETE requests (tickets, keys, calls) of one credential in a minute; a browser takes a ticket for each socket',
  ),
  LIMIT_REQUESTS_PER_MINUTE_PER_ADDRESS: limit(
    1500,
    'POST and DELETE requests that one address may try in a minute, refused ones included',
  ),
  LIMIT_REFUSALS_PER_MINUTE_PER_ADDRESS: limit(
    300,
    'Credentials of one address that are refused in a minute, in one process; then nothing of that address is checked until the minute is over',
  ),
  LIMIT_MESSAGES_PER_SECOND_PER_CREDENTIAL: limit(
    20_000,
    'Messages a second of one credential, in one process; honest clients send recordings as fast as they can',
  ),
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: limit(20_000, 'Messages a second from one address, in one process'),
  LIMIT_STORED_ENTRIES_PER_OWNER: limit(
    5000,
    'Tickets, ephemeral keys, sideband sessions and conversations that one credential (one address, where no credential is asked for) has in the store at once',
  ),
  LIMIT_STORED_MB_PER_OWNER: limit(32, 'What these take together (MiB)'),
  LIMIT_TOKENS_PER_DAY_PER_CREDENTIAL: limit(0, 'Model tokens of one credential in a day (UTC)'),
  LIMIT_TOKENS_PER_DAY_PER_ADDRESS: limit(0, 'Model tokens from one address in a day (UTC)'),
  LIMIT_COST_PER_DAY_PER_CREDENTIAL: money(
    'Estimated cost of one credential in a day (UTC), in the currency of PRICES_FILE',
  ),
  LIMIT_COST_PER_DAY_PER_ADDRESS: money(
    'Estimated cost from one address in a day (UTC), in the currency of PRICES_FILE',
  ),
  LIMIT_SESSION_MINUTES: whole(0, 0, 35_000, 'Length of a session (minutes); 0 is no limit'),
  LIMIT_WRAP_UP_SEC: whole(
    30,
    0,
    300,
    'Time before the end of its minutes at which a session is told to come to an end',
  ),

  PRICES_FILE: text(
    'YAML file of what models cost, relative to runtime/ (default usage/prices.yaml); costs are estimates',
    'a file path',
  ),
  OPERATORS: list(
    '',
    'Callers of the gateway (key:NAME, entra:TENANT/OBJECT, or anonymous without GATEWAY_AUTH) that may see the usage of all callers',
  ),
  EVENTS_WEBHOOK_URL: text(
    'Address that is told of the end of each session and conversation, signed; unset: the log alone tells it',
    'an https:// address (http:// for loopback only)',
  ),
  EVENTS_WEBHOOK_SECRET: secret(
    'Signing secret of EVENTS_WEBHOOK_URL; several, separated by commas, while one is rotated',
    'whsec_ and base64, separated by commas',
  ),

  REDIS_URL: text(
    'Redis that replicas share; a password in it makes it a secret. Unset: state is kept in memory, one replica alone',
    'a redis:// or rediss:// address',
  ),
  REDIS_AUTH: oneOf(
    ['url', 'entra'],
    'url',
    'Proof to Redis: what REDIS_URL holds, or Entra ID (Azure Managed Redis)',
  ),

  SCALE_SESSIONS_PER_REPLICA: z.coerce.number().int().min(0).max(100_000).default(0).meta({
    description:
      'Open sessions of a full replica: how full replicas are is published in Redis as a list of 10 entries a full replica, which an autoscaler reads; needs REDIS_URL; 0 publishes nothing',
    allowed: 'a whole number from 0 to 100000',
  }),

  SIDEBAND_WEBRTC_FILTER: oneOf(
    ['on', 'off'],
    'on',
    "Azure: hides the prompt and the tools from the browser's data channel",
  ),
  SIDEBAND_PIN_SESSION: flag(
    false,
    'Puts instructions, tools and prompt template of a call back when its browser changes them',
  ),
  SIDEBAND_SESSION_TTL_SEC: whole(
    7200,
    1,
    86_400,
    'A sideband session that nothing happens to is forgotten after this',
  ),

  OPENAI_WEBHOOK_SECRET: secret(
    'Signing secret of the webhook that tells of telephone calls; several, separated by commas, while one is rotated. Unset: /webhooks/realtime is not there',
    'whsec_ and base64, separated by commas',
  ),
  CALLS_POLICY: textOr(
    'reject',
    'What becomes of a telephone call that the webhook tells of: accept gives each the one session below; reject refuses it, with a SIP status if one is given (603 otherwise)',
    'accept, reject, or reject: and a SIP status from 300 to 699',
  ),
  CALLS_SESSION_PATH: text(
    'JSON file of the session of accepted calls, as the API takes it on accept, relative to runtime/; unset: CHAT_INSTRUCTIONS and REALTIME_VOICE with the first deployment',
    'a file path',
  ),
  CALLS_GREETING: text(
    'Instructions of the first answer to a caller, such as: greet the caller and ask what this is about; unset: the caller speaks first',
  ),
  CALLS_CONTROL: list(
    '',
    'Callers of the gateway (key:NAME, entra:TENANT/OBJECT, or anonymous without GATEWAY_AUTH) that may accept, refer, reject and hang up calls that the gateway did not make, and see and control those that came by the webhook',
  ),

  DRAIN_LAME_DUCK_MS: whole(
    defaultLameDuckMs,
    0,
    60_000,
    'After SIGTERM, time in which HTTP is still answered while upgrades are refused',
  ),
  DRAIN_DEADLINE_MS: whole(
    defaultDrainDeadlineMs,
    0,
    3_600_000,
    'After SIGTERM, time at which the last sessions are ended',
  ),
})

export type Environment = z.output<typeof environment>
