/**
 * The tools of an MCP server that the gateway can reach (Model Context Protocol, streamable HTTP): listed at the start, when
 * the server says that they changed, and at an interval. A server that is away makes its tools fail with a reason;
 * conversations go on, and it is dialled again. What goes wrong with one call concerns no other: calls that run while a
 * connection is replaced end on the old one.
 */

import {
  type CallToolResult,
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  StreamableHTTPClientTransport,
  type Tool,
} from '@modelcontextprotocol/client'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { describeFault, enter, type FaultOwner } from '../core/fault-boundary.ts'
import { type Fields, isFields } from '../events/fields.ts'
import { compileSchema, type Misfit } from '../events/json-schema.ts'
import type { Log, LogEvent } from '../observability/log.ts'
import { maxArgumentsBytes, maxOutputBytes } from '../resume/tool-journal.ts'
import { boundedFetch } from './bounded-fetch.ts'
import { callFailed, type FailedCall } from './call-failed.ts'
import type { ToolCall, ToolDescription, ToolResult, ToolRunner } from './runner.ts'

export interface McpServerOptions {
  /** In logs. */
  readonly assistant: string
  /** Stands before the names of its tools: `stock__check_stock`. */
  readonly name: string
  readonly url: string
  /** Names of the tools that the model is given, as the server has them; null: all. */
  readonly tools: readonly string[] | null
  /** From the start of a call until it fails (ms). Default: 10,000. */
  readonly timeoutMs?: number
  /** Sent with every request, as for authorization. */
  readonly headers?: Readonly<Record<string, string>>
  readonly log: Log
  readonly clock?: Clock
}

const defaultTimeoutMs = 10_000

/** A dial, and the list of tools, take so long at most (ms). */
const connectMs = 5000

/** Tools are listed again at this interval (ms): a server that says nothing of its changes, or is gone, is noticed. */
const refreshMs = 60_000

/** Between dials to a server that is away. */
const redial: BackoffBounds = { firstMs: 250, lastMs: 10_000 }

/** What ends a session of the server's may take so long (ms). */
const closeMs = 1000

/** Calls to one server at once; more are refused. */
const maxCalls = 64

/** Of the tools of one server so many are offered to the model. */
const maxTools = 128

/** Of a description (characters). */
const maxDescriptionChars = 4096

/** What the Realtime API takes as the name of a function. */
const functionName = /^[\w-]{1,64}$/

/** Key of `_meta` under which a server finds what is the same for every run of the same call. */
const idempotencyMeta = 'realtime-gateway/idempotency-key'

/** What a dial fails with before the request left this machine. */
const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Server or session are not there, or not for the gateway: nothing ran. A server that restarted answers 404. */
const refusals: readonly number[] = [401, 403, 404]
const badRequest = 400

interface Connection {
  readonly client: Client
  readonly transport: StreamableHTTPClientTransport
  /** Under way. */
  readonly calls: Set<Promise<unknown>>
}

interface Listed {
  readonly description: ToolDescription
  /** As the server has it. */
  readonly ownName: string
  readonly misfit: Misfit
}

/** Dials the server and lists its tools, or goes on without it after five seconds. */
export async function startMcpServer(options: McpServerOptions): Promise<McpServer> {
  const server = new McpServer(options)
  await server.tried
  return server
}

export class McpServer implements ToolRunner, FaultOwner {
  /** Resolves when the first dial has succeeded or failed. */
  readonly tried: Promise<void>
  readonly #options: McpServerOptions
  readonly #clock: Clock
  readonly #timeoutMs: number
  #listed: ReadonlyMap<string, Listed> = new Map()
  #tools: readonly ToolDescription[] = []
  #phase: 'dialing' | 'open' | 'away' | 'closed' = 'dialing'
  /** The one that new calls take. */
  #connection: Connection | null = null
  /** That one, and those that were replaced and whose calls have not ended. */
  readonly #connections = new Set<Connection>()
  #failures = 0
  #calls = 0
  #cancelTimer: () => void = () => undefined

