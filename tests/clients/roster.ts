/** The clients: what each is, what a user of it sets, and the talks that it holds. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** In the order of the table's columns. */
export const talks = ['text', 'voice', 'tool', 'interruption', 'error', 'transcription'] as const

export type Talk = (typeof talks)[number]

export interface Client {
  /** As the table says it; unique. */
  readonly name: string
  readonly runtime: 'node' | 'python'
  /** The package whose version is told. */
  readonly package: string
  /** Script below `talks/`. */
  readonly script: string
  /** What a user sets in the client so that it talks to the gateway. */
  readonly setting: string
  /** Model that it asks for where its user names none; null where it has none of its own. */
  readonly ownModel: string | null
  readonly talks: readonly Talk[]
  /** Talks beyond the columns, each told with the talk that it belongs to. */
  readonly more?: Readonly<Record<string, Talk>>
}

const conversation = ['text', 'voice', 'tool', 'interruption', 'error'] as const

export const clients: readonly Client[] = [
  {
    name: '`openai` for Node',
    runtime: 'node',
    package: 'openai',
    script: 'openai.mjs',
    setting: "`baseURL: 'https://GATEWAY/v1'`",
    ownModel: null,
    talks: [...conversation, 'transcription'],
    more: { serverTool: 'tool' },
  },
  {
    name: '`openai` for Node, `AzureOpenAI`',
    runtime: 'node',
    package: 'openai',
    script: 'openai-azure.mjs',
    setting: "`endpoint: 'https://GATEWAY'`",
    ownModel: null,
    talks: conversation,
  },
  {
    name: '`openai/beta/realtime` for Node',
    runtime: 'node',
    package: 'openai',
    script: 'openai-beta.mjs',
    setting: "`baseURL: 'https://GATEWAY/v1'`",
    ownModel: null,
    talks: conversation,
  },
  {
    name: '`openai` for Python',
    runtime: 'python',
    package: 'openai',
    script: 'openai_sdk.py',
    setting: "`base_url='https://GATEWAY/v1'`",
    ownModel: null,
    talks: [...conversation, 'transcription'],
    more: { synchronous: 'text', keys: 'text' },
  },
  {
    name: 'OpenAI Agents SDK for Node',
    runtime: 'node',
    package: '@openai/agents-realtime',
    script: 'agents.mjs',
    setting: "`new OpenAIRealtimeWebSocket({ url: 'wss://GATEWAY/v1/realtime?model=…' })`",
    ownModel: null,
    talks: conversation,
    more: { serverTool: 'tool' },
  },
  {
    name: 'OpenAI Agents SDK for Python',
    runtime: 'python',
    package: 'openai-agents',
    script: 'agents_sdk.py',
    setting: "`model_config={'url': 'wss://GATEWAY/v1/realtime?model=…'}`",
    ownModel: null,
    talks: conversation,
  },
  {
    name: 'Vercel AI SDK',
    runtime: 'node',
    package: '@ai-sdk/openai',
    script: 'vercel.mjs',
    setting: "`createOpenAI({ baseURL: 'https://GATEWAY/v1' })`",
    ownModel: null,
    talks: [...conversation, 'transcription'],
  },
  {
    name: 'LiveKit Agents',
    runtime: 'node',
    package: '@livekit/agents-plugin-openai',
    script: 'livekit.mjs',
    setting: "`baseURL: 'https://GATEWAY/v1'`",
    ownModel: 'gpt-realtime',
    talks: [...conversation, 'transcription'],
    more: { serverTool: 'tool' },
  },
  {
    name: 'Mastra',
    runtime: 'node',
    package: '@mastra/voice-openai-realtime',
    script: 'mastra.mjs',
    setting: "`url: 'wss://GATEWAY/v1/realtime'`",
    ownModel: 'gpt-4o-mini-realtime-preview-2024-12-17',
    talks: conversation,
    more: { listening: 'voice' },
  },
  {
    name: '`openai-realtime-api`',
    runtime: 'node',
    package: 'openai-realtime-api',
    script: 'openai-realtime-api.mjs',
    setting: "`url: 'wss://GATEWAY/v1/realtime'`",
    ownModel: 'gpt-4o-realtime-preview-2024-10-01',
    talks: conversation,
  },
]

const here = import.meta.dirname
const root = join(here, '../..')

/** Packages that the repository has itself, at its own versions. */
const shared = ['openai', '@openai/agents-realtime', 'zod']

/** Exact versions of the packages from npm, by name. */
export function readNpmPins(): Readonly<Record<string, string>> {
  const { dependencies, devDependencies } = readManifest(join(root, 'package.json'))
  const own = { ...dependencies, ...devDependencies }
  return {
    ...Object.fromEntries(shared.map(name => [name, own[name] ?? ''])),
    ...readManifest(join(here, 'npm/package.json')).dependencies,
  }
}

/** Lines of the requirements file, as pip takes them. */
export function readPythonPins(): string[] {
  const text = readFileSync(join(here, 'python/requirements.txt'), 'utf8')
  return text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'))
}

/** Version of a client's package. @throws Error where nothing pins it */
export function versionOf({ runtime, package: name }: Client): string {
  const pinned =
    runtime === 'node'
      ? readNpmPins()[name]
      : readPythonPins()
          .map(line => line.split('=='))
          .find(([requirement = '']) => requirement.replace(/\[.*\]$/, '') === name)?.[1]
  if (pinned === undefined || !/^\d+(\.\d+)+$/.test(pinned))
    throw new Error(
      `"${name}" has no exact version: name it in tests/clients/${runtime === 'node' ? 'npm' : 'python'}/`,
    )
  return pinned
}

interface Manifest {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8'))
}
