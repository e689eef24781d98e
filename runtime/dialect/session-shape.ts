/**
 * The session object in both dialects. Each function takes either shape, or a mixture, and answers in its
 * own; what a dialect has no place for is left out, as upstream would refuse all for its sake.
 * Source: "Realtime API preview migration guide", learn.microsoft.com; the openai package's `realtime` and
 * `beta/realtime` types.
 */
import { pcmRate } from '../core/contract.ts'
import { type Fields, isFields, present } from '../events/fields.ts'

/** Preview name → where GA has it. Values that are written differently have a column of their own below. */
export const movedSessionFields: Readonly<Record<string, readonly string[]>> = {
  modalities: ['output_modalities'],
  voice: ['audio', 'output', 'voice'],
  speed: ['audio', 'output', 'speed'],
  input_audio_format: ['audio', 'input', 'format'],
  output_audio_format: ['audio', 'output', 'format'],
  input_audio_transcription: ['audio', 'input', 'transcription'],
  input_audio_noise_reduction: ['audio', 'input', 'noise_reduction'],
  turn_detection: ['audio', 'input', 'turn_detection'],
  max_response_output_tokens: ['max_output_tokens'],
}

/** Names that only one dialect knows. */
const previewOnly = [...Object.keys(movedSessionFields), 'temperature', 'client_secret']
const gaOnly = [
  'type',
  'output_modalities',
  'audio',
  'max_output_tokens',
  'truncation',
  'prompt',
  'reasoning',
  'parallel_tool_calls',
  'tracing',
]

/** Members that only GA knows of a moved field. */
const gaOnlyMembers: Readonly<Record<string, readonly string[]>> = {
  input_audio_transcription: ['languages', 'keywords', 'delay'],
  input_audio_noise_reduction: ['strength'],
  turn_detection: ['idle_timeout_ms'],
}

const formats = [
  ['pcm16', 'audio/pcm'],
  ['g711_ulaw', 'audio/pcmu'],
  ['g711_alaw', 'audio/pcma'],
] as const

/** Whether GA would refuse a session of a client's: it must name its type, and knows none of the preview's names. */
export function isForeignToGa(session: Fields): boolean {
  return (
    !('type' in session) ||
    previewOnly.some(name => name in session) ||
    isChoiceForeignToGa(session.tool_choice)
  )
}

/** Whether a tool's choice is written as the preview has it. */
export function isChoiceForeignToGa(choice: unknown): boolean {
  return toolChoiceToGa(choice) !== choice
}

/** Whether the preview would refuse a session of a client's. */
export function isForeignToPreview(session: Fields): boolean {
  return gaOnly.some(name => name in session) || hasForeignTools(session)
}

/** Whether tools, or the choice of one, are such as the preview does not know. */
export function hasForeignTools({ tools, tool_choice }: Fields): boolean {
  return isFields(tool_choice) || (Array.isArray(tools) && tools.some(isMcpTool))
}

function isMcpTool(tool: unknown): boolean {
  return isFields(tool) && tool.type === 'mcp'
}

/** The preview has functions alone. */
export function toolsToPreview(tools: unknown): unknown {
  return Array.isArray(tools) ? tools.filter(tool => !isMcpTool(tool)) : tools
}

/** Writes a session as GA has it. @param type used where the session does not name its own */
export function sessionToGa(session: Fields, type: 'realtime' | 'transcription' = 'realtime'): Fields {
  const moved: Fields = { type: session.type ?? type, ...without(session, previewOnly) }
  for (const [name, path] of Object.entries(movedSessionFields)) {
    if (name in session && readAt(moved, path) === undefined)
      writeAt(moved, path, valueToGa(name, session[name]))
  }
  if ('tool_choice' in moved) moved.tool_choice = toolChoiceToGa(moved.tool_choice)
  // A transcription session has no output.
  return moved.type === 'transcription' ? without(moved, ['output_modalities', 'tool_choice']) : moved
}

/** Writes a session as the preview has it. */
export function sessionToPreview(session: Fields): Fields {
  const moved = without(session, [...gaOnly, ...(session.type === 'transcription' ? [] : ['include'])])
  for (const [name, path] of Object.entries(movedSessionFields)) {
    const value = readAt(session, path)
    if (!(name in moved) && value !== undefined) moved[name] = valueToPreview(name, value)
  }
  if ('tool_choice' in moved) moved.tool_choice = toolChoiceToPreview(moved.tool_choice)
  if ('tools' in moved) moved.tools = toolsToPreview(moved.tools)
  return present(moved)
}

