/**
 * What `assistant.yaml` may say. `assistants/assistant.schema.json`, which editors complete and check by, is made of this
 * by `npm run assistant-schema`, and a test holds the two together.
 */
import { z } from 'zod'

/** Of every key: what it means, and what a fault names as allowed. */
export interface KeyMeta {
  readonly description: string
  readonly allowed: string
}

/**
 * Gives a schema its meaning, and the words for what it takes.
 * @param published what its JSON Schema says beside that, for checks that zod does by a function
 */
function described<T extends z.ZodType>(
  schema: T,
  description: string,
  allowed: string,
  published: Readonly<Record<string, unknown>> = {},
): T {
  return schema.meta({ description, allowed, ...published }) as T
}

const text = (maxChars: number, description: string) =>
  described(z.string().min(1).max(maxChars), description, `a text of 1 to ${maxChars} characters`)

const whole = (min: number, max: number, description: string) =>
  described(z.int().min(min).max(max), description, `a whole number from ${min} to ${max}`)

const yesOrNo = (description: string) => described(z.boolean(), description, 'true or false')

const oneOf = <const W extends readonly [string, ...string[]]>(words: W, description: string) =>
  described(z.enum(words), description, words.join(' or '))

const listOf = <T extends z.ZodType>(entry: T, description: string, what: string) =>
  described(z.array(entry).min(1).max(maxEntries), description, `a list of 1 to ${maxEntries} ${what}`)

const matching = (pattern: RegExp, maxChars: number, description: string, allowed: string) =>
  described(z.string().max(maxChars).regex(pattern), description, allowed)

/** Entries of any list: one that is longer is no work of a person's. */
const maxEntries = 256

/** What a folder of an assistant may be called: the name stands in addresses, in logs and in labels of metrics. */
export const namePattern = /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/
export const nameAllowed = '1 to 64 small letters, digits and hyphens, no hyphen first or last'

export const toolNameAllowed = 'a name of 1 to 64 letters, digits, _ and -'

/** As the API takes the name of a function. */
const toolName = matching(/^[A-Za-z0-9_-]+$/, 64, 'Name of a tool', toolNameAllowed)

/** Whether the API takes a text as the name of a function. */
export function isToolName(text: string): boolean {
  return toolName.safeParse(text).success
}

const glob = text(
  256,
  'Glob over the type of an event, as REALTIME_ALLOWED_EVENT_TYPES has it: `response.output_text.*`',
)

const fileInFolder = text(
  256,
  "Path of a file in the assistant's folder, relative to it: no `..`, no symbolic link",
)

/** Fields of GA's session object that the gateway knows the kind of; upstream judges what is in them. */
const sessionFields = {
  output_modalities: described(
    z.array(z.enum(['text', 'audio'])).length(1),
    'How the model answers: GA takes one, and audio comes with its transcript',
    '[audio] or [text]',
  ),
  audio: described(
    z.looseObject({
      input: described(
        z.looseObject({}),
        'Sound of the person: format, transcription, …',
        'an object',
      ).optional(),
      output: described(
        z.looseObject({}),
        'Sound of the model: format, voice, speed',
        'an object',
      ).optional(),
    }),
    'Sound, both ways',
    'an object with input and output',
  ),
  max_output_tokens: described(
    z.union([z.int().min(1).max(1_000_000), z.literal('inf')]),
    'Most tokens of one answer',
    'a whole number from 1, or inf',
  ),
  tools: described(
    z.array(z.looseObject({ type: z.string() })).max(maxEntries),
    'Functions that the client runs, as the API takes them; tools of the server stand in tools/',
    'a list of objects with a type',
  ),
  tool_choice: described(
    z.union([z.string(), z.looseObject({ type: z.string() })]),
    'Which tool the model calls',
    'auto, none, required, or an object with a type',
  ),
  parallel_tool_calls: yesOrNo('Whether one answer may call several tools'),
  reasoning: described(z.looseObject({}), 'How much the model reasons', 'an object'),
  truncation: described(
    z.union([z.string(), z.looseObject({ type: z.string() })]),
    'What becomes of a conversation that is too long',
    'auto, disabled, or an object with a type',
  ),
  tracing: described(
    z.union([z.string(), z.looseObject({}), z.null()]),
    "Upstream's own traces",
    'auto, null or an object',
  ),
  include: described(z.array(z.string()).max(maxEntries), 'Further fields of events', 'a list of names'),
  prompt: described(
    z.union([z.looseObject({ id: z.string().min(1) }), z.null()]),
    "A prompt template that is kept at the vendor's",
    'an object with an id, or null',
  ),
}

