/** The `session` object of the GA dialect, as a client may send it. */
import { pcmRate } from '../../core/contract.ts'
import {
  anything,
  boolean,
  type Check,
  decimal,
  dictionary,
  either,
  fields,
  integer,
  isFields,
  list,
  nullable,
  oneOf,
  string,
  variants,
} from './check.ts'
import { maxOutputTokens, maxTools, voices } from './values.ts'

export const audioFormat = variants('type', {
  'audio/pcm': fields({ type: string(), rate: oneOf(pcmRate) }),
  'audio/pcmu': fields({ type: string() }),
  'audio/pcma': fields({ type: string() }),
})

const transcription = fields({
  model: string(),
  language: nullable(string()),
  languages: nullable(list(string())),
  prompt: nullable(string()),
  keywords: nullable(list(string())),
  delay: nullable(anything),
})

export const noiseReduction = fields({
  type: oneOf('near_field', 'far_field'),
  strength: decimal(0, 1),
})

export const turnDetection = variants('type', {
  server_vad: fields({
    type: string(),
    threshold: decimal(0, 1),
    prefix_padding_ms: integer(0),
    silence_duration_ms: integer(0),
    idle_timeout_ms: nullable(integer(5000, 30_000)),
    create_response: boolean,
    interrupt_response: boolean,
  }),
  semantic_vad: fields({
    type: string(),
    eagerness: oneOf('low', 'medium', 'high', 'auto'),
    create_response: boolean,
    interrupt_response: boolean,
  }),
})

export const voice = either(isFields, fields({ id: string() }, 'id'), oneOf(...voices))

export const tools = list(
  variants('type', {
    function: fields(
      { type: string(), name: string(64), description: nullable(string()), parameters: nullable(anything) },
      'name',
    ),
    mcp: fields(
      {
        type: string(),
        server_label: string(),
        server_url: string(),
        connector_id: string(),
        tunnel_id: string(),
        allowed_callers: nullable(list(oneOf('direct', 'programmatic'))),
        authorization: string(),
        headers: nullable(dictionary(string())),
        allowed_tools: nullable(anything),
        require_approval: nullable(anything),
        server_description: string(),
        defer_loading: boolean,
      },
      'server_label',
    ),
  }),
  maxTools,
)

export const toolChoice = either(
  isFields,
  variants('type', {
    function: fields({ type: string(), name: string() }, 'name'),
    mcp: fields({ type: string(), server_label: string(), name: nullable(string()) }, 'server_label'),
  }),
  oneOf('none', 'auto', 'required'),
)

export const tokenLimit = either(
  value => typeof value === 'number',
  integer(1, maxOutputTokens),
  oneOf('inf'),
)

export const prompt = nullable(
  fields({ id: string(), version: nullable(string()), variables: nullable(dictionary(anything)) }, 'id'),
)

export const reasoning = fields({ effort: oneOf('minimal', 'low', 'medium', 'high', 'xhigh') })

const outputModalities = list(oneOf('text', 'audio'))

/** GA allows one output modality at a time. */
export const modalities: Check = (value, path) => {
  const fault = outputModalities(value, path)
  if (fault !== null || !Array.isArray(value)) return fault
  if (value.length === 1) return null
  const shown = `[${value.map(entry => `'${entry}'`).join(', ')}]`
  const message = `Invalid modalities: ${shown}. Supported combinations are: ['text'] and ['audio'].`
  return { code: 'invalid_value', message, param: path }
}

const inputAudio = {
  format: audioFormat,
  transcription: nullable(transcription),
  noise_reduction: nullable(noiseReduction),
  turn_detection: nullable(turnDetection),
}

const include = nullable(list(oneOf('item.input_audio_transcription.logprobs')))

const tracing = nullable(
  either(
    isFields,
    fields({ workflow_name: string(), group_id: string(), metadata: anything }),
    oneOf('auto'),
  ),
)

const truncation = either(
  isFields,
  variants('type', {
    retention_ratio: fields(
      { type: string(), retention_ratio: decimal(0, 1), token_limits: nullable(anything) },
      'retention_ratio',
    ),
  }),
  oneOf('auto', 'disabled'),
)

/** `session` of `session.update` and of `client_secrets`. */
export const session = variants('type', {
  realtime: fields({
    type: string(),
    model: string(),
    output_modalities: modalities,
    instructions: string(),
    tools,
    tool_choice: toolChoice,
    max_output_tokens: tokenLimit,
    tracing,
    truncation,
    prompt,
    include,
    reasoning,
    parallel_tool_calls: boolean,
    audio: fields({
      input: fields(inputAudio),
      output: fields({ format: audioFormat, voice, speed: decimal(0.25, 1.5) }),
    }),
  }),
  transcription: fields({
    type: string(),
    audio: fields({ input: fields(inputAudio) }),
    include,
  }),
})
