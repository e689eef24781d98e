/** Conversation items of the GA dialect as strict schemas. */
import { z } from 'zod'

const status = z.enum(['in_progress', 'completed', 'incomplete'])
/** An id that the client may have chosen. */
const anyId = z.string().min(1).max(64)

const inputText = z.strictObject({ type: z.literal('input_text'), text: z.string() })
const userPart = z.discriminatedUnion('type', [
  inputText,
  z.strictObject({
    type: z.literal('input_audio'),
    transcript: z.string().nullable(),
    audio: z.base64().optional(),
  }),
  z.strictObject({ type: z.literal('input_image'), image_url: z.string(), detail: z.string().optional() }),
])
const assistantPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('output_text'), text: z.string() }),
  z.strictObject({
    type: z.literal('output_audio'),
    transcript: z.string().optional(),
    audio: z.base64().optional(),
  }),
])
const message = { id: anyId, type: z.literal('message'), status }

const messageItem = z.discriminatedUnion('role', [
  z.strictObject({ ...message, role: z.literal('system'), content: z.array(inputText) }),
  z.strictObject({ ...message, role: z.literal('user'), content: z.array(userPart) }),
  z.strictObject({
    ...message,
    role: z.literal('assistant'),
    phase: z.enum(['commentary', 'final_answer']).optional(),
    content: z.array(assistantPart),
  }),
])

const mcp = { id: anyId, server_label: z.string(), name: z.string(), arguments: z.string() }

const otherItem = z.discriminatedUnion('type', [
  z.strictObject({
    id: anyId,
    type: z.literal('function_call'),
    status,
    name: z.string(),
    call_id: z.string(),
    arguments: z.string(),
  }),
  z.strictObject({
    id: anyId,
    type: z.literal('function_call_output'),
    call_id: z.string(),
    output: z.string(),
  }),
  z.strictObject({
    id: anyId,
    type: z.literal('mcp_list_tools'),
    server_label: z.string(),
    tools: z.array(
      z.strictObject({ name: z.string(), description: z.string(), input_schema: z.looseObject({}) }),
    ),
  }),
  z.strictObject({
    ...mcp,
    type: z.literal('mcp_call'),
    output: z.string().nullable(),
    error: z.strictObject({ type: z.string(), message: z.string() }).nullable(),
    approval_request_id: z.string().nullable(),
  }),
  z.strictObject({ ...mcp, type: z.literal('mcp_approval_request') }),
  z.strictObject({
    id: anyId,
    type: z.literal('mcp_approval_response'),
    approval_request_id: z.string(),
    approve: z.boolean(),
    reason: z.string().optional(),
  }),
])

export const item = z.union([messageItem, otherItem])
