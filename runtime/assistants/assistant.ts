/** An assistant as it was loaded: what its folder says, checked. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../core/errors.ts'
import { type ExtractorOptions, parseFieldsMap } from '../events/extract.ts'
import type { Fields } from '../events/fields.ts'
import { compileSchema, type Misfit } from '../events/json-schema.ts'
import { chooseModel, type ModelChoice } from '../upstream/model-choice.ts'
import { readAssistantFile } from './assistant-file.ts'
import type { AssistantFault } from './faults.ts'
import { type AssistantFolder, readFolder, versionOf } from './folder.ts'
import {
  compileInstructions,
  type Instructions,
  InstructionsError,
  instructionsFile,
} from './instructions.ts'
import { type AssistantFile, isToolName, toolNameAllowed } from './schema.ts'

/** What the environment's variables alone configure; its folder may add to that. */
export const defaultName = 'default'

export const assistantFile = 'assistant.yaml'
const toolsFolder = 'tools'
export const migrationFile = 'migrate.ts'

export interface McpServer {
  readonly name: string
  readonly url: string
  /** null: all of its tools. */
  readonly tools: readonly string[] | null
}

export interface Assistant {
  readonly name: string
  readonly description: string
  /** Hash of the folder and of what its files import: 12 hexadecimal digits. */
  readonly version: string
  /** Absolute path. */
  readonly folder: string
  /** A deployment that is configured; null: the first. */
  readonly deployment: string | null
  /** GA's session object, of which the variables say what is not said here. Never instructions, model or type. */
  readonly session: Fields
  /** null where the variables' own hold: the assistant `default` without an `instructions.md`. */
  readonly instructions: Instructions | null
  /** Instructions of the first answer; null where the person speaks first. */
  readonly greeting: string | null
  /** Globs of the events that `/realtime` lets through; null: those of the variables. */
  readonly events: readonly string[] | null
  /** null: as the variables say. */
  readonly extraction: ExtractorOptions | null
  /** Names of its tools on the server: files of `tools/`, without `.ts`. */
  readonly tools: readonly string[]
  readonly mcp: readonly McpServer[]
  /** Names of the variables that its tools may see. */
  readonly env: readonly string[]
  readonly isPinned: boolean
  /** It is offered over WebRTC, whatever the vendor's data channel shows. */
  readonly isVisibleOverWebrtc: boolean
  /** null: whoever has access to the gateway. */
  readonly access: { readonly principals: ReadonlySet<string>; readonly roles: ReadonlySet<string> } | null
  readonly limits: AssistantLimits
  readonly stateVersion: number
  /** Absolute path of the module that brings older state forward; null where there is none. */
  readonly migration: string | null
}

/** null: no limit of the assistant's own. */
export interface AssistantLimits {
  readonly sessionMs: number | null
  readonly toolCallsPerMinute: number | null
  readonly toolRounds: number | null
}

export interface LoadOptions {
  /** Absolute path of the folder of all assistants. */
  readonly root: string
  /** Which deployments there are. */
  readonly models: ModelChoice
}

/** Whether the gateway itself calls functions for it: then its calls must be joined. */
export function hasServerTools({ tools, mcp }: Pick<Assistant, 'tools' | 'mcp'>): boolean {
  return tools.length > 0 || mcp.length > 0
}

/**
 * Loads one assistant.
 * @param name of its folder below the root
 * @returns the assistant, or everything that is wrong with it
 */
export function loadAssistant(
  name: string,
  { root, models }: LoadOptions,
): { readonly assistant: Assistant } | { readonly faults: readonly AssistantFault[] } {
  const folder = readFolder(join(root, name))
  const file = `${name}/${assistantFile}`
  const faults: AssistantFault[] = folder.faults.map(({ path, message }) => ({
    file: path === '' ? name : `${name}/${path}`,
    line: null,
    message,
  }))
  const text = folder.files.get(assistantFile)?.bytes.toString()
  if (text === undefined) {
    const message = 'is missing; it says at least what the assistant does: "description: …"'
    faults.push({ file, line: null, message })
  }
  const read = readAssistantFile(file, text ?? 'description: none')
  faults.push(...read.faults)
  const note = (path: readonly PropertyKey[], message: string) =>
    faults.push({ file, line: read.lineOf(path), message })
  const instructions = loadInstructions(name, folder, faults)
  if (read.values === null) return { faults: sorted(faults) }
  const { values } = read
  const found = {
    deployment: findDeployment(values, models, note),
    extraction: findExtraction(values, folder, note),
    tools: findTools(values, folder, note, (path, message) =>
      faults.push({ file: `${name}/${path}`, line: null, message }),
    ),
  }
  checkServers(values, note)
  if (faults.length > 0) return { faults: sorted(faults) }
  return { assistant: { ...describeValues(values), ...found, name, instructions, ...placeOf(folder, root) } }
}