/** Fields of GA's session object that stand elsewhere in an assistant. */
export const elsewhere: Readonly<Record<string, string>> = {
  instructions: 'the instructions stand in instructions.md',
  model: 'the model stands in the key model of the assistant',
  type: 'the session is always one of type realtime',
}

const session = described(
  z.looseObject(sessionFields).partial(),
  "The API's own session object (GA); what is not said here the environment's variables say",
  "an object, as the API's session.update takes it",
  { propertyNames: { not: { enum: Object.keys(elsewhere) } } },
)

const extract = described(
  z.strictObject({
    from: listOf(glob, 'Types of the events whose text is searched for JSON', 'globs'),
    fields: described(
      z.record(z.string().min(1), z.array(z.string().min(1)).min(1)),
      'Fields to search by glob of the type, first that yields wins',
      'an object of globs, each with a list of fields',
    ).optional(),
    text_field: text(128, 'Field to search where fields names none (default text)').optional(),
    schema: fileInFolder
      .meta({ description: 'JSON Schema in this folder; an object that does not fit counts as none' })
      .optional(),
    strategy: oneOf(
      ['fenced_or_bare', 'strict_fence', 'first_object'],
      'How the JSON is found (default fenced_or_bare)',
    ).optional(),
    pick: oneOf(['first', 'last'], 'Which of several objects is taken (default first)').optional(),
    arrays: yesOrNo('JSON arrays are taken, too (default false)').optional(),
    repair: yesOrNo('Mends what models get wrong (default false)').optional(),
    output: oneOf(
      ['replace', 'wrap'],
      'The JSON alone, or in an extracted.json event (default replace)',
    ).optional(),
    on_fail: oneOf(
      ['drop', 'forward', 'error'],
      'What becomes of an event in which no JSON is found (default drop)',
    ).optional(),
  }),
  'JSON that /realtime takes out of what the model writes',
  'an object with the key from',
)

const mcpServer = described(
  z.strictObject({
    name: toolName.meta({ description: 'Its tools are called NAME__TOOL' }),
    url: matching(
      /^https?:\/\/[^\s/]+\S*$/,
      2048,
      'Where it is (streamable HTTP)',
      'an http:// or https:// address',
    ),
    tools: listOf(toolName, 'Those of its tools that are offered; default: all', 'names').optional(),
  }),
  'An MCP server that the gateway can reach',
  'an object with the keys name and url',
)

/** What `GATEWAY_AUTH` makes of a credential. */
const principal = matching(
  /^(anonymous|key:[^\s:,]{1,128}|entra:[0-9a-fA-F-]{36}\/[^\s/]{1,128})$/,
  256,
  'A caller, as the gateway names it in its log',
  'key:NAME, entra:TENANT/OBJECT or anonymous',
)

const access = described(
  z
    .strictObject({
      principals: listOf(principal, 'Callers that may use it', 'callers').optional(),
      roles: listOf(
        text(256, "A role of the caller's Entra token (claim roles)"),
        'Roles of Entra tokens that may use it',
        'roles',
      ).optional(),
    })
    .refine(({ principals, roles }) => principals !== undefined || roles !== undefined),
  'Who may use it; without this key everyone who has access to the gateway',
  'an object with principals, roles or both',
  { minProperties: 1 },
)

