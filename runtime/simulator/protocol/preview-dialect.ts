/**
 * The preview dialect of 2024-25, as Azure's `/openai/realtime?api-version=` still speaks it.
 * Written apart from the gateway's own translation on purpose: an error in one cannot hide an error in the other.
 */
import type { Dialect } from '../session/wire.ts'
import { type Fields, isFields } from './check.ts'
import { checkEvent } from './ga.ts'
import { previewClientEvents } from './preview.ts'
import { inward } from './preview-inward.ts'
import type { ServerEvent, SessionConfig } from './types.ts'

const renamed: Record<string, string> = {
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
  'response.output_audio.delta': 'response.audio.delta',
  'response.output_audio.done': 'response.audio.done',
  'response.output_audio_transcript.delta': 'response.audio_transcript.delta',
  'response.output_audio_transcript.done': 'response.audio_transcript.done',
  'conversation.item.added': 'conversation.item.created',
}

/**
 * The item has one announcement in the preview, where GA has two. A new conversation has none: the schema names one, and
 * Azure's own client for the preview (rt-client) takes it for an error.
 */
const unsaid = new Set(['conversation.item.done', 'conversation.created'])

const formatNames: Record<string, string> = {
  'audio/pcm': 'pcm16',
  'audio/pcmu': 'g711_ulaw',
  'audio/pcma': 'g711_alaw',
}

const partNames: Record<string, string> = { output_text: 'text', output_audio: 'audio' }

/** @param config the session's configuration as it stands: the preview shows fields that GA has dropped */
export function createPreviewDialect(config: () => SessionConfig): Dialect {
  return {
    check: event => checkEvent(previewClientEvents, event),
    inward,
    outward: event => (unsaid.has(event.type) ? [] : [outward(event, config)]),
  }
}

function outward(event: ServerEvent, config: () => SessionConfig): ServerEvent {
  const { obfuscation: _pad, ...said } = event
  said.type = renamed[event.type] ?? event.type
  if (event.type.startsWith('session.')) return sessionEvent(event, config())
  if (event.type.startsWith('response.content_part.')) delete said.content
  if (event.type === 'response.function_call_arguments.done') delete said.name
  if (isFields(event.item)) said.item = shownItem(event.item)
  if (isFields(event.response)) said.response = shownResponse(event.response, config())
  return said
}

function sessionEvent(event: ServerEvent, config: SessionConfig): ServerEvent {
  const { id, expires_at } = isFields(event.session) ? event.session : {}
  const session = shownPreviewSession(config, id, expires_at)
  return { ...event, type: config.type === 'realtime' ? event.type : `transcription_${event.type}`, session }
}

/** The preview's `session` object. */
export function shownPreviewSession(config: SessionConfig, id: unknown, expiresAt: unknown): Fields {
  const { input, output } = config.audio
  const heard = {
    turn_detection: shownTurns(config),
    input_audio_format: formatNames[input.format.type],
    input_audio_transcription: input.transcription,
    input_audio_noise_reduction: input.noise_reduction,
  }
  if (config.type === 'transcription') {
    return {
      id,
      object: 'realtime.transcription_session',
      expires_at: expiresAt,
      ...heard,
      include: config.include,
    }
  }
  return {
    id,
    object: 'realtime.session',
    model: config.model,
    expires_at: expiresAt,
    modalities: shownModalities(config.output_modalities),
    instructions: config.instructions,
    voice: output.voice,
    ...heard,
    output_audio_format: formatNames[output.format.type],
    tools: config.tools,
    tool_choice: shownChoice(config.tool_choice),
    temperature: config.temperature,
    max_response_output_tokens: config.max_output_tokens,
    speed: output.speed,
  }
}

function shownTurns({ audio }: SessionConfig): Fields | null {
  if (audio.input.turn_detection === null) return null
  const { idle_timeout_ms: _gaOnly, ...turns } = audio.input.turn_detection
  return turns
}

function shownChoice(choice: SessionConfig['tool_choice']): unknown {
  return typeof choice === 'object' && choice.type === 'function' ? choice.name : choice
}

function shownModalities(modalities: unknown): string[] {
  return Array.isArray(modalities) && modalities.includes('audio') ? ['audio', 'text'] : ['text']
}

function shownItem(item: Fields): Fields {
  const { phase: _gaOnly, id, ...rest } = item
  const content = Array.isArray(item.content)
    ? item.content.map(part =>
        isFields(part) ? { ...part, type: partNames[String(part.type)] ?? part.type } : part,
      )
    : undefined
  return { id, object: 'realtime.item', ...rest, ...(content !== undefined && { content }) }
}

function shownResponse(response: Fields, config: SessionConfig): Fields {
  const { output_modalities, audio, output, ...rest } = response
  const { format, voice } = isFields(audio) && isFields(audio.output) ? audio.output : {}
  return {
    ...rest,
    output: Array.isArray(output) ? output.map(shownItem) : [],
    modalities: shownModalities(output_modalities),
    voice,
    output_audio_format: isFields(format) ? formatNames[String(format.type)] : undefined,
    temperature: config.temperature,
  }
}