/** What the values say by themselves. */
function describeValues(values: AssistantFile) {
  const { access, limits } = values
  return {
    description: values.description,
    session: (values.session ?? {}) as Fields,
    greeting: values.greeting ?? null,
    events: values.events ?? null,
    mcp: (values.mcp ?? []).map(server => ({ ...server, tools: server.tools ?? null })),
    env: values.env ?? [],
    isPinned: values.pinned ?? false,
    isVisibleOverWebrtc: values.webrtc === 'visible',
    access:
      access === undefined
        ? null
        : { principals: new Set(access.principals ?? []), roles: new Set(access.roles ?? []) },
    limits: {
      sessionMs: limits?.session_minutes === undefined ? null : limits.session_minutes * 60_000,
      toolCallsPerMinute: limits?.tool_calls_per_minute ?? null,
      toolRounds: limits?.tool_rounds ?? null,
    },
    stateVersion: values.state_version ?? 1,
  }
}

function placeOf(folder: AssistantFolder, root: string) {
  const migration = folder.files.has(migrationFile) ? join(folder.path, migrationFile) : null
  return { folder: folder.path, version: versionOf(folder, root), migration }
}

type Note = (path: readonly PropertyKey[], message: string) => void

function loadInstructions(
  name: string,
  folder: AssistantFolder,
  faults: AssistantFault[],
): Instructions | null {
  if (name === defaultName && !folder.files.has(instructionsFile)) return null
  try {
    return compileInstructions(folder)
  } catch (fault) {
    if (!(fault instanceof InstructionsError)) throw fault
    faults.push({ file: `${name}/${instructionsFile}`, line: fault.line, message: fault.message })
    return null
  }
}

function findDeployment({ model }: AssistantFile, models: ModelChoice, note: Note): string | null {
  if (model === undefined) return null
  try {
    return chooseModel(models, model).deployment
  } catch (fault) {
    if (!(fault instanceof GatewayError)) throw fault
    const names = [...models.deployments, ...models.onRequest].map(known => `"${known}"`).join(', ')
    note(['model'], `model is "${model}", which is not configured; allowed is ${names}`)
    return null
  }
}

function findExtraction(
  { extract }: AssistantFile,
  folder: AssistantFolder,
  note: Note,
): ExtractorOptions | null {
  if (extract === undefined) return null
  return {
    types: extract.from,
    fieldsMap: Object.entries(extract.fields ?? {}).flatMap(([glob, fields]) =>
      parseFieldsMap(`${glob}:${fields.join(',')}`),
    ),
    textField: extract.text_field ?? 'text',
    strategy: extract.strategy ?? 'fenced_or_bare',
    outputMode: extract.output ?? 'replace',
    pick: extract.pick ?? 'first',
    arrays: extract.arrays ?? false,
    repair: extract.repair ?? false,
    onFail: extract.on_fail ?? 'drop',
    misfit: findSchema(extract.schema, folder, note),
  }
}

function findSchema(path: string | undefined, folder: AssistantFolder, note: Note): Misfit | undefined {
  if (path === undefined) return undefined
  const found = folder.files.get(path)
  if (found === undefined) {
    note(['extract', 'schema'], `extract.schema is "${path}", which is no file of this folder`)
    return undefined
  }
  try {
    return compileSchema(found.bytes.toString())
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault)
    note(['extract', 'schema'], `extract.schema is "${path}", which is no JSON Schema: ${reason}`)
    return undefined
  }
}

/** What might be meant as a tool; tests of tools have a dot in their names. */
const moduleOfTools = /^tools\/([^/.]+)\.([cm]?[jt]s|[jt]sx)$/

/** @param noteFile takes what is wrong with a file of the folder */
function findTools(
  { tools }: AssistantFile,
  folder: AssistantFolder,
  note: Note,
  noteFile: (path: string, message: string) => void,
): readonly string[] {
  const there: string[] = []
  for (const path of folder.files.keys()) {
    const [, name, ending] = moduleOfTools.exec(path) ?? []
    if (name === undefined) continue
    if (ending === 'ts') there.push(name)
    if (tools !== undefined) continue
    if (ending !== 'ts')
      noteFile(
        path,
        'is no tool, whose file ends in .ts; rename it, or list the tools under "tools" in assistant.yaml',
      )
    else if (!isToolName(name)) noteFile(path, `its name is no name of a tool; allowed is ${toolNameAllowed}`)
  }
  for (const [at, name] of (tools ?? []).entries()) {
    if (there.includes(name)) continue
    const choice =
      there.length === 0 ? `there is no file in ${toolsFolder}/` : `allowed is ${there.join(', ')}`
    note(['tools', at], `tools[${at}] is "${name}", which is no file of ${toolsFolder}/; ${choice}`)
  }
  return tools ?? there
}

function checkServers({ mcp = [] }: AssistantFile, note: Note): void {
  for (const [at, { name }] of mcp.entries())
    if (mcp.findIndex(other => other.name === name) !== at)
      note(
        ['mcp', at, 'name'],
        `mcp[${at}].name is "${name}" a second time; each server needs a name of its own`,
      )
}

function sorted(faults: readonly AssistantFault[]): AssistantFault[] {
  return [...faults].sort((a, b) =>
    a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1,
  )
}

/** Whether a folder has an assistant's file. */
export function isAssistantFolder(path: string): boolean {
  return existsSync(join(path, assistantFile))
}
