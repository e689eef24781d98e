/** From the preview dialect to the simulator's own shapes: what clients send. */
import { pcmRate } from '../../core/contract.ts'
import { type Fields, isFields } from './check.ts'
import type { ClientEvent } from './types.ts'

const formats: Record<string, Fields> = {
  pcm16: { type: 'audio/pcm', rate: pcmRate },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
}

const assistantParts: Record<string, string> = { text: 'output_text', audio: 'output_audio' }

/** Translates a checked client event. */
export function inward(event: ClientEvent): ClientEvent {
  switch (event.type) {
    case 'session.update':
      return { ...event, session: sessionInward(event.session, 'realtime') }
    case 'transcription_session.update':
      return { ...event, type: 'session.update', session: sessionInward(event.session, 'transcription') }
    case 'conversation.item.create':
      return { ...event, item: itemInward(event.item) }
    case 'response.create':
      return { ...event, response: responseInward(event.response) }
    default:
      return event
  }
}

/** A preview `session` object as a GA one; fields that are not there stay away. */
export function sessionInward(session: unknown, type: 'realtime' | 'transcription'): Fields {
  const given = isFields(session) ? session : {}
  const { input_audio_format, output_audio_format } = given
  const input = present({
    format: formatInward(input_audio_format),
    transcription: given.input_audio_transcription,
    noise_reduction: given.input_audio_noise_reduction,
    turn_detection: turnsInward(given.turn_detection),
  })
  const output = present({
    format: formatInward(output_audio_format),
    voice: given.voice,
    speed: given.speed,
  })
  if (type === 'transcription') return present({ type, audio: { input }, include: given.include })
  return present({
    type,
    output_modalities: modalityInward(given.modalities),
    instructions: given.instructions,
    tools: given.tools,
    tool_choice: choiceInward(given.tool_choice),
    temperature: given.temperature,
    max_output_tokens: given.max_response_output_tokens,
    audio: { input, output },
  })
}

function responseInward(response: unknown): Fields | null {
  if (!isFields(response)) return null
  const { modalities, voice, output_audio_format, max_response_output_tokens, input, tool_choice, ...rest } =
    response
  const output = present({ format: formatInward(output_audio_format), voice })
  return present({
    ...rest,
    output_modalities: modalityInward(modalities),
    max_output_tokens: max_response_output_tokens ?? rest.max_output_tokens,
    tool_choice: choiceInward(tool_choice),
    audio: { output },
    input: Array.isArray(input) ? input.map(itemInward) : undefined,
  })
}

function itemInward(item: unknown): unknown {
  if (!isFields(item) || item.role !== 'assistant' || !Array.isArray(item.content)) return item
  const content = item.content.map(part =>
    isFields(part) ? { ...part, type: assistantParts[String(part.type)] ?? part.type } : part,
  )
  return { ...item, content }
}

function modalityInward(modalities: unknown): string[] | undefined {
  if (!Array.isArray(modalities)) return undefined
  return modalities.includes('audio') ? ['audio'] : ['text']
}

function choiceInward(choice: unknown): unknown {
  if (isFields(choice)) {
    const called = isFields(choice.function) ? choice.function.name : choice.function
    return { type: 'function', name: choice.name ?? called }
  }
  if (typeof choice !== 'string' || ['auto', 'none', 'required'].includes(choice)) return choice
  return { type: 'function', name: choice }
}

function turnsInward(turns: unknown): unknown {
  if (!isFields(turns)) return turns
  return turns.type === 'none' ? null : { type: 'server_vad', ...turns }
}

function formatInward(format: unknown): Fields | undefined {
  return typeof format === 'string' ? formats[format] : undefined
}

/** Leaves out what is undefined. */
function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
