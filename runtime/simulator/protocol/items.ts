/** Conversation items of the GA dialect, as a client may send them. */
import {
  anything,
  boolean,
  type Check,
  type Fault,
  fields,
  list,
  nullable,
  oneOf,
  string,
  variants,
  wrongType,
} from './check.ts'
import { maxIdLength } from './values.ts'

const id = string(maxIdLength)
const status = oneOf('completed', 'incomplete', 'in_progress')
const object = oneOf('realtime.item')
const common = { id, type: string(), status, object }

const inputText = fields({ type: string(), text: string() }, 'text')

const systemContent = list(variants('type', { input_text: inputText }))

const userContent = list(
  variants('type', {
    input_text: inputText,
    input_audio: fields({ type: string(), audio: base64, transcript: nullable(string()) }),
    input_image: fields(
      { type: string(), image_url: imageUrl, detail: oneOf('auto', 'low', 'high') },
      'image_url',
    ),
  }),
)

const assistantContent = list(
  variants('type', {
    output_text: fields({ type: string(), text: string() }, 'text'),
    output_audio: fields({ type: string(), audio: nullable(base64), transcript: nullable(string()) }),
  }),
)

const message = variants('role', {
  system: fields({ ...common, role: string(), content: systemContent }, 'content'),
  user: fields({ ...common, role: string(), content: userContent }, 'content'),
  assistant: fields(
    { ...common, role: string(), phase: oneOf('commentary', 'final_answer'), content: assistantContent },
    'content',
  ),
})

/** The items that carry no message, alike in both dialects. */
export const callItems: Record<string, Check> = {
  function_call: fields({ ...common, name: string(), call_id: id, arguments: string() }, 'name', 'arguments'),
  function_call_output: fields({ ...common, call_id: string(), output: string() }, 'call_id', 'output'),
  mcp_approval_response: fields(
    { ...common, approval_request_id: string(), approve: boolean, reason: nullable(string()) },
    'approval_request_id',
    'approve',
  ),
  mcp_list_tools: fields(
    { ...common, server_label: string(), tools: list(anything) },
    'server_label',
    'tools',
  ),
  mcp_call: fields(
    {
      ...common,
      server_label: string(),
      name: string(),
      arguments: string(),
      output: nullable(string()),
      error: nullable(anything),
      approval_request_id: nullable(string()),
    },
    'server_label',
    'name',
    'arguments',
  ),
  mcp_approval_request: fields(
    { ...common, server_label: string(), name: string(), arguments: string() },
    'server_label',
    'name',
    'arguments',
  ),
}

/** `item` of `conversation.item.create`. */
export const item = variants('type', { message, ...callItems })

/** An entry of `response.create`'s `input`: an item, or a reference to one. */
export const inputItem = variants('type', {
  item_reference: fields({ type: string(), id: string() }, 'id'),
  message,
  ...callItems,
})

/** Base64 text. Only its alphabet and length are looked at: decoding is the receiver's. */
export function base64(value: unknown, path: string): Fault | null {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  if (value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) return null
  const message = `Invalid '${path}'. Expected base64-encoded audio bytes, but got an invalid value.`
  return { code: 'invalid_value', message, param: path }
}

function imageUrl(value: unknown, path: string): Fault | null {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  if (/^data:image\/(png|jpe?g|webp|gif);base64,/.test(value)) return null
  const message = `Invalid '${path}'. Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,...'), but got unsupported MIME type or an invalid value.`
  return { code: 'invalid_value', message, param: path }
}
