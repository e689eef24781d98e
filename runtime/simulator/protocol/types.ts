/** The shapes that live inside the simulator. They are the GA ones; the preview dialect is a translation at the edge. */
import type { Fault } from './check.ts'

export type Modality = 'text' | 'audio'
export type Status = 'in_progress' | 'completed' | 'incomplete'
export type ResponseStatus = 'in_progress' | 'completed' | 'cancelled' | 'incomplete' | 'failed'

/** A frame to the client. `event_id` is put in when it is sent. */
export interface ServerEvent {
  type: string
  [field: string]: unknown
}

/** A frame from the client that has passed its check. */
export interface ClientEvent {
  type: string
  event_id?: string
  [field: string]: unknown
}

export interface AudioFormat {
  type: 'audio/pcm' | 'audio/pcmu' | 'audio/pcma'
  rate?: number
}

/** Both kinds of turn detection in one: `server_vad` has the times, `semantic_vad` the eagerness. */
export interface TurnDetection {
  type: 'server_vad' | 'semantic_vad'
  threshold?: number
  prefix_padding_ms?: number
  silence_duration_ms?: number
  idle_timeout_ms?: number | null
  eagerness?: 'low' | 'medium' | 'high' | 'auto'
  create_response: boolean
  interrupt_response: boolean
}

export interface Transcription {
  model: string
  [field: string]: unknown
}

export interface Tool {
  type: 'function' | 'mcp'
  name?: string
  description?: string
  parameters?: unknown
  server_label?: string
  allowed_tools?: unknown
  require_approval?: unknown
}

export type ToolChoice =
  | 'auto'
  | 'none'
  | 'required'
  | { type: 'function'; name: string }
  | { type: 'mcp'; server_label: string; name?: string }

export interface SessionConfig {
  type: 'realtime' | 'transcription'
  model: string
  output_modalities: Modality[]
  instructions: string
  tools: Tool[]
  tool_choice: ToolChoice
  max_output_tokens: number | 'inf'
  tracing: unknown
  truncation: unknown
  prompt: unknown
  include: string[] | null
  reasoning?: unknown
  parallel_tool_calls?: boolean
  /** Preview only. */
  temperature: number
  audio: {
    input: {
      format: AudioFormat
      transcription: Transcription | null
      noise_reduction: unknown
      turn_detection: TurnDetection | null
    }
    output: { format: AudioFormat; voice: string | { id: string }; speed: number }
  }
}

export interface Part {
  type: string
  text?: string
  transcript?: string | null
  audio?: string
  image_url?: string
  detail?: string
}

export interface Item {
  id: string
  type: string
  status?: Status
  role?: 'system' | 'user' | 'assistant'
  phase?: 'commentary' | 'final_answer'
  content?: Part[]
  name?: string
  call_id?: string
  arguments?: string
  output?: string | null
  error?: unknown
  server_label?: string
  tools?: unknown[]
  approval_request_id?: string | null
  approve?: boolean
  reason?: string
}

export interface ResponseOptions {
  output_modalities?: Modality[]
  instructions?: string
  tools?: Tool[]
  tool_choice?: ToolChoice
  max_output_tokens?: number | 'inf'
  audio?: { output?: { format?: AudioFormat; voice?: string | { id: string } } }
  conversation?: string
  input?: (Partial<Item> & { type: string })[]
  metadata?: Record<string, string> | null
  temperature?: number
}

/** A client event that is refused: it is answered with an `error` event, and the session goes on. */
export class Refusal extends Error {
  readonly type: string
  readonly code: string | null
  readonly param: string | null

  constructor(
    fault: { code: string | null; message: string; param?: string | null },
    type = 'invalid_request_error',
  ) {
    super(fault.message)
    this.type = type
    this.code = fault.code
    this.param = fault.param ?? null
  }
}

/** @throws Refusal when there is a fault. */
export function refuse(fault: Fault | null): void {
  if (fault !== null) throw new Refusal(fault)
}
