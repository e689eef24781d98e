/**
 * The session object in both dialects. Each function takes either shape, or a mixture, and answers in its
 * own; what a dialect has no place for is left out, as upstream would refuse all for its sake.
 * Source: "Realtime API preview migration guide", learn.microsoft.com; the openai package's `realtime` and
 * `beta/realtime` types.
 */
import { type Fields, isFields } from '../events/fields.ts'

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
]

const formats = [
  ['pcm16', 'audio/pcm'],
  ['g711_ulaw', 'audio/pcmu'],
  ['g711_alaw', 'audio/pcma'],
] as const

const pcmRate = 24_000

/** Whether GA would refuse a session of a client's: it must name its type, and knows none of the preview's names. */
export function isForeignToGa(session: Fields): boolean {
  return !('type' in session) || previewOnly.some(name => name in session)
}

/** Whether the preview would refuse a session of a client's. */
export function isForeignToPreview(session: Fields): boolean {
  return gaOnly.some(name => name in session)
}

/** Writes a session as GA has it. @param type used where the session does not name its own */
export function sessionToGa(session: Fields, type: 'realtime' | 'transcription' = 'realtime'): Fields {
  const moved: Fields = { type: session.type ?? type, ...without(session, previewOnly) }
  for (const [name, path] of Object.entries(movedSessionFields)) {
    if (name in session && readAt(moved, path) === undefined)
      writeAt(moved, path, valueToGa(name, session[name]))
  }
  if ('tool_choice' in moved) moved.tool_choice = choiceToGa(moved.tool_choice)
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
  if ('tool_choice' in moved) moved.tool_choice = choiceToPreview(moved.tool_choice)
  return moved
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

export function formatToPreview(format: unknown): unknown {
  return formats.find(([, ga]) => isFields(format) && ga === format.type)?.[0] ?? format
}

/** The preview names a function by itself, GA in an object. */
export function choiceToGa(choice: unknown): unknown {
  if (typeof choice !== 'string' || ['auto', 'none', 'required'].includes(choice)) return choice
  return { type: 'function', name: choice }
}

export function choiceToPreview(choice: unknown): unknown {
  return isFields(choice) && choice.type === 'function' ? choice.name : choice
}

function valueToGa(name: string, value: unknown): unknown {
  if (name === 'modalities') return modalitiesToGa(value)
  return name.endsWith('_audio_format') ? formatToGa(value) : value
}

function valueToPreview(name: string, value: unknown): unknown {
  if (name === 'modalities') return modalitiesToPreview(value)
  if (name === 'turn_detection' && isFields(value)) return without(value, ['idle_timeout_ms'])
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
