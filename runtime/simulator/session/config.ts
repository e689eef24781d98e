/** Changes to a session's configuration, and how it is shown. */
import { type Fields, isFields } from '../protocol/check.ts'
import { Refusal, type SessionConfig, type Tool, type TurnDetection } from '../protocol/types.ts'
import { completeTurnDetection } from './defaults.ts'

/**
 * Applies a checked partial `session` object.
 *
 * @param hasSpoken whether the conversation holds assistant audio: the voice is fixed from then on
 * @returns the new configuration; the given one is not touched
 * @throws Refusal `cannot_update_voice`, or when the session is of the other type
 */
export function changedConfig(config: SessionConfig, patch: Fields, hasSpoken: boolean): SessionConfig {
  if (patch.type !== undefined && patch.type !== config.type) {
    const message = `Passing a ${patch.type} session update event to a ${config.type} session is not allowed.`
    throw new Refusal({ code: null, message })
  }
  const { audio, model: _fixed, ...plain } = patch
  const { input, output } = isFields(audio) ? audio : {}
  const next = { ...config, ...plain } as SessionConfig
  next.audio = {
    input: changedInput(config, isFields(input) ? input : {}),
    output: { ...config.audio.output, ...(isFields(output) && output) },
  }
  const before = JSON.stringify(config.audio.output.voice)
  if (hasSpoken && JSON.stringify(next.audio.output.voice) !== before) {
    const message = "Cannot update a conversation's voice if assistant audio is present."
    throw new Refusal({ code: 'cannot_update_voice', message })
  }
  return next
}

function changedInput(config: SessionConfig, patch: Fields): SessionConfig['audio']['input'] {
  const before = config.audio.input
  const next = { ...before, ...patch } as SessionConfig['audio']['input']
  if (isFields(patch.turn_detection)) {
    const given = patch.turn_detection as Partial<TurnDetection>
    next.turn_detection = completeTurnDetection(given, before.turn_detection, config.model)
  }
  if (isFields(patch.transcription)) {
    const base = { model: 'whisper-1', language: null, prompt: null }
    next.transcription = { ...base, ...before.transcription, ...patch.transcription }
  }
  return next
}

/**
 * The `session` object of server events in the GA dialect, with the keys in the order seen on the wire.
 *
 * @param expiresAt Unix seconds; 0 in the answer of `client_secrets`
 */
export function shownSession(config: SessionConfig, id: string, expiresAt: number): Fields {
  const { format, transcription, noise_reduction, turn_detection } = config.audio.input
  const input = { format, transcription, noise_reduction, turn_detection }
  if (config.type === 'transcription') {
    return {
      type: config.type,
      object: 'realtime.transcription_session',
      id,
      expires_at: expiresAt,
      audio: { input },
      include: config.include,
    }
  }
  return {
    type: config.type,
    object: 'realtime.session',
    id,
    model: config.model,
    output_modalities: config.output_modalities,
    instructions: config.instructions,
    tools: config.tools.map(shownTool),
    tool_choice: config.tool_choice,
    max_output_tokens: config.max_output_tokens,
    tracing: config.tracing,
    truncation: config.truncation,
    prompt: config.prompt,
    ...(config.reasoning !== undefined && { reasoning: config.reasoning }),
    ...(config.parallel_tool_calls !== undefined && { parallel_tool_calls: config.parallel_tool_calls }),
    expires_at: expiresAt,
    audio: { input, output: config.audio.output },
    include: config.include,
  }
}

/** A function without a description is shown with none. Source: OpenAI's answer to `client_secrets` (pydantic-ai, 2026-07). */
function shownTool(tool: Tool): object {
  return tool.type === 'function' && tool.description === undefined ? { ...tool, description: null } : tool
}
