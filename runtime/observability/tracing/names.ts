/**
 * Every name of a span, an attribute and a metric. Those of `gen_ai` are in *Development*
 * (github.com/open-telemetry/semantic-conventions-genai, read on 2026-11-28; of realtime sessions the open proposal 394):
 * they will change, and change here.
 */

/** Names of spans; that of a response is followed by the model. */
export const spanNames = {
  session: 'realtime_session',
  dial: 'realtime_dial',
  response: 'realtime_inference',
  tool: 'execute_tool',
  drain: 'session_drain',
  processDrain: 'gateway_drain',
} as const

export const attributes = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  conversation: 'gen_ai.conversation.id',
  assistant: 'gen_ai.agent.name',
  upstreamSession: 'gen_ai.realtime_session.id',
  response: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  firstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedTokens: 'gen_ai.usage.cache_read.input_tokens',
  textInput: 'gen_ai.usage.text.input_tokens',
  audioInput: 'gen_ai.usage.audio.input_tokens',
  imageInput: 'gen_ai.usage.image.input_tokens',
  textOutput: 'gen_ai.usage.text.output_tokens',
  audioOutput: 'gen_ai.usage.audio.output_tokens',
  tokenType: 'gen_ai.token.type',
  toolName: 'gen_ai.tool.name',
  toolCall: 'gen_ai.tool.call.id',
  outputMessages: 'gen_ai.output.messages',
  server: 'server.address',
  serverPort: 'server.port',
  error: 'error.type',
  // Of the gateway's own.
  connection: 'gateway.connection.id',
  route: 'gateway.route',
  revision: 'gateway.revision',
  replica: 'gateway.replica',
  principal: 'enduser.id',
  firstSoundMs: 'gateway.response.first_sound_ms',
  firstWordMs: 'gateway.response.first_word_ms',
  interrupted: 'gateway.response.interrupted',
  toolCalls: 'gateway.response.tool_calls',
  endedBy: 'gateway.session.ended_by',
  closeCode: 'gateway.session.close_code',
  link: 'gateway.link',
  connections: 'gateway.drain.connections',
  left: 'gateway.drain.left',
} as const

/** Values of `gateway.link`: why a span is linked. */
export const links = { resumed: 'resumed', renewed: 'renewed' } as const

/** Events of a session's span. */
export const spanEvents = { extractionFailed: 'extraction.failed' } as const

export const metricNames = {
  tokens: 'gen_ai.client.token.usage',
  duration: 'gen_ai.client.operation.duration',
  firstChunk: 'gen_ai.client.operation.time_to_first_chunk',
  tool: 'gen_ai.execute_tool.duration',
} as const

/** Bounds of the histograms: 4^0 to 4^13 tokens, and 10 ms to 82 s by powers of two. */
export const tokenBuckets = Array.from({ length: 14 }, (_, power) => 4 ** power)
export const durationBuckets = Array.from({ length: 14 }, (_, power) => 0.01 * 2 ** power)

/** Providers as the conventions name them. */
export const providerNames = { azure: 'azure.ai.openai', openai: 'openai', simulator: 'simulator' } as const