/** GA answers in one modality, and audio comes with its transcript. */
export function modalitiesToGa(modalities: unknown): unknown {
  if (!Array.isArray(modalities)) return modalities
  return modalities.includes('audio') ? ['audio'] : ['text']
}

export function modalitiesToPreview(modalities: unknown): unknown {
  if (!Array.isArray(modalities)) return modalities
  return modalities.includes('audio') ? ['audio', 'text'] : ['text']
}

export function formatToGa(format: unknown): unknown {
  const type = formats.find(([preview]) => preview === format)?.[1]
  if (type === undefined) return format
  return type === 'audio/pcm' ? { type, rate: pcmRate } : { type }
}

/**
 * Writes a format by its name alone. One that the preview does not have keeps its GA name, which upstream refuses: left
 * out, its audio would be taken for what it is not.
 * @returns undefined for a format without a type
 */
export function formatToPreview(format: unknown): unknown {
  if (!isFields(format)) return format
  const { type, rate } = format
  if (type === 'audio/pcm' && rate !== undefined && rate !== pcmRate) return type
  return formats.find(([, ga]) => ga === type)?.[0] ?? (typeof type === 'string' ? type : undefined)
}

/** A voice that was made by its user has an id, and the preview knows none. @returns undefined for such a one */
export function voiceToPreview(voice: unknown): unknown {
  return isFields(voice) ? undefined : voice
}

/**
 * The preview names a function by itself, or inside another object (`{type, function: {name}}` at Azure, `{type,
 * function}` in the rt-client); GA in one object.
 */
export function toolChoiceToGa(choice: unknown): unknown {
  if (isFields(choice) && choice.type === 'function' && 'function' in choice) {
    const name = isFields(choice.function) ? choice.function.name : choice.function
    return { type: 'function', name: choice.name ?? name }
  }
  if (typeof choice !== 'string' || ['auto', 'none', 'required'].includes(choice)) return choice
  return { type: 'function', name: choice }
}

/** @returns undefined for the choice of an MCP server, which the preview does not know */
export function toolChoiceToPreview(choice: unknown): unknown {
  const chosen = toolChoiceToGa(choice)
  if (isFields(chosen)) return chosen.type === 'function' ? chosen.name : undefined
  return choice
}

/** What each kind of turn detection has beside its type and what both have; GA refuses the other's. */
const turnFields: Readonly<Record<string, readonly string[]>> = {
  server_vad: ['threshold', 'prefix_padding_ms', 'silence_duration_ms', 'idle_timeout_ms'],
  semantic_vad: ['eagerness'],
}

/** The preview has `server_vad` where no type is named, a type `none`, and fields of both kinds side by side. */
export function turnsToGa(turns: unknown): unknown {
  if (!isFields(turns)) return turns
  const { type = 'server_vad', ...rest } = turns
  if (type === 'none') return null
  const others = Object.entries(turnFields).flatMap(([kind, names]) => (kind === type ? [] : names))
  return { type, ...(String(type) in turnFields ? without(rest, others) : rest) }
}

function valueToGa(name: string, value: unknown): unknown {
  if (name === 'modalities') return modalitiesToGa(value)
  if (name === 'turn_detection') return turnsToGa(value)
  return name.endsWith('_audio_format') ? formatToGa(value) : value
}

function valueToPreview(name: string, value: unknown): unknown {
  if (name === 'modalities') return modalitiesToPreview(value)
  if (name === 'voice') return voiceToPreview(value)
  const refused = gaOnlyMembers[name]
  if (refused !== undefined && isFields(value)) return without(value, refused)
  return name.endsWith('_audio_format') ? formatToPreview(value) : value
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}

function readAt(fields: Fields, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (isFields(value) ? value[name] : undefined), fields)
}

function writeAt(fields: Fields, [name = '', ...rest]: readonly string[], value: unknown): void {
  const inner = fields[name]
  if (rest.length === 0) fields[name] = value
  else {
    // A copy: the client's own object stays as it is.
    const copy = isFields(inner) ? { ...inner } : {}
    fields[name] = copy
    writeAt(copy, rest, value)
  }
}
