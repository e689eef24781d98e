/**
 * Reads recorded sessions with the real services, as pydantic-ai's tests keep them: YAML with `interactions`, each a
 * message of a WebSocket (`kind: message`, `direction: sent | received`, `data`) or an HTTP exchange (`request`,
 * `response`, with `parsed_body` where the body is JSON). Their audio is shortened.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as yaml from 'js-yaml'

export type Vendor = 'openai' | 'azure'

export interface VendorEvent {
  readonly type: string
  readonly [field: string]: unknown
}

export interface Line {
  readonly from: 'client' | 'server'
  readonly event: VendorEvent
}

export interface Exchange {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly contentType: string
  readonly body: unknown
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Parsed where it is JSON. */
  readonly answer: unknown
}

export interface Recording {
  /** Vendor and file, without its ending: `openai/test_tool_call_round`. */
  readonly name: string
  readonly vendor: Vendor
  /** It joined a call by `call_id`. */
  readonly isSideband: boolean
  readonly lines: readonly Line[]
  readonly exchanges: readonly Exchange[]
}

/** Reads every recording of a folder that has one folder for each vendor. Azure's Voice Live is another API. */
export function readRecordings(folder: string): Recording[] {
  return (['openai', 'azure'] as const).flatMap(vendor =>
    readdirSync(join(folder, vendor))
      .filter(file => file.endsWith('.yaml'))
      .sort()
      .map(file =>
        readRecording(vendor, basename(file, '.yaml'), readFileSync(join(folder, vendor, file), 'utf8')),
      ),
  )
}

/** Reads one. @throws Error with the number of the interaction that is of no known kind */
export function readRecording(vendor: Vendor, file: string, text: string): Recording {
  const { interactions } = yaml.load(text) as { interactions: Interaction[] }
  const lines: Line[] = []
  const exchanges: Exchange[] = []
  interactions.forEach((interaction, index) => {
    if ('request' in interaction) exchanges.push(exchangeOf(interaction))
    else if (interaction.kind === 'message')
      lines.push({ from: interaction.direction === 'sent' ? 'client' : 'server', event: interaction.data })
    else throw new Error(`interaction ${index + 1} of "${vendor}/${file}" is neither a message nor a request`)
  })
  return { name: `${vendor}/${file}`, vendor, isSideband: file.startsWith('sideband'), lines, exchanges }
}

type Interaction = Message | HttpInteraction

interface Message {
  kind: string
  direction: 'sent' | 'received'
  data: VendorEvent
}

interface HttpInteraction {
  request: { method: string; uri: string; headers: Headers; parsed_body?: unknown; body?: unknown }
  response: { status: { code: number }; headers: Headers; parsed_body?: unknown; body?: { string: string } }
}

type Headers = Record<string, string[]>

function exchangeOf({ request, response }: HttpInteraction): Exchange {
  const { pathname, search } = new URL(request.uri)
  return {
    method: request.method,
    path: pathname + search,
    contentType: request.headers['content-type']?.[0] ?? '',
    body: request.parsed_body ?? request.body,
    status: response.status.code,
    headers: Object.fromEntries(
      Object.entries(response.headers).map(([name, [value = '']]) => [name, value]),
    ),
    answer: response.parsed_body ?? response.body?.string,
  }
}
