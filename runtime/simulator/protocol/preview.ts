/** The client events of the 2024-25 preview dialect and the check that each must pass. */
import {
  anything,
  boolean,
  type Check,
  decimal,
  either,
  type Fault,
  fields,
  integer,
  isFields,
  list,
  nullable,
  oneOf,
  string,
  variants,
} from './check.ts'
import { common, metadata, sharedClientEvents } from './ga.ts'
import { base64, callItems } from './items.ts'
import * as session from './session.ts'
import { maxIdLength, maxTools, voices } from './values.ts'

const audioFormat = oneOf('pcm16', 'g711_ulaw', 'g711_alaw')
const temperature = decimal(0.6, 1.2)
const eachModality = list(oneOf('text', 'audio'))

/** The preview speaks with text beside audio, or in text alone. */
export const modalities: Check = (value, path) => {
  const fault = eachModality(value, path)
  if (fault !== null || !Array.isArray(value)) return fault
  return value.includes('text') ? null : badModalities(value, path)
}

const turnDetection = fields({
  type: oneOf('none', 'server_vad', 'semantic_vad'),
  threshold: decimal(0, 1),
  prefix_padding_ms: integer(0),
  silence_duration_ms: integer(0),
  eagerness: oneOf('low', 'medium', 'high', 'auto'),
  create_response: boolean,
  interrupt_response: boolean,
})

const tools = list(
  variants('type', {
    function: fields(
      { type: string(), name: string(64), description: nullable(string()), parameters: nullable(anything) },
      'name',
    ),
  }),
  maxTools,
)

/** By name alone, as the SDKs' type is; in an object with a name, or with the function, as Azure's reference and the rt-client have it. */
const toolChoice = either(
  isFields,
  variants('type', {
    function: fields({
      type: string(),
      name: string(),
      function: either(isFields, fields({ name: string() }, 'name'), string()),
    }),
  }),
  string(),
)

const inputFields = {
  input_audio_format: audioFormat,
  input_audio_transcription: nullable(
    fields({ model: string(), language: nullable(string()), prompt: nullable(string()) }),
  ),
  input_audio_noise_reduction: nullable(fields({ type: oneOf('near_field', 'far_field') })),
  turn_detection: nullable(turnDetection),
}

/** `session` of `session.update` and of the preview's key endpoints. `type` is not among its fields. */
export const previewSession = fields({
  ...inputFields,
  model: string(),
  modalities,
  instructions: string(),
  voice: oneOf(...voices),
  output_audio_format: audioFormat,
  tools,
  tool_choice: toolChoice,
  temperature,
  max_response_output_tokens: session.tokenLimit,
  speed: decimal(0.25, 1.5),
  client_secret: nullable(anything),
})

/** `session` of `transcription_session.update`. */
export const previewTranscriptionSession = fields({
  ...inputFields,
  modalities: eachModality,
  include: nullable(list(string())),
  client_secret: nullable(anything),
})

const itemBase = {
  id: string(maxIdLength),
  type: string(),
  object: string(),
  status: string(),
  role: string(),
}
const inputText = fields({ type: string(), text: string() }, 'text')

const message = variants('role', {
  system: fields({ ...itemBase, content: list(variants('type', { input_text: inputText })) }, 'content'),
  user: fields(
    {
      ...itemBase,
      content: list(
        variants('type', {
          input_text: inputText,
          input_audio: fields({ type: string(), audio: base64, transcript: nullable(string()) }),
          item_reference: fields({ type: string(), id: string() }, 'id'),
        }),
      ),
    },
    'content',
  ),
  assistant: fields({ ...itemBase, content: list(variants('type', { text: inputText })) }, 'content'),
})

const { function_call = anything, function_call_output = anything } = callItems
const itemShapes = { message, function_call, function_call_output }

const response = fields({
  modalities,
  instructions: nullable(string()),
  voice: oneOf(...voices),
  output_audio_format: audioFormat,
  tools,
  tool_choice: toolChoice,
  temperature,
  max_response_output_tokens: session.tokenLimit,
  max_output_tokens: session.tokenLimit,
  conversation: oneOf('auto', 'none'),
  input: list(
    variants('type', { ...itemShapes, item_reference: fields({ type: string(), id: string() }, 'id') }),
  ),
  metadata: nullable(metadata),
})

export const previewClientEvents: Record<string, Check> = {
  'session.update': fields({ ...common, session: previewSession }, 'session'),
  'transcription_session.update': fields({ ...common, session: previewTranscriptionSession }, 'session'),
  ...sharedClientEvents,
  'conversation.item.create': fields(
    { ...common, item: variants('type', itemShapes), previous_item_id: nullable(string(maxIdLength)) },
    'item',
  ),
  'response.create': fields({ ...common, response: nullable(response) }),
}

function badModalities(value: unknown[], path: string): Fault {
  const shown = `[${value.map(entry => `'${entry}'`).join(', ')}]`
  const message = `Invalid modalities: ${shown}. Supported combinations are: ['text'] and ['audio', 'text'].`
  return { code: 'invalid_value', message, param: path }
}
