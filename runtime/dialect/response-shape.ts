/** Responses and conversation items in both dialects. Sources: as of `session-shape.ts`. */
import { type Fields, isFields, present } from '../events/fields.ts'
import {
  formatToGa,
  formatToPreview,
  hasForeignTools,
  isChoiceForeignToGa,
  modalitiesToGa,
  modalitiesToPreview,
  toolChoiceToGa,
  toolChoiceToPreview,
  toolsToPreview,
  voiceToPreview,
} from './session-shape.ts'

/** Preview → GA names of what an assistant's message is made of. */
export const movedPartTypes: Readonly<Record<string, string>> = { text: 'output_text', audio: 'output_audio' }

const previewPartTypes: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(movedPartTypes).map(([preview, ga]) => [ga, preview]),
)

/** Preview name of a field that is asked for in a response → where GA has it. */
export const movedResponseFields: Readonly<Record<string, readonly string[]>> = {
  modalities: ['output_modalities'],
  voice: ['audio', 'output', 'voice'],
  output_audio_format: ['audio', 'output', 'format'],
  max_response_output_tokens: ['max_output_tokens'],
}

/** What only one dialect has in a response, or in the request for one. */
const previewOnly = [
  'modalities',
  'voice',
  'output_audio_format',
  'max_response_output_tokens',
  'temperature',
] as const
const gaOnly = ['output_modalities', 'audio', 'reasoning', 'parallel_tool_calls', 'prompt'] as const

/** Writes an item as GA has it. */
export function itemToGa(item: unknown): unknown {
  if (!isFields(item)) return item
  const { object: _previewOnly, ...rest } = item
  return withParts(rest, item.role === 'assistant' ? movedPartTypes : {})
}

/** Writes an item as the preview has it. @param announced by upstream: those carry their kind */
export function itemToPreview(item: unknown, announced: boolean): unknown {
  if (!isFields(item)) return item
  const { phase: _gaOnly, ...rest } = item
  const marked = announced && !('object' in rest) ? { object: 'realtime.item', ...rest } : rest
  return withParts(marked, previewPartTypes)
}

/** Whether an item is about an MCP server, which only GA has. */
export function isMcpItem(item: unknown): boolean {
  return isFields(item) && typeof item.type === 'string' && item.type.startsWith('mcp_')
}

function withParts(item: Fields, types: Readonly<Record<string, string>>): Fields {
  if (!Array.isArray(item.content)) return item
  const content = item.content.map(part =>
    isFields(part) && typeof part.type === 'string' && Object.hasOwn(types, part.type)
      ? { ...part, type: types[part.type] }
      : part,
  )
  return { ...item, content }
}

/** Whether an item of a client's is written as the preview has it. */
export function isItemForeignToGa(item: unknown): boolean {
  return isFields(item) && item.role === 'assistant' && hasParts(item, movedPartTypes)
}

/** Whether an item of a client's is written as GA has it. */
export function isItemForeignToPreview(item: unknown): boolean {
  return isFields(item) && hasParts(item, previewPartTypes)
}

function hasParts({ content }: Fields, types: Readonly<Record<string, string>>): boolean {
  return (
    Array.isArray(content) &&
    content.some(part => isFields(part) && typeof part.type === 'string' && Object.hasOwn(types, part.type))
  )
}

/** Whether GA would refuse a client's request for a response. */
export function isResponseForeignToGa(response: Fields): boolean {
  return (
    previewOnly.some(name => name in response) ||
    isChoiceForeignToGa(response.tool_choice) ||
    hasInput(response, isItemForeignToGa)
  )
}

/** Whether the preview would refuse it. */
export function isResponseForeignToPreview(response: Fields): boolean {
  const asked = [...gaOnly, 'max_output_tokens'] as const
  return (
    asked.some(name => name in response) ||
    hasForeignTools(response) ||
    hasInput(response, isInputForeignToPreview)
  )
}

const isInputForeignToPreview = (item: unknown) => isItemForeignToPreview(item) || isMcpItem(item)

function hasInput({ input }: Fields, isForeign: (item: unknown) => boolean): boolean {
  return Array.isArray(input) && input.some(isForeign)
}

/** Writes a response, or the request for one, as GA has it. */
export function responseToGa(response: Fields): Fields {
  const { modalities, voice, output_audio_format, max_response_output_tokens, ...given } = response
  const { temperature: _refused, input, output, tool_choice, ...rest } = given
  const spoken = present({ format: formatToGa(output_audio_format), voice })
  const audio = isFields(rest.audio) ? rest.audio : {}
  const asked = isFields(audio.output) ? audio.output : {}
  return present({
    ...rest,
    output_modalities: rest.output_modalities ?? modalitiesToGa(modalities),
    max_output_tokens: rest.max_output_tokens ?? max_response_output_tokens,
    audio: Object.keys(spoken).length === 0 ? rest.audio : { ...audio, output: { ...spoken, ...asked } },
    tool_choice: toolChoiceToGa(tool_choice),
    input: Array.isArray(input) ? input.map(itemToGa) : input,
    output: Array.isArray(output) ? output.map(itemToGa) : output,
  })
}

/** Writes a response as the preview has it. @param announced by upstream; false for a client's request */
export function responseToPreview(response: Fields, announced: boolean): Fields {
  const { output_modalities, audio, max_output_tokens, ...given } = response
  const {
    reasoning: _r,
    parallel_tool_calls: _p,
    prompt: _s,
    input,
    output,
    tools,
    tool_choice,
    ...rest
  } = given
  const items = (list: unknown, isAnnounced: boolean) =>
    Array.isArray(list)
      ? list.filter(item => !isMcpItem(item)).map(item => itemToPreview(item, isAnnounced))
      : list
  const spoken = isFields(audio) && isFields(audio.output) ? audio.output : {}
  const limit = announced ? 'max_output_tokens' : 'max_response_output_tokens'
  return present({
    ...rest,
    modalities: rest.modalities ?? modalitiesToPreview(output_modalities),
    voice: rest.voice ?? voiceToPreview(spoken.voice),
    output_audio_format: rest.output_audio_format ?? formatToPreview(spoken.format),
    [limit]: rest[limit] ?? max_output_tokens,
    tools: toolsToPreview(tools),
    tool_choice: toolChoiceToPreview(tool_choice),
    input: items(input, false),
    output: items(output, announced),
  })
}