  constructor(options: McpServerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs
    this.tried = this.#dial()
  }

  /** As they were last listed, also while the server is away. */
  get tools(): readonly ToolDescription[] {
    return this.#tools
  }

  async run(call: ToolCall): Promise<ToolResult> {
    const listed = this.#listed.get(call.name)
    const connection = this.#connection
    if (listed === undefined) return callFailed('unknown_tool', `There is no tool "${call.name}"`)
    if (call.signal.aborted) return callFailed('cancelled', 'Nobody waits for the result any more')
    if (this.#phase !== 'open' || connection === null) return this.#unavailable()
    if (this.#calls >= maxCalls)
      return callFailed('too_many_calls', `${maxCalls} calls are being answered; try again`)
    const args = readArguments(call, listed)
    if ('kind' in args) return args
    const params = {
      name: listed.ownName,
      arguments: args.value,
      _meta: { [idempotencyMeta]: call.idempotencyKey },
    }
    const waiting = { signal: call.signal, timeout: this.#timeoutMs, maxTotalTimeout: this.#timeoutMs }
    this.#calls += 1
    const running = connection.client.callTool(params, waiting)
    connection.calls.add(running)
    try {
      return readResult(await running)
    } catch (fault) {
      return this.#failed(fault, call, connection)
    } finally {
      connection.calls.delete(running)
      this.#calls -= 1
    }
  }

  async close(): Promise<void> {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#cancelTimer()
    await Promise.all([...this.#connections].map(connection => this.#hangUp(connection)))
  }

  onFault(fault: unknown): void {
    this.#log('error', 'mcp.warning', describeFault(fault))
  }

  async #dial(): Promise<void> {
    const { url, headers } = this.#options
    const client = new Client(
      { name: 'realtime-gateway', version: '1' },
      {
        // Servers of 2026-07-28 and of before.
        versionNegotiation: { mode: 'auto', probe: { timeoutMs: connectMs } },
        // The model reads what a tool returns; whether it is what the server announced is the server's affair.
        jsonSchemaValidator: {
          getValidator: () => data => ({ valid: true, data: data as never, errorMessage: undefined }),
        },
        listChanged: {
          tools: { autoRefresh: false, onChanged: () => enter(this, () => this.#refresh(connection)) },
        },
      },
    )
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      fetch: boundedFetch(fetch),
      requestInit: { headers: { ...headers } },
    })
    const connection: Connection = { client, transport, calls: new Set() }
    this.#connection = connection
    this.#connections.add(connection)
    try {
      await client.connect(transport, { timeout: connectMs })
      client.onclose = () =>
        enter(this, () => this.#lost(connection, new Error('The server closed the connection')))
      // Streams that break off are opened again by the transport, and tell of it here.
      client.onerror = () => undefined
      await this.#list(client)
    } catch (fault) {
      return this.#lost(connection, fault)
    }
    if (this.#phase === 'closed') return void (await this.#hangUp(connection))
    this.#phase = 'open'
    this.#failures = 0
    this.#log('info', 'mcp.connected', { tools: this.#tools.length })
    this.#scheduleRefresh(connection)
  }

  #scheduleRefresh(connection: Connection): void {
    this.#cancelTimer = this.#clock.after(refreshMs, () => enter(this, () => this.#refresh(connection)))
  }

  /** A list that does not come, or is none, leaves the tools as they were. */
  async #refresh(connection: Connection): Promise<void> {
    if (this.#connection !== connection || this.#phase !== 'open') return
    this.#cancelTimer()
    try {
      await this.#list(connection.client)
    } catch (fault) {
      if (isBroken(connection, fault)) return this.#lost(connection, fault)
      this.#log('warn', 'mcp.warning', reasonOf(fault))
    }
    if (this.#connection === connection && this.#phase === 'open') this.#scheduleRefresh(connection)
  }

  async #list(client: Client): Promise<void> {
    const { tools } = await client.listTools(undefined, { timeout: connectMs, cacheMode: 'refresh' })
    const { name, tools: wanted } = this.#options
    const offered = tools.filter(tool => wanted === null || wanted.includes(tool.name))
    const missing = wanted?.filter(tool => !tools.some(({ name }) => name === tool)) ?? []
    if (missing.length > 0)
      this.#log('warn', 'mcp.warning', { error: 'The server has no such tool', missing })
    if (offered.length > maxTools)
      this.#log('warn', 'mcp.warning', {
        error: `Of its tools only ${maxTools} are offered`,
        tools: offered.length,
      })
    const listed = new Map<string, Listed>()
    for (const tool of offered.slice(0, maxTools)) {
      try {
        const own = readTool(tool, name, this.#timeoutMs)
        listed.set(own.description.name, own)
      } catch (fault) {
        this.#log('warn', 'mcp.warning', { tool: tool.name, error: String(fault) })
      }
    }
    this.#listed = listed
    this.#tools = [...listed.values()].map(({ description }) => description)
  }

  /** The connection is of no use any more: dials again, later. */
  #lost(connection: Connection, fault: unknown): void {
    if (this.#connection !== connection || this.#phase === 'closed') return
    this.#connection = null
    this.#phase = 'away'
    this.#failures += 1
    this.#cancelTimer()
    const waitMs = backoffMs(redial, this.#failures, this.#clock.random)
    this.#log('warn', 'mcp.lost', { ...reasonOf(fault), retry_ms: Math.round(waitMs) })
    enter(this, async () => {
      // Each has its own deadline.
      await Promise.allSettled(connection.calls)
      await this.#hangUp(connection)
    })
    this.#cancelTimer = this.#clock.after(waitMs, () =>
      enter(this, () => {
        this.#phase = 'dialing'
        return this.#dial()
      }),
    )
  }

  /** Calls that run are interrupted. Safe to call twice. */
  async #hangUp(connection: Connection): Promise<void> {
    if (!this.#connections.delete(connection)) return
    const { client, transport } = connection
    const ended = transport.terminateSession().catch(() => undefined)
    const late = new Promise<void>(resolve => void this.#clock.after(closeMs, resolve))
    await Promise.race([ended, late])
    await client.close().catch(() => undefined)
  }

  #failed(fault: unknown, call: ToolCall, connection: Connection): ToolResult {
    if (call.signal.aborted) return callFailed('cancelled', 'Nobody waits for the result any more')
    // The server is there, and says what is wrong.
    if (fault instanceof ProtocolError) return callFailed('tool_failed', fault.message)
    if (fault instanceof SdkError && fault.code === SdkErrorCode.RequestTimeout)
      return callFailed(
        'timeout',
        `The tool did not finish in ${this.#timeoutMs} ms; it may have had effects`,
      )
    if (fault instanceof SdkError && fault.code === SdkErrorCode.InvalidResult)
      return callFailed('invalid_output', 'The tool returned something that is not a result of a tool')
    if (isBroken(connection, fault)) this.#lost(connection, fault)
    else this.#log('warn', 'mcp.warning', { tool: call.name, ...reasonOf(fault) })
    if (neverSent.has(codeOf(fault)) || refusals.includes(statusOf(fault))) return this.#unavailable()
    return { kind: 'interrupted' }
  }

  #unavailable(): FailedCall {
    const { name } = this.#options
    return callFailed('tool_unavailable', `The server "${name}" cannot be reached; the tool did not run`)
  }

  #log(level: 'info' | 'warn' | 'error', event: LogEvent, fields: object): void {
    const { assistant, name, log } = this.#options
    log[level](event, { assistant, server: name, ...fields })
  }
}

/** Tells a connection or session that is of no use any more from a fault of one request. */
function isBroken({ transport }: Connection, fault: unknown): boolean {
  // What `fetch` throws has a cause; that an answer is too long has none.
  if (fault instanceof TypeError) return fault.cause !== undefined
  if (fault instanceof SdkError && fault.code === SdkErrorCode.ConnectionClosed) return true
  const status = statusOf(fault)
  // Some servers answer 400, not 404, to a session that they do not know.
  return refusals.includes(status) || (status === badRequest && transport.sessionId !== undefined)
}

/** @throws Error when the model cannot be given the tool */
function readTool(tool: Tool, server: string, timeoutMs: number): Listed {
  const name = `${server}__${tool.name}`
  if (!functionName.test(name))
    throw new Error('Its name has other characters than a-z, A-Z, 0-9, "_" and "-", or too many')
  const { $schema: _, ...parameters } = tool.inputSchema
  return {
    description: {
      name,
      description: (tool.description ?? tool.title ?? tool.name).slice(0, maxDescriptionChars),
      parameters,
      timeoutMs,
      idempotent: tool.annotations?.idempotentHint === true || tool.annotations?.readOnlyHint === true,
    },
    ownName: tool.name,
    misfit: compileSchema(JSON.stringify(withoutPatterns(tool.inputSchema))),
  }
}

/** Keywords whose values are no schemas. */
const plainValues: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples'])

/**
 * Leaves the checks of texts to the server. Its patterns may be none of JavaScript's, and a pattern that takes long for
 * some text, which a person may have said, would hold up every session of this process.
 */
function withoutPatterns(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutPatterns)
  if (!isFields(schema)) return schema
  const isText = ([keyword, value]: [string, unknown]) =>
    (keyword === 'pattern' || keyword === 'format') && typeof value === 'string'
  const kept: Fields = Object.fromEntries(Object.entries(schema).filter(entry => !isText(entry)))
  // What else a value may have is said with the patterns of its names.
  const { patternProperties, additionalProperties, unevaluatedProperties, ...named } = kept
  return Object.fromEntries(
    Object.entries(patternProperties === undefined ? kept : named).map(([keyword, value]) => [
      keyword,
      plainValues.has(keyword) ? value : withoutPatterns(value),
    ]),
  )
}

function readArguments(
  { arguments: text }: ToolCall,
  { misfit }: Listed,
): { value: Record<string, unknown> } | FailedCall {
  if (Buffer.byteLength(text) > maxArgumentsBytes)
    return callFailed('invalid_arguments', `The arguments are over ${maxArgumentsBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(text.trim() === '' ? '{}' : text)
  } catch {
    return callFailed('invalid_arguments', 'The arguments are not valid JSON')
  }
  const path = misfit(value)
  if (path === null) return { value: value as Record<string, unknown> }
  const where = path === '' ? '' : ` at "${path.slice(1).replaceAll('/', '.')}"`
  return callFailed('invalid_arguments', `The arguments do not fit the tool's parameters${where}`)
}

/** What a server returns: structured where it is, else its text; the model cannot be given anything else. */
function readResult({ content, structuredContent, isError }: CallToolResult): ToolResult {
  const text = content.map(part => (part.type === 'text' ? part.text : `[${part.type} left out]`)).join('\n')
  if (isError === true) return callFailed('tool_failed', text === '' ? 'The tool failed' : text)
  const output = structuredContent === undefined ? jsonOf(text) : JSON.stringify(structuredContent)
  const bytes = Buffer.byteLength(output)
  if (bytes > maxOutputBytes)
    return callFailed('invalid_output', `The tool returned ${bytes} bytes, more than ${maxOutputBytes}`)
  return { kind: 'done', output, update: null }
}

/** Servers of before structured content put JSON into a text. */
function jsonOf(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}

function codeOf(fault: unknown): string {
  for (let cause = fault; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    if (typeof code === 'string' && neverSent.has(code)) return code
  }
  return ''
}

function statusOf(fault: unknown): number {
  const { status, data } = (fault ?? {}) as { status?: unknown; data?: { status?: unknown } }
  return Number(status ?? data?.status ?? 0)
}

/** What went wrong, without what the server wrote. */
function reasonOf(fault: unknown): object {
  const [code, status] = [codeOf(fault), statusOf(fault)]
  return { ...describeFault(fault), ...(code !== '' && { code }), ...(status > 0 && { status }) }
}