const limits = described(
  z.strictObject({
    session_minutes: whole(1, 35_000, 'Length of a session (minutes)').optional(),
    tool_calls_per_minute: whole(
      1,
      10_000,
      'Calls of tools on the server in a minute of one conversation',
    ).optional(),
    tool_rounds: whole(1, 100, 'Answers of one turn that may call tools on the server').optional(),
  }),
  'Limits of one session, beside those of the credential and of the address',
  'an object with session_minutes, tool_calls_per_minute and tool_rounds',
)

export const assistantSchema = described(
  z.strictObject({
    description: text(1000, 'What it does, for those who choose among assistants'),
    model: text(128, 'One of the configured deployments; default: the first').optional(),
    session: session.optional(),
    greeting: text(
      4096,
      'Instructions of the first answer, which the assistant gives without being asked, on /chat and /realtime',
    ).optional(),
    events: listOf(glob, 'Types of the events that /realtime lets through', 'globs').optional(),
    extract: extract.optional(),
    tools: described(
      z.array(toolName).max(maxEntries),
      'Tools on the server: files of tools/ without .ts; default: all of them; [] is none',
      'a list of names',
    ).optional(),
    mcp: listOf(mcpServer, 'MCP servers that the gateway can reach', 'objects').optional(),
    env: listOf(
      matching(
        /^[A-Za-z_][A-Za-z0-9_]*$/,
        128,
        'Name of a variable',
        'a name of letters, digits and _, no digit first',
      ),
      'Variables of the environment that its tools may see; nothing else of it reaches them',
      'names',
    ).optional(),
    pinned: yesOrNo(
      'Clients change neither instructions nor tools, and no event shows them (default false)',
    ).optional(),
    webrtc: oneOf(
      ['visible'],
      "Offers it over WebRTC though it is pinned or has tools on the server: what the vendor's data channel shows of them to the browser is accepted",
    ).optional(),
    access: access.optional(),
    limits: limits.optional(),
    state_version: whole(
      1,
      1_000_000,
      'Version of the state that its tools keep; migrate.ts brings older ones forward (default 1)',
    ).optional(),
  }),
  'An assistant: the folder of this file is its name',
  'an object',
)

export type AssistantFile = z.output<typeof assistantSchema>

/** Where the JSON Schema is published, below the folder of the assistants. */
export const schemaFile = 'assistant.schema.json'

/** Writes the JSON Schema by which editors complete and check `assistant.yaml`. @returns JSON text */
export function writeJsonSchema(): string {
  const schema = z.toJSONSchema(assistantSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      delete jsonSchema.allowed
    },
  })
  return `${JSON.stringify({ title: 'Assistant', ...schema }, null, 2)}\n`
}

/**
 * Finds the schema of a key by its path.
 * @returns null for a path that the schema does not name
 */
export function schemaAt(path: readonly PropertyKey[]): z.ZodType | null {
  return path.reduce<z.ZodType | null>(
    (schema, key) => (schema === null ? null : schemaOf(unwrapped(schema), key)),
    assistantSchema,
  )
}

function unwrapped(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? unwrapped(schema.unwrap() as z.ZodType) : schema
}

function schemaOf(schema: z.ZodType, key: PropertyKey): z.ZodType | null {
  if (schema instanceof z.ZodObject) return (schema.shape[String(key)] as z.ZodType | undefined) ?? null
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType
  return null
}

/** Keys that an object of the schema has; none where it is no object. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const schema = schemaAt(path)
  const inner = schema === null ? null : unwrapped(schema)
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

/** What is allowed at a path: of the nearest key above it that says so. */
export function allowedAt(path: readonly PropertyKey[]): { path: readonly PropertyKey[]; allowed: string } {
  for (let length = path.length; length > 0; length -= 1) {
    const at = path.slice(0, length)
    const schema = schemaAt(at)
    const meta = schema === null ? undefined : (unwrapped(schema).meta() as KeyMeta | undefined)
    if (meta?.allowed !== undefined) return { path: at, allowed: meta.allowed }
  }
  return { path: [], allowed: 'an object' }
}
