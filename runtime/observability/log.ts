/** JSON lines for machines: an event's name, ids and counts; never content, never a secret. */
import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino'

/** The closed list of events that operators search for; anything else is a warning or an error. */
export type LogEvent =
  | 'server.listening'
  | 'signal.received'
  | 'worker.started'
  | 'worker.exited'
  | 'worker.silent'
  | 'worker.orphaned'
  | 'drain.started'
  | 'drain.completed'
  | 'client.connected'
  | 'bridge.connected'
  | 'bridge.completed'
  | 'connection.closed'
  | 'connection.failed'
  | 'conversation.settings_dropped'
  | 'conversation.state_refused'
  | 'tool.output_refused'
  | 'upgrade.refused'
  | 'upstream.retry'
  | 'upstream.failed'
  | 'sideband.session.created'
  | 'sideband.webrtc.connected'
  | 'sideband.control.connecting'
  | 'sideband.control.connected'
  | 'sideband.observer.dropped'
  | 'sideband.session.tampered'
  | 'sideband.call.incoming'
  | 'sideband.call.answered'
  | 'sideband.call.taken_over'
  | 'sideband.handover.failed'
  | 'sideband.call.ended'
  | 'translation.call.unmetered'
  | 'webhook.refused'
  | 'store.connected'
  | 'store.lost'
  | 'upstream.failover'
  | 'credential.failed'
  | 'access.refused'
  | 'access.warning'
  | 'memory.near'
  | 'memory.calm'
  | 'memory.session_ended'
  | 'memory.failed'
  | 'limit.reached'
  | 'limit.uncounted'
  | 'usage.unwritten'
  | 'session.ended'
  | 'conversation.ended'
  | 'event.undelivered'
  | 'event.dropped'
  | 'prompt.warning'
  | 'assistants.loaded'
  | 'assistants.refused'
  | 'model.warning'
  | 'setting.unknown'
  | 'recording.failed'
  | 'log.lost'
  | 'load.reported'
  | 'load.unpublished'
  | 'tool.host.started'
  | 'tool.host.ended'
  | 'tool.host.failed'
  | 'tool.log'
  | 'mcp.connected'
  | 'mcp.lost'
  | 'mcp.warning'
  | 'tool.output'
  | 'process.failed'

/** What the rest of the runtime sees of a log: named events with fields. */
export interface Log {
  info(event: LogEvent, fields?: object): void
  warn(event: LogEvent, fields?: object): void
  error(event: LogEvent, fields?: object): void
}

/** Makes a log whose every line has these fields. */
export function withFields(log: Log, fields: object): Log {
  return {
    info: (event, more = {}) => log.info(event, { ...fields, ...more }),
    warn: (event, more = {}) => log.warn(event, { ...fields, ...more }),
    error: (event, more = {}) => log.error(event, { ...fields, ...more }),
  }
}

/** On every line. `worker` counts from 1; absent where one process is all. */
export interface LogBase {
  readonly revision: string
  readonly replica: string
  readonly worker?: number
}

/** Settings of the process's logger. The event's name is the field `event`, time is ISO 8601, levels are words. */
export function logOptions(level: string, base: LogBase): LoggerOptions {
  return {
    level,
    base,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
  }
}

/** Longer texts of a line are cut (characters), and lists (entries): paths and queries are written by strangers. */
const maxTextChars = 512
const maxListEntries = 16

const secretFields: ReadonlySet<string> = new Set([
  'authorization',
  'apiKey',
  'api-key',
  'key',
  'token',
  'ticket',
  'sec-websocket-protocol',
])
const censor = '[redacted]'

/**
 * Makes the fields of a line: texts and lists are cut, and fields that are named like a secret are replaced, those of a
 * field's own object too. In one pass, as each connection writes four lines: pino's own redaction copies them once more.
 */
function writtenFields(fields: object): Record<string, unknown> {
  const written: Record<string, unknown> = {}
  for (const name of Object.keys(fields))
    written[name] = secretFields.has(name) ? censor : writtenValue((fields as Record<string, unknown>)[name])
  return written
}

function writtenValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return shortenText(value)
  if (!Array.isArray(value)) return censored(value)
  const entries = value.slice(0, maxListEntries).map(shortenText)
  return value.length > maxListEntries ? [...entries, '…'] : entries
}

/** An object without what is named like a secret; itself where nothing is. */
function censored(fields: object): object {
  if (!Object.keys(fields).some(name => secretFields.has(name))) return fields
  const entries = Object.entries(fields)
  return Object.fromEntries(entries.map(([name, value]) => [name, secretFields.has(name) ? censor : value]))
}

function shortenText(value: unknown): unknown {
  return typeof value === 'string' && value.length > maxTextChars ? `${value.slice(0, maxTextChars)}…` : value
}

/** Makes a log of a pino logger. */
export function createLog(options: LoggerOptions, destination: DestinationStream): Log {
  const logger: Logger = pino(options, destination)
  return {
    info: (event, fields = {}) => logger.info(writtenFields(fields), event),
    warn: (event, fields = {}) => logger.warn(writtenFields(fields), event),
    error: (event, fields = {}) => logger.error(writtenFields(fields), event),
  }
}
